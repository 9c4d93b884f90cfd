"""Make SYNTHETIC electrodes by the thousand, for measuring how the pipeline grows with the number of rows.

    python benchmarks/synthetic.py --rows 100000 --out big.csv
    electrode-bench data use big.csv

They are the electrodes of ``sample/generate.py``, with one change: in most of them a part of one redox metal is
replaced by another. So about seven rows in ten have a discharged formula of their own, as in the Materials Project's
export; of 100,000 rows as the sample has them, only 12,600 do. No result on them says anything about materials. The
same arguments always give the same bytes.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

#: Formula units of which one metal atom after another is replaced.
_UNITS = 12

#: Share of the drawn pairs in which a metal is partly replaced.
_REPLACED = 0.9


def sample_generator() -> ModuleType:
    """The module ``sample/generate.py``, which lies outside any package."""
    path = Path(__file__).parents[1] / "sample" / "generate.py"
    spec = importlib.util.spec_from_file_location("sample_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def electrodes(rows: int, seed: int) -> list[dict[str, Any]]:
    """``rows`` electrodes as dicts of the sample's columns."""
    generate = sample_generator()

    def draw(rng: random.Random, ion: str) -> Any:
        pair = generate.draw_pair(rng, ion)
        return _mixed(generate, pair, rng) if rng.random() < _REPLACED else pair

    made: list[dict[str, Any]] = generate.electrodes(rows, seed, draw)
    return made


def _mixed(generate: ModuleType, pair: Any, rng: random.Random) -> Any:
    """``pair`` with a part of one redox metal replaced by another one."""
    host = {element: amount * _UNITS for element, amount in pair.host}
    metals = sorted(set(host) & set(generate.COUPLES))
    if not metals:
        return pair
    old = rng.choice(metals)
    new = rng.choice(sorted(set(generate.COUPLES) - {old}))
    moved = rng.randint(1, host[old] - 1)
    share = moved / sum(host[metal] for metal in metals)
    host[old] -= moved
    host[new] = host.get(new, 0) + moved
    return replace(
        pair,
        host=tuple(host.items()),
        charged=pair.charged * _UNITS,
        discharged=pair.discharged * _UNITS,
        volumes=tuple(volume * _UNITS for volume in pair.volumes),
        voltage=pair.voltage + share * (_mean(generate.COUPLES[new]) - _mean(generate.COUPLES[old])),
    )


def _mean(couples: dict[int, float]) -> float:
    return sum(couples.values()) / len(couples)


def main(arguments: Sequence[str] | None = None) -> None:
    generate = sample_generator()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000, help="electrodes, at least 40 (default %(default)s)")
    parser.add_argument("--seed", type=int, default=generate.SEED)
    parser.add_argument("--out", type=Path, required=True, help="the CSV file that is written")
    options = parser.parse_args(arguments)
    if options.rows < 40:
        parser.error("--rows must be at least 40: ten working ions with a few rows each")
    options.out.write_text(generate.as_csv(electrodes(options.rows, options.seed)), encoding="utf-8", newline="\n")
    print(f"{options.out}: {options.rows} synthetic electrodes")


if __name__ == "__main__":
    main()
