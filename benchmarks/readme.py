"""README's results, from the exported results of the last real study.

    python -m benchmarks.readme

The tables are what ``electrode-bench show --results docs/results/2023.11.1 --markdown`` prints.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import markdown
from electrode_bench.core.artifacts import write_text
from electrode_bench.exported import Exported
from electrode_bench.report import leaderboard, tables
from electrode_bench.report.leaderboard import Leaderboard

ROOT = Path(__file__).parents[1]
PAGE, RESULTS = ROOT / "README.md", ROOT / "docs" / "results" / "2023.11.1"


def results() -> str:
    """Who is best under each protocol and by how much, as Markdown."""
    exported = Exported.open(RESULTS)
    return tables.wrapped(leaderboard.markdown(Leaderboard.read(exported, taken=exported.costs())))


def origin() -> str:
    """Which data, code and machine the results are of."""
    about = Exported.open(RESULTS).about()
    data, code, machine = about["data"], about["code"], about["machine"]
    return markdown.paragraph(
        f"The data are release {data['release']} (`{data['source']}`, md5 `{data['md5']}`, {data['licence']}). "
        f"The code is version {code['version']}, commit `{code['commit'][:12]}`. "
        f"The fits took {about['fit_cpu_seconds'] / 60:.0f} processor minutes on {machine['cores']} cores."
    )


#: The blocks of the page by their name in its comments.
BLOCKS = {"results": results, "origin": origin}


def main() -> None:
    """Write the blocks of README.md."""
    write_text(markdown.filled(PAGE.read_text(encoding="utf-8"), BLOCKS), PAGE)


if __name__ == "__main__":
    main()
