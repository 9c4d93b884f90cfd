"""What is answered about one composition. The command line, the served model and the page show the same content."""

from __future__ import annotations

from dataclasses import dataclass

from electrode_bench.inference.reading import Reading


@dataclass(frozen=True)
class Estimate:
    """A predicted quantity in its unit, with the ends of its 90% prediction interval.

    The ends are None where no interval is justified; :attr:`Answer.no_interval` says why.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ExtractedShare:
    """How much of the working ion is extracted."""

    #: Predicted gravimetric capacity over the theoretical one.
    value: float
    #: The probability that all of it is extracted: that the share is above the last threshold.
    full_extraction: float
    #: The probability that the share is at most a threshold, for each of schema.SHARE_THRESHOLDS.
    at_most: dict[float, float]


@dataclass(frozen=True)
class Neighbour:
    """A known composition near the candidate, with mean and range of the targets of its electrodes."""

    formula: str
    #: ElMD to the candidate.
    distance: float
    #: How many known electrodes have this composition.
    electrodes: int
    targets: dict[str, float]
    lowest: dict[str, float]
    highest: dict[str, float]


@dataclass(frozen=True)
class ModelAnswer:
    """What one of several models says."""

    #: The model's name in params.yaml, and its name for people.
    model: str
    title: str
    targets: dict[str, Estimate]
    #: Predicted gravimetric capacity over the theoretical one.
    extracted_share: float
    #: None for a model that does not predict the distribution of the extracted share.
    full_extraction: float | None


@dataclass(frozen=True)
class PairAnswer:
    """The answer for a discharged and a charged formula, which together say how much of the ion leaves.

    This is another setting than that of the discharged formula alone: the capacity is known, and only density and
    voltage are predicted.
    """

    charged_formula: str
    #: Share of the working ion that leaves.
    extracted_share: float
    #: Electrons per formula unit of the discharged formula as written.
    electrons: float
    #: Oxidation states before and after, in words.
    states: str
    #: mAh/g of the discharged compound between the two formulas, exact by Faraday's law.
    gravimetric_capacity: float
    #: mAh/cm3: the exact capacity times the predicted density.
    volumetric_capacity: float
    #: V.
    average_voltage: Estimate
    #: Wh/kg and Wh/L.
    specific_energy: float
    energy_density: float
    #: Where density and voltage come from, in a sentence.
    source: str


@dataclass(frozen=True)
class Answer:
    """The prediction for one composition."""

    formula: str
    working_ion: str
    #: mAh/g, if all of the working ion is extracted (Faraday's law).
    theoretical_capacity: float
    targets: dict[str, Estimate]
    #: The nearest known compositions; none where the known electrodes are not at hand.
    neighbours: tuple[Neighbour, ...]
    #: Why the composition is outside the applicability domain; None when it is inside.
    outside: str | None
    #: Distance (ElMD) to the nearest known composition, and the largest one within the domain.
    nearest_distance: float = 0.0
    reach: float = 0.0
    #: Whether the predicted gravimetric capacity is above the theoretical one, which is an error of the model.
    above_limit: bool = False
    #: The candidate ions, where the formula has several and the model reads the formula only: its prediction is the
    #: same for each of them.
    undecided: tuple[str, ...] = ()
    #: How many training electrodes have this composition. If any, there is no interval: it comes from errors on
    #: compositions outside the training set.
    fitted_on: int = 0
    #: None for a model that does not predict the distribution of the extracted share.
    share: ExtractedShare | None = None
    #: How the formula was read.
    reading: Reading | None = None
    #: Wh/kg and Wh/L: capacity (at most the theoretical one) times voltage.
    specific_energy: float = 0.0
    energy_density: float = 0.0
    #: Why there is no interval; None where there is one.
    no_interval: str | None = None
    #: The share of new compositions whose true values should lie within the intervals.
    level: float = 0.9
    #: What else a chemist should know, in sentences.
    notes: tuple[str, ...] = ()
    #: All models side by side, best first.
    models: tuple[ModelAnswer, ...] = ()
    #: The answer for the charged formula that was named as well.
    pair: PairAnswer | None = None
