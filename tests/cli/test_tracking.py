"""promote and ui."""

from __future__ import annotations

import socket

from electrode_bench.project import Project


def test_promote_refuses_a_model_that_may_be_no_better_than_the_control(run, finished: Project) -> None:
    code, out, err = run("--project", str(finished.root), "promote", "--protocol", "loco")
    assert (code, out) == (2, "")
    assert "rf_magpie is not promoted: under loco the 95% interval" in err


def test_ui_prints_its_command(run, project: Project) -> None:
    code, out, _ = run("--project", str(project.root), "ui", "--print")
    assert (code, "mlflow ui" in out) == (0, True)


def test_a_port_in_use_is_an_error(run, project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = run("--project", str(project.root), "ui", "--port", str(port))
    assert (code, out) == (2, "")
    assert f"port {port} is in use; choose another" in err
