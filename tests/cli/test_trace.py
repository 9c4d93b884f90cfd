from __future__ import annotations

import json

from electrode_bench.project import Project


def test_the_number_its_sources_and_the_checks_are_printed(run, finished: Project) -> None:
    arguments = ("--project", str(finished.root), "trace", "control", "grouped", "average_voltage")
    code, out, err = run(*arguments, "--metric", "mae", "--verify", "--refit", "--workers", "1")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("MAE (V) of average voltage: ")
    assert {"predictions", "folds", "configuration", "code", "data", "pipeline", "MLflow"} <= set(lines)
    assert [line.partition(":")[0] for line in lines[-4:]] == ["passed"] * 4
    code, out, _ = run(*arguments, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["number"]["value"] == 1
    assert found["checks"] == []
