"""What README and the documentation show of results and answers, made again.

    python -m benchmarks.readme

The results are those in docs/results/2023.11.1, as ``electrode-bench show --results docs/results/2023.11.1 --markdown``
prints them. The answer is what the pre-trained model says.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import markdown
from electrode_bench.core.artifacts import write_text
from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.exported import Exported
from electrode_bench.report import costs, leaderboard, numbers, tables
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
        f"The data are release {data['release']} (`{data['source']}`, md5 `{data['md5']}`). "
        f"Licence: {data['licence']}. "
        f"The code is version {code['version']}, commit `{code['commit'][:12]}`. "
        f"The fits took {about['fit_cpu_seconds'] / 60:.0f} processor minutes on {machine['cores']} cores."
    )


def models() -> str:
    """What each model reads, its errors and coverage under the main protocol, and what a fold takes."""
    exported = Exported.open(RESULTS)
    board = Leaderboard.read(exported, taken=exported.costs())
    table = exported.comparison("table").query("protocol == @board.main_protocol").set_index("model")
    head = ["model", "reads", *(f"{column.label}, SMAE" for column in TARGETS.values())]
    rows = []
    for line in board.protocols[board.main_protocol]:
        errors = [f"{place.smae:.3f}" for place in line.places.values()]
        held = " ".join(numbers.percent(value).rstrip("%") for value in line.coverage.values())
        taken = costs.texts({"cpu_seconds": line.cpu_seconds, "peak_rss_mb": line.peak_mb})
        rows.append([line.title, str(table.loc[line.model, "reads"]), *errors, f"{held} %", *taken])
    rows.append([str(table.loc[CONTROL, "title"]), "nothing", *["1"] * len(TARGETS), "", "", ""])
    head += [f"coverage of {numbers.percent(board.level)} intervals", *costs.HEADS]
    return markdown.table(head, rows, left=2)


def answer() -> str:
    """What the pre-trained model predicts for a candidate in a folder without a project, up to its notes."""
    command = [sys.executable, "-m", "electrode_bench", "predict", "LiFePO4"]
    with tempfile.TemporaryDirectory() as folder:
        printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    shown = printed[: printed.index("\nBoosting (pre-trained) was fitted on")]
    lines = [line.rstrip() for line in shown.strip().splitlines()]
    return "\n".join(["```text", "$ electrode-bench predict LiFePO4", *lines, "```"])


#: What is made again, by its name in the comments of the pages.
BLOCKS = {"results": results, "origin": origin, "models": models, "answer": answer}

#: The pages, and the blocks of each.
PAGES = {
    PAGE: ("results", "origin"),
    ROOT / "docs" / "results.md": ("results", "origin"),
    ROOT / "docs" / "models.md": ("models",),
    ROOT / "docs" / "index.md": ("answer",),
}


def made(page: Path) -> str:
    """A page with its blocks made again."""
    return markdown.filled(page.read_text(encoding="utf-8"), {name: BLOCKS[name] for name in PAGES[page]})


def main() -> None:
    """Write the blocks of all pages."""
    for page in PAGES:
        write_text(made(page), page)


if __name__ == "__main__":
    main()
