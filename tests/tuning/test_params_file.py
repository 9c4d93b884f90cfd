"""Changing params.yaml as a person would, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from electrode_bench.errors import UserError
from electrode_bench.tuning.params_file import with_model_values

TEXT = "seed: 1  # the root\nmodels:\n  forest:\n    trees: 5  # few\n  # About the next one.\n  other: {x: null}\n"


def _changed(folder: Path, text: str, **values: object) -> str:
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return with_model_values(folder / "params.yaml", "forest", values)


def test_comments_and_other_values_stay(tmp_path: Path) -> None:
    assert _changed(tmp_path, TEXT, trees=9) == TEXT.replace("5", "9")
    added = _changed(tmp_path, TEXT, rate=1e-05, widths=[2, 3])
    assert added == TEXT.replace("    trees", "    widths: [2, 3]\n    rate: 1e-05\n    trees")
    assert _changed(tmp_path, "seed: 1\n", trees=9) == "seed: 1\nmodels:\n  forest:\n    trees: 9\n"


@pytest.mark.parametrize(
    "text",
    [
        "models: {forest: &x {trees: 5}, other: *x}",
        "base: &x {trees: 5}\nmodels: {forest: *x}",
        "models: [forest]",
        "models: {forest: [1]}",
        "models: [",
        "- 1",
        "",
    ],
)
def test_a_file_that_would_change_elsewhere_too_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        UserError, match=r"params.yaml cannot be changed .*set these by hand under models.forest: "
    ) as caught:
        _changed(tmp_path, text, trees=9)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "params.yaml").read_text(encoding="utf-8") == text
