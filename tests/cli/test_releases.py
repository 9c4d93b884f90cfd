"""data diff on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from electrode_bench.project import Project


def test_two_files(run, project: Project, tmp_path: Path) -> None:
    head, *rows = (project.paths.data / "cut.csv").read_text().splitlines(keepends=True)
    newer = tmp_path / "newer.csv"
    newer.write_text("".join([head, *rows[:-10]]))
    command = ["-p", str(project.root), "data", "diff", str(newer)]
    code, out, err = run(*command, "--csv", str(tmp_path / "out"), "--figure", str(tmp_path / "x.png"))
    assert code == 0
    assert "New: this project" in out
    assert f"{len(rows) - 10} electrodes are in both releases" in out
    assert "Synthetic data" in out
    assert err.startswith("Written: ")
    assert (tmp_path / "x.png").exists()
    assert (tmp_path / "out" / "electrodes.csv").exists()
    shown = json.loads(run(*command, "--json")[1])
    assert shown["matched_by"] == "id"
    assert shown["by_ion"][0]["added"] == len(shown["electrodes"]) == 10
    assert {row["status"] for row in shown["electrodes"]} == {"added"}
    assert shown["electrodes"][0]["old_id"] is None
    assert shown["scores"] is None
    by_formula = json.loads(run(*command, "--json", "--match", "formula")[1])
    assert by_formula["matched_by"] == "formula"


def test_bad_input_is_one_line(run, project: Project, tmp_path: Path) -> None:
    (tmp_path / "text.csv").write_text("hello\n1\n")
    for named, text in (("none.csv", "no such file, folder or commit"), (str(tmp_path / "text.csv"), "missing")):
        code, out, err = run("-p", str(project.root), "data", "diff", named)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert text in err
        assert len(err.splitlines()) == 1


def test_two_projects_with_results(run, finished: Project) -> None:
    code, out, _ = run("-p", str(finished.root), "data", "diff", str(finished.root))
    assert code == 0
    assert "Errors on electrodes in both: grouped" in out
    assert "RF@Magpie" in out
