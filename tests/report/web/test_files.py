from __future__ import annotations

import re

from electrode_bench.report import formulas
from electrode_bench.report.web import files


def test_scripts_find_the_amounts_of_a_formula_as_python_does() -> None:
    (text,) = (script.text() for script in files.SCRIPTS if script.name == "text.js")
    found = re.search(r"^const AMOUNT = /(.*)/g;$", text, flags=re.MULTILINE)
    assert found
    assert found[1] == formulas.AMOUNT
