"""Makes electrodes.csv: SYNTHETIC insertion electrodes, for trying the pipeline. README.md says how and why.

    python sample/generate.py                        # writes electrodes.csv beside this file
    python sample/generate.py --rows 120 --out x.csv # a cut-down one

The same arguments always give the same bytes: only `random.Random`'s documented streams are drawn from, and
numbers are written with ten digits.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pymatgen.core import Composition, Element

SEED = 20260308
ROWS = 160

COLUMNS = (
    "Battery ID", "Battery Formula", "Working Ion", "Formula Charge", "Formula Discharge", "Max Delta Volume",
    "Average Voltage", "Gravimetric Capacity", "Volumetric Capacity", "Gravimetric Energy", "Volumetric Energy",
    "Atomic Fraction Charge", "Atomic Fraction Discharge", "Stability Charge", "Stability Discharge", "Steps",
    "Max Voltage Step",
)  # fmt: skip

# --- facts --------------------------------------------------------------------------------------------------------

# mAh/mol: Faraday constant (CODATA 2018, exact) over 3.6 C/mAh.
MAH_PER_MOLE = 1.602176634e-19 * 6.02214076e23 / 3.6
# Å3 per formula unit times this is cm3/mol.
CM3_PER_MOLE = 0.602214076


@dataclass(frozen=True)
class Ion:
    """A working ion: charge, radius (Å), standard electrode potential (V against hydrogen), share of the rows."""

    charge: int
    radius: float
    potential: float
    share: float


# Radii: R. D. Shannon, Acta Cryst. A 32, 751 (1976), effective ionic, six-coordinate.
# Potentials: CRC Handbook of Chemistry and Physics, "Electrochemical Series".
# Shares: about those of the working ions in the Battery Explorer.
IONS = {
    "Li": Ion(1, 0.76, -3.04, 0.56),
    "Ca": Ion(2, 1.00, -2.87, 0.10),
    "Mg": Ion(2, 0.72, -2.37, 0.097),
    "Zn": Ion(2, 0.74, -0.76, 0.084),
    "Na": Ion(1, 1.02, -2.71, 0.071),
    "K": Ion(1, 1.38, -2.93, 0.025),
    "Al": Ion(3, 0.535, -1.66, 0.022),
    "Y": Ion(3, 0.90, -2.37, 0.021),
    "Rb": Ion(1, 1.52, -2.98, 0.012),
    "Cs": Ion(1, 1.67, -3.03, 0.008),
}

# Radius (Å) of a redox metal at each oxidation state; Shannon 1976, six-coordinate, high spin.
METAL_RADII = {
    "Ti": {2: 0.86, 3: 0.67, 4: 0.605},
    "V": {2: 0.79, 3: 0.64, 4: 0.58, 5: 0.54},
    "Cr": {2: 0.80, 3: 0.615, 4: 0.55},
    "Mn": {2: 0.83, 3: 0.645, 4: 0.53},
    "Fe": {2: 0.78, 3: 0.645, 4: 0.585},
    "Co": {2: 0.745, 3: 0.61, 4: 0.53},
    "Ni": {2: 0.69, 3: 0.60, 4: 0.48},
    "Cu": {1: 0.77, 2: 0.73, 3: 0.54},
    "Nb": {3: 0.72, 4: 0.68, 5: 0.64},
    "Mo": {3: 0.69, 4: 0.65, 5: 0.61, 6: 0.59},
    "W": {4: 0.66, 5: 0.62, 6: 0.60},
    "Ru": {3: 0.68, 4: 0.62, 5: 0.565},
}

# Radius (Å) of what does not change its charge: Shannon 1976, six-coordinate anions, four-coordinate small
# cations (carbon: three-coordinate's order); C and N share the thermochemical radius of cyanide, 1.91 Å.
FIXED_RADII = {
    "O": 1.40, "F": 1.33, "S": 1.84, "Se": 1.98, "P": 0.17, "Si": 0.26, "B": 0.11, "As": 0.335, "Ge": 0.39,
}  # fmt: skip

# Voltage (V against lithium) of taking a metal from the given oxidation state down by one, in an oxide. Chosen by
# hand, to one decimal, to follow the order of A. Manthiram, Nat. Commun. 11, 1550 (2020); not measured values.
COUPLES = {
    "Ti": {4: 1.6, 3: 0.7},
    "V": {5: 3.3, 4: 2.6, 3: 1.5},
    "Cr": {4: 3.7, 3: 1.6},
    "Mn": {4: 3.6, 3: 2.8},
    "Fe": {4: 3.9, 3: 2.6},
    "Co": {4: 4.0, 3: 3.4},
    "Ni": {4: 4.1, 3: 3.9},
    "Cu": {3: 3.8, 2: 2.7},
    "Nb": {5: 1.6, 4: 1.1},
    "Mo": {6: 2.5, 5: 2.2, 4: 1.9},
    "W": {6: 2.3, 5: 1.8},
    "Ru": {5: 3.6, 4: 3.1},
}


@dataclass(frozen=True)
class Host:
    """A framework with ``metals`` redox-active atoms per formula unit.

    ``fixed`` are the other atoms and ``charge`` the sum of their charges; ``sites`` is how many ions fit;
    ``packing`` the part of the volume that the ionic spheres fill; ``shift`` (V) the anion's (inductive) shift.
    """

    name: str
    fixed: dict[str, int]
    charge: int
    metals: int
    sites: int
    packing: float
    shift: float
    weight: float
    small_ions_only: bool = False


# Packing fractions were set by hand so that known densities come out within a few per cent (LiCoO2, LiFePO4, ...);
# shifts follow the electronegativity of the polyanion (Manthiram 2020; G. Hautier et al., Chem. Mater. 23, 3495, 2011).
HOSTS = (
    Host("layered oxide", {"O": 2}, -4, 1, 1, 0.78, 0.0, 10),
    Host("spinel oxide", {"O": 4}, -8, 2, 1, 0.72, 0.3, 8, small_ions_only=True),
    Host("pentoxide", {"O": 5}, -10, 2, 2, 0.66, 0.1, 3),
    Host("trioxide", {"O": 3}, -6, 1, 2, 0.70, 0.0, 5),
    Host("trititanate type", {"O": 7}, -14, 3, 4, 0.70, -0.1, 2),
    Host("rock-salt titanate type", {"O": 12}, -24, 5, 7, 0.72, 0.0, 2, small_ions_only=True),
    Host("olivine phosphate", {"P": 1, "O": 4}, -3, 1, 1, 0.68, 0.9, 8, small_ions_only=True),
    Host("nasicon phosphate", {"P": 3, "O": 12}, -9, 2, 4, 0.63, 1.0, 7),
    Host("metaphosphate", {"P": 3, "O": 9}, -3, 1, 1, 0.58, 1.3, 4),
    Host("pyrophosphate", {"P": 2, "O": 7}, -4, 1, 2, 0.61, 1.1, 6),
    Host("mixed phosphate", {"P": 4, "O": 15}, -10, 3, 4, 0.62, 1.0, 3),
    Host("fluorophosphate", {"P": 1, "O": 4, "F": 1}, -4, 1, 2, 0.66, 1.1, 5),
    Host("layered fluorophosphate", {"P": 2, "O": 8, "F": 3}, -9, 2, 4, 0.64, 1.1, 3),
    Host("sulfate", {"S": 3, "O": 12}, -6, 2, 2, 0.60, 1.4, 3),
    Host("marinite sulfate", {"S": 2, "O": 8}, -4, 1, 2, 0.60, 1.4, 2),
    Host("fluorosulfate", {"S": 1, "O": 4, "F": 1}, -3, 1, 1, 0.63, 1.5, 3),
    Host("silicate", {"Si": 1, "O": 4}, -4, 1, 2, 0.67, 0.5, 6),
    Host("germanate", {"Ge": 1, "O": 4}, -4, 1, 2, 0.67, 0.5, 2),
    Host("borate", {"B": 1, "O": 3}, -3, 1, 1, 0.66, 0.5, 4, small_ions_only=True),
    Host("arsenate", {"As": 1, "O": 4}, -3, 1, 1, 0.65, 0.8, 2),
    Host("trifluoride", {"F": 3}, -3, 1, 1, 0.65, 1.2, 3),
    Host("hexafluoride", {"F": 6}, -6, 1, 3, 0.62, 1.4, 2),
    Host("layered sulfide", {"S": 2}, -4, 1, 1, 0.85, -1.0, 6),
    Host("thiospinel", {"S": 4}, -8, 2, 1, 0.82, -0.9, 4, small_ions_only=True),
    Host("layered selenide", {"Se": 2}, -4, 1, 1, 0.85, -1.2, 3),
)
# The charge of sulfur and its radius depend on the host: sulfide S2- or sulfate S6+ (0.12 Å).
SULFATE_RADIUS = 0.12


@dataclass(frozen=True)
class Explicit:
    """A host without one redox metal: its own ion contents (per formula unit) and voltage against lithium."""

    host: str
    ions: dict[str, tuple[str, ...]]
    voltage: float


# Compositions of known intermetallic, graphite and Chevrel phases; voltages to one decimal, chosen by hand.
EXPLICIT = (
    Explicit("C6", {"Li": ("1/2", "1"), "Ca": ("1",)}, 0.1),
    Explicit("C8", {"K": ("1/2", "1"), "Rb": ("1",), "Cs": ("1",)}, 0.2),
    Explicit("Si4", {"Li": ("7", "15"), "Mg": ("8",), "Ca": ("2", "8")}, 0.3),
    Explicit("Ge4", {"Li": ("9", "15"), "Mg": ("8",), "Na": ("4",)}, 0.3),
    Explicit("Sn4", {"Li": ("4", "15"), "Na": ("9", "15"), "Mg": ("8",), "Ca": ("4", "8")}, 0.4),
    Explicit("Sb", {"Li": ("2", "3"), "Na": ("3",), "K": ("3",), "Zn": ("1",), "Y": ("1",)}, 0.8),
    Explicit("Bi2", {"Li": ("2", "6"), "Mg": ("3",), "Na": ("6",), "Ca": ("3",)}, 0.7),
    Explicit("Al2", {"Li": ("2",), "Ca": ("1",), "Y": ("1",)}, 0.3),
    Explicit("Cu", {"Al": ("1", "2"), "Zn": ("1",), "Mg": ("1/2",)}, 0.3),
    Explicit("Ni", {"Al": ("1", "3"), "Zn": ("1",), "Y": ("1/5", "1/3")}, 0.4),
    Explicit("Ti", {"Al": ("1", "3")}, 0.5),
    Explicit("Mo", {"Al": ("5", "8")}, 0.3),
    Explicit("Co", {"Al": ("1",), "Y": ("1/5", "1/2")}, 0.4),
    Explicit("Mo6S8", {"Mg": ("1", "2"), "Zn": ("1", "2"), "Al": ("4/3",), "Li": ("1", "3"), "Ca": ("1",)}, 2.0),
)

# --- one electrode ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A charged-discharged pair: ``host`` atoms per formula unit and the ion's amounts at both ends."""

    ion: str
    host: tuple[tuple[str, int], ...]
    charged: Fraction
    discharged: Fraction
    #: Volume (Å3) of the charged and discharged formula unit, and voltage against the ion's metal, both without noise.
    volumes: tuple[float, float]
    voltage: float


def sphere(radius: float) -> float:
    return 4 / 3 * math.pi * radius**3


def between(table: dict[int, float], state: Fraction) -> float:
    """A property of a metal at a fractional oxidation state, linear between whole ones."""
    low = math.floor(state)
    part = float(state - low)
    return table[low] * (1 - part) + (table[low + 1] * part if part else 0.0)


def mean_couple(metal: str, high: Fraction, low: Fraction) -> float:
    """Mean voltage (oxide, against lithium) of reducing ``metal`` from ``high`` to ``low``."""
    work = 0.0
    for state, voltage in COUPLES[metal].items():
        used = min(high, Fraction(state)) - max(low, Fraction(state - 1))
        work += voltage * max(float(used), 0.0)
    return work / float(high - low)


def ion_shift(ion: str) -> float:
    """Voltage against the ion's own metal less that against lithium: the metals' potentials, and a price of
    0.05 V per charge above one and 0.3 V per Å of misfit with an octahedral site's 0.75 Å."""
    facts = IONS[ion]
    price = 0.05 * (facts.charge - 1) + 0.3 * abs(facts.radius - 0.75)
    return -(facts.potential - IONS["Li"].potential) - price


def redox_pair(host: Host, metals: Sequence[str], ion: str, high: Fraction, low: Fraction) -> Pair | None:
    """The pair that runs the metals of ``host`` from ``high`` down to ``low``; None where the ions do not fit."""
    charge = IONS[ion].charge
    charged = -(host.charge + host.metals * high) / charge
    discharged = -(host.charge + host.metals * low) / charge
    if charged < 0 or discharged > host.sites:
        return None
    # Two metals share the host's sites evenly, so that the formula may have to be doubled to stay in whole numbers.
    double = 1 if host.metals % len(metals) == 0 else len(metals)
    atoms = {metal: host.metals * double // len(metals) for metal in metals}
    for element, amount in host.fixed.items():
        atoms[element] = atoms.get(element, 0) + amount * double
    fixed = sum(sphere(fixed_radius(element, host)) * amount for element, amount in host.fixed.items())
    volumes = []
    for state, amount in ((high, charged), (low, discharged)):
        metal = sum(sphere(between(METAL_RADII[m], state)) for m in metals) * host.metals / len(metals)
        volumes.append(double * (fixed + metal + sphere(IONS[ion].radius) * float(amount)) / host.packing)
    voltage = sum(mean_couple(m, high, low) for m in metals) / len(metals) + host.shift + ion_shift(ion)
    ends = (charged * double, discharged * double)
    return Pair(ion, tuple(atoms.items()), *ends, (volumes[0], volumes[1]), voltage)


def fixed_radius(element: str, host: Host) -> float:
    return SULFATE_RADIUS if element == "S" and "O" in host.fixed else FIXED_RADII[element]


def explicit_pair(entry: Explicit, ion: str, low: int, high: int) -> Pair:
    """From the ``low``-th ion content (0: none) of ``entry`` to its ``high``-th; volumes from the elements' own."""
    host = {str(e): int(a) for e, a in Composition(entry.host).get_el_amt_dict().items()}
    contents = [Fraction(0), *map(Fraction, entry.ions[ion])]
    volumes = [
        # Compounds are denser than their elements, by a tenth or so.
        0.9 * (sum(element_volume(e) * a for e, a in host.items()) + element_volume(ion) * float(contents[i]))
        for i in (low, high)
    ]
    # Against its own metal an alloying ion's voltage is small, whichever it is; Chevrel phases follow the redox rule.
    voltage = entry.voltage + (ion_shift(ion) if entry.voltage > 1 else 0.0)
    return Pair(ion, tuple(host.items()), contents[low], contents[high], (volumes[0], volumes[1]), voltage)


def element_volume(element: str) -> float:
    """Volume (Å3) of an atom in the element; carbon's and sulfur's from graphite's and rhombic sulfur's density."""
    return {"C": 8.8, "S": 25.8}.get(element) or float(Element(element).molar_volume) / CM3_PER_MOLE


# --- drawing ------------------------------------------------------------------------------------------------------


def draw_pair(rng: random.Random, ion: str) -> Pair:
    """A random pair for ``ion``."""
    small = IONS[ion].radius < 1.2
    hosts = [host for host in HOSTS if small or not host.small_ions_only]
    alloys = [entry for entry in EXPLICIT if ion in entry.ions]
    while True:
        if alloys and rng.random() < (0.4 if ion in ("Al", "Y") else 0.06):
            entry = rng.choice(alloys)
            high = rng.randint(1, len(entry.ions[ion]))
            return explicit_pair(entry, ion, rng.randint(0, high - 1), high)
        host = rng.choices(hosts, [h.weight for h in hosts])[0]
        metals = [rng.choice(sorted(COUPLES))]
        if rng.random() < 0.45:
            metals.append(rng.choice(sorted(set(COUPLES) - set(metals))))
        highs = [max(COUPLES[m]) for m in metals]
        lows = [min(COUPLES[m]) - 1 for m in metals]
        # The metals start from the highest state that the host's charge and the metals allow, or a step below.
        neutral = Fraction(-host.charge, host.metals)
        high = min([Fraction(h) for h in highs] + [neutral])
        electrons = rng.choices([Fraction(1), Fraction(1, 2), Fraction(3, 2), Fraction(2)], [72, 14, 6, 8])[0]
        if rng.random() < 0.12:
            high -= Fraction(1, 2)
        low = high - electrons
        if low < max(lows) or high > min(highs):
            continue
        pair = redox_pair(host, metals, ion, high, low)
        if pair is not None:
            return pair


def quotas(rows: int) -> dict[str, int]:
    """Rows of each working ion: its share, and not less than three."""
    counts = {ion: max(3, round(rows * facts.share)) for ion, facts in IONS.items()}
    counts["Li"] += rows - sum(counts.values())
    return counts


def electrodes(rows: int, seed: int, draw: Callable[[random.Random, str], Pair] = draw_pair) -> list[dict[str, Any]]:
    """``rows`` electrodes as dicts of COLUMNS; ``draw`` draws a random pair for an ion."""
    rng = random.Random(seed)
    pairs: list[Pair] = []
    for ion, count in quotas(rows).items():
        drawn: list[Pair] = []
        while len(drawn) < count:
            # The real data repeat formulas: polymorphs of one pair, and one host charged to another end.
            chance = rng.random()
            if drawn and chance < 0.07:
                drawn.append(rng.choice(drawn))
            elif drawn and chance < 0.13:
                drawn.append(half_charged(rng.choice(drawn)))
            else:
                drawn.append(draw(rng, ion))
        pairs += drawn
    rng.shuffle(pairs)
    unphysical = set(rng.sample(range(rows), max(1, round(rows * 0.006))))
    return [row(rng, number, pair, number - 1 in unphysical) for number, pair in enumerate(pairs, 1)]


def half_charged(pair: Pair) -> Pair:
    """``pair`` with only half of its ions taken out."""
    half = (pair.charged + pair.discharged) / 2
    volume = sum(pair.volumes) / 2
    return Pair(pair.ion, pair.host, half, pair.discharged, (volume, pair.volumes[1]), pair.voltage - 0.15)


def row(rng: random.Random, number: int, pair: Pair, unphysical: bool) -> dict[str, Any]:
    charge = IONS[pair.ion].charge
    host = dict(pair.host)
    mass = sum(float(Element(e).atomic_mass) * a for e, a in host.items())
    mass += float(Element(pair.ion).atomic_mass) * float(pair.discharged)
    # A polymorph has a voltage and a volume of its own.
    voltage = pair.voltage + rng.gauss(0, 0.15)
    charged, discharged = (volume * (1 + rng.gauss(0, 0.02)) for volume in pair.volumes)
    gravimetric = float(pair.discharged - pair.charged) * charge * MAH_PER_MOLE / mass
    volumetric = gravimetric * mass / (discharged * CM3_PER_MOLE)
    if unphysical:
        voltage = rng.uniform(8, 25) if rng.random() < 0.7 else rng.uniform(-6, -3)
    steps = 1 + sum(rng.random() < chance for chance in (0.14, 0.05))
    atoms = sum(host.values())
    stability = rng.gammavariate(0.8, 0.08)
    return {
        "Battery ID": f"synthetic-{number:04d}_{pair.ion}",
        "Battery Formula": battery_formula(pair),
        "Working Ion": pair.ion,
        "Formula Charge": formula(host, pair.ion, pair.charged),
        "Formula Discharge": formula(host, pair.ion, pair.discharged),
        "Max Delta Volume": abs(discharged - charged) / charged,
        "Average Voltage": voltage,
        "Gravimetric Capacity": gravimetric,
        "Volumetric Capacity": volumetric,
        "Gravimetric Energy": gravimetric * voltage,
        "Volumetric Energy": volumetric * voltage,
        "Atomic Fraction Charge": float(pair.charged / (pair.charged + atoms)),
        "Atomic Fraction Discharge": float(pair.discharged / (pair.discharged + atoms)),
        "Stability Charge": max(0.0, stability + rng.gauss(0.02, 0.02)),
        "Stability Discharge": stability,
        "Steps": steps,
        "Max Voltage Step": abs(rng.gauss(0, 0.6)) if steps > 1 else 0.0,
    }


def formula(host: dict[str, int], ion: str, amount: Fraction) -> str:
    """Reduced formula of ``host`` with ``amount`` of ``ion``."""
    whole = {element: count * amount.denominator for element, count in host.items()}
    if amount:
        whole[ion] = whole.get(ion, 0) + amount.numerator
    return str(Composition(whole).reduced_formula)


def battery_formula(pair: Pair) -> str:
    """The Battery Explorer's name: the ion's range per reduced framework, to two decimals."""
    name, units = Composition(dict(pair.host)).get_reduced_formula_and_factor()
    ends = "-".join(f"{round(float(end) / units, 2):g}" for end in (pair.charged, pair.discharged))
    return f"{pair.ion}{ends}{name}"


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.10g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS, help="electrodes, at least 40 (default %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("electrodes.csv"))
    options = parser.parse_args(arguments)
    if options.rows < 40:
        parser.error("--rows must be at least 40: ten working ions with a few rows each")
    options.out.write_text(as_csv(electrodes(options.rows, options.seed)), encoding="utf-8", newline="\n")
    print(f"{options.out}: {options.rows} synthetic electrodes")


if __name__ == "__main__":
    main()
