"""Amounts in formulas are subscripts, and nothing else is."""

from __future__ import annotations

import pytest

from electrode_bench.report import formulas


@pytest.mark.parametrize(
    ("formula", "html", "mathtext"),
    [
        ("LiFePO4", "LiFePO<sub>4</sub>", "LiFePO$_{4}$"),
        ("Na0.67MnO2", "Na<sub>0.67</sub>MnO<sub>2</sub>", "Na$_{0.67}$MnO$_{2}$"),
        (
            "Li3V2(PO4)3",
            "Li<sub>3</sub>V<sub>2</sub>(PO<sub>4</sub>)<sub>3</sub>",
            "Li$_{3}$V$_{2}$(PO$_{4}$)$_{3}$",
        ),
        ("12: LiO2 (30)", "12: LiO<sub>2</sub> (30)", "12: LiO$_{2}$ (30)"),
        ("<b>", "&lt;b&gt;", "<b>"),
    ],
)
def test_amounts_are_subscripts(formula: str, html: str, mathtext: str) -> None:
    assert formulas.to_html(formula) == html
    assert formulas.to_mathtext(formula) == mathtext
