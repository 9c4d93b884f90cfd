from __future__ import annotations

import json

import pytest

from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.project import Project


def test_dvc_shows_one_number_for_each_model(finished: Project) -> None:
    (values,) = json.loads(finished.paths.metrics.read_text()).values()
    table = finished.comparison("table").query("protocol == 'grouped'").set_index("model")
    assert set(values) == set(table.index) - {CONTROL}
    for model, value in values.items():
        assert value == pytest.approx(sum(table.loc[model, f"{target}/smae"] for target in TARGETS) / len(TARGETS))
