"""Chemical formulas with their amounts as subscripts."""

from __future__ import annotations

import html
import re

#: An amount in a formula: a number that follows an element or a bracket. The page's script uses the same expression.
AMOUNT = r"(?<=[A-Za-z)\]])(\d+(?:[./]\d+)?)"


def to_html(text: str) -> str:
    """A formula, or text that contains formulas, as HTML.

    >>> to_html("Li3V2(PO4)3")
    'Li<sub>3</sub>V<sub>2</sub>(PO<sub>4</sub>)<sub>3</sub>'
    >>> to_html("LiNi1/2Mn1/2O2")
    'LiNi<sub>1/2</sub>Mn<sub>1/2</sub>O<sub>2</sub>'
    """
    return re.sub(AMOUNT, r"<sub>\1</sub>", html.escape(text))


def to_mathtext(text: str) -> str:
    """The same for matplotlib, in which text between dollar signs is mathematical.

    >>> to_mathtext("LiFePO4")
    'LiFePO$_{4}$'
    """
    return re.sub(AMOUNT, r"$_{\1}$", text)
