"""Put the page of candidates together: the template, the style sheets and the scripts in one HTML file."""

from __future__ import annotations

from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.report.candidates.data import data, summary
from electrode_bench.report.candidates.shown import Shown
from electrode_bench.report.web import files

_PACKAGE = "electrode_bench.report.candidates"

#: The page's style sheets, in their order.
STYLES = (*files.STYLES, *files.assets(_PACKAGE, "candidates.css"))

#: The scripts that show candidates anywhere, each after those that it imports from.
VIEW = (
    *files.SCRIPTS,
    *files.assets(_PACKAGE, "scale.js", "labels.js", "chart.js", "energies.js", "known.js", "rows.js", "filters.js",
                  "view.js"),
)  # fmt: skip

#: The page's scripts.
SCRIPTS = (*VIEW, *files.assets(_PACKAGE, "page.js"))


def html(shown: Shown) -> str:
    """The page.

    Parameters
    ----------
    shown : with at least one candidate.
    """
    from markupsafe import Markup

    style, script = files.styles(STYLES), files.bundle(SCRIPTS)
    return files.templates(_PACKAGE).get_template("page.html.j2").render(
        title=title(shown),
        summary=summary(shown),
        rejects=shown.rejects,
        about=dict(shown.about),
        synthetic_notice=SYNTHETIC_NOTICE if shown.synthetic else None,
        style=Markup(style),
        script=Markup(script),
        style_hash=Markup(files.content_hash(style)),
        script_hash=Markup(files.content_hash(script)),
        data=Markup(files.embedded(data(shown))),
    )  # fmt: skip


def title(shown: Shown) -> str:
    """The page's title: how many candidates there are, of which ions."""
    ions = list(shown.ion_styles())
    kind = f"{ions[0]} electrodes" if len(ions) == 1 else "electrodes"
    return f"{len(shown.rows):,} candidate {kind}" if len(shown.rows) > 1 else f"Candidate {shown.names()[0]}"
