"""Colours, markers and fonts of every figure: interactive, static, and on the page.

The palette is that of M. Okabe and K. Ito (2008, https://jfly.uni-koeln.de/color/), which people with any kind of
colour vision can distinguish. Numbers are coloured with Cividis (J. R. Nuñez et al., PLoS ONE 13, e0199239, 2018).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from electrode_bench.core.schema import CONTROL

#: Okabe and Ito's colours without black. Yellow comes last because it is faint on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
#: The control, and electrodes in no cluster.
GREY = "#8C8C8C"
INK = "#222222"
GRID = "#EEEEEE"
WARNING = "#B00020"

#: Markers by plotly's names, with matplotlib's name of each.
SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "circle": "o",
        "square": "s",
        "diamond": "D",
        "triangle-up": "^",
        "star": "*",
        "pentagon": "p",
        "triangle-down": "v",
        "cross": "P",
    }
)
_DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot")

#: Colour map of numbers, by plotly's name; matplotlib's is the same in lower case.
COLOUR_MAP = "Cividis"

#: Plots with at least this many points are drawn with WebGL, because SVG becomes slow.
WEBGL_FROM = 2000

FONT = MappingProxyType({"family": "Helvetica, Arial, sans-serif", "size": 13, "color": INK})


@dataclass(frozen=True)
class Style:
    """How one model, cluster or working ion is drawn. Symbol and dash are plotly's names."""

    colour: str
    symbol: str
    dash: str = "solid"

    @property
    def marker(self) -> str:
        """The symbol as matplotlib names it."""
        return "x" if self.symbol == "x" else SYMBOLS[self.symbol]

    def size(self, width: int) -> int:
        """The marker's size when a circle has this width: other shapes look smaller than a circle as wide as they are.

        A cross, which marks what is in the background, is smaller.
        """
        return {"circle": width, "x": width - 1}.get(self.symbol, width + 2)


#: The control's style in every plot, and that of electrodes in no cluster.
BACKGROUND = Style(GREY, "x", "dot")


def model_styles(names: Iterable[str]) -> dict[str, Style]:
    """A style for each model, the same in all plots that list the models in the same order. The control is grey."""
    others = [name for name in dict.fromkeys(names) if name != CONTROL]
    symbols = list(SYMBOLS)
    styles = {
        name: Style(COLOURS[i % len(COLOURS)], symbols[i % len(symbols)], _DASHES[i % len(_DASHES)])
        for i, name in enumerate(others)
    }
    return {CONTROL: BACKGROUND, **styles}


def group_styles(n: int) -> list[Style]:
    """``n`` styles for clusters or ions: first all colours with one symbol, then with the next."""
    pairs = [Style(colour, symbol) for symbol, colour in product(SYMBOLS, COLOURS)]
    return [pairs[i % len(pairs)] for i in range(n)]
