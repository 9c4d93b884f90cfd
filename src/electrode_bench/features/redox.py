"""redox: what Faraday's law and oxidation states say about an electrode, from its discharged formula and working ion.

How far the host can be oxidised decides how much of the ion can leave it. Of the reduced discharged formula, let n be
the amount of the working ion and z its charge, so that n z is the charge to be extracted; let N be the amount of
redox-active elements, and Q the charge that they carry together when all other elements have their usual states
(:mod:`electrode_bench.features.oxidation`). Then Q / N is the mean oxidation state of the discharged electrode, and
(Q + n z) / N that of the host without the ion.

A feature that is not defined, such as the state of redox-active elements where there are none, is missing, and a flag
says why. Ratios to the charge to be extracted are limited to -4..4 and states to -9..9: what lies beyond is a compound
that the rule of the oxidation states does not describe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.data import chemistry
from electrode_bench.features import electrodes
from electrode_bench.features.base import FeatureSet
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.features.oxidation import (
    Charges,
    charges,
    electronegativities,
    ionisation_energies,
    state_table,
)

#: What the names of the columns begin with.
PREFIX = "redox: "
#: Each feature with its unit ("" for none) and meaning.
MEANING: Mapping[str, tuple[str, str]] = {
    "full capacity": ("mAh/g", "n z F / M: capacity if all of the ion is extracted (Faraday's law)"),
    **{f"ion {ion}": ("", f"1 if the working ion is {ion}, otherwise 0") for ion in ION_CHARGE},
    "ion charge": ("e", "z"),
    "ion atoms": ("", "n"),
    "atoms": ("", "atoms in the reduced formula"),
    "smallest amount": ("", "smallest amount of an element in the reduced formula"),
    "largest amount": ("", "largest amount of an element in the reduced formula"),
    "elements": ("", "number of elements"),
    "ion fraction": ("", "share of the ion in the atoms"),
    "ion mass fraction": ("", "share of the ion in the mass"),
    "state discharged": ("e", "Q / N: mean oxidation state of the redox-active elements with the ion"),
    "state charged": ("e", "(Q + n z) / N: the same without the ion"),
    "headroom": ("", "charge up to the highest common state of each redox-active element, for each charge to extract"),
    "headroom to highest": ("", "the same up to the highest state known from crystal structures"),
    "excess": ("e", "mean state without the ion, less the mean highest common state"),
    "excess over highest": ("e", "the same, less the mean highest state known from crystal structures"),
    "above lowest": ("e", "mean state with the ion, less the mean lowest state"),
    "charge per redox atom": ("e", "n z / N: charge that each redox-active atom must give for full extraction"),
    "redox share": ("", "share of redox-active elements in the atoms"),
    "anion share": ("", "share of anions in the atoms"),
    "fixed share": ("", "share of cations with a fixed state, other than the ion, in the atoms"),
    "unbalanced charge": ("e", "Q / atoms where no element is redox-active: charge that no element can carry"),
    "no redox-active element": ("", "1 if no element is redox-active"),
    "no anion": ("", "1 if no element has a negative state"),
    "unknown state": ("", "1 if a redox-active element has no tabulated state"),
    "cations per anion": ("", "cations, the ion among them, for each anion"),
    "host cations per anion": ("", "cations other than the ion for each anion"),
    "anion electronegativity": ("", "mean Pauling electronegativity of the anions"),
    "fixed electronegativity": ("", "the same of the cations with a fixed state other than the ion (inductive effect)"),
    "redox electronegativity": ("", "the same of the redox-active elements"),
    "ionisation energy discharged": (
        "eV",
        "mean energy to oxidise the redox-active elements at their state with the ion",
    ),
    "ionisation energy charged": ("eV", "the same at their state without the ion"),
}
_RATIO, _STATE = 4.0, 9.0
#: Rows that are computed at once, to limit memory.
_CHUNK = 10_000


def compute(keys: Sequence[str]) -> pd.DataFrame:
    """The features (n_keys x features), named :data:`PREFIX` + a name of :data:`MEANING`, in its order.

    Keys with a charged formula get one more column, the extracted share.
    """
    described = [electrodes.split(key) for key in keys]
    blocks = [_block(described[start : start + _CHUNK]) for start in range(0, len(described), _CHUNK)]
    values = np.concatenate(blocks) if blocks else np.empty((0, len(MEANING)))
    columns = [f"{PREFIX}{name}" for name in MEANING]
    frame = pd.DataFrame(values, index=pd.Index(list(keys), dtype=object), columns=columns)
    if described and described[0].charged is not None:
        frame[f"{PREFIX}extracted share"] = [_extracted_share(one) for one in described]
    return frame


def _extracted_share(electrode: electrodes.Electrode) -> float:
    discharged = chemistry.parse(electrode.discharged)
    charged = chemistry.parse(str(electrode.charged))
    return min(chemistry.exchanged(charged, discharged, electrode.ion) / discharged[electrode.ion], 1.0)


def _block(described: Sequence[electrodes.Electrode]) -> np.ndarray:
    """The features of some electrodes (n x features), in the order of :data:`MEANING`.

    All sums run over the same 118 columns, so that no row depends on the others.
    """
    column = {symbol: j for j, symbol in enumerate(SYMBOLS)}
    amounts = np.zeros((len(described), len(SYMBOLS)))
    for i, electrode in enumerate(described):
        for symbol, amount in chemistry.parse(electrode.discharged).items():
            amounts[i, column[symbol]] = amount
    ions = np.array([electrode.ion for electrode in described], dtype=object)
    at = np.array([column[ion] for ion in ions], dtype=np.int64)
    features = _features(charges(amounts), ions, at)
    return np.stack([features[name] for name in MEANING], axis=1)


def _features(of: Charges, ions: np.ndarray, at: np.ndarray) -> dict[str, np.ndarray]:
    """The features by name, each (n,); ``at`` is the column of each row's ion."""
    rows, amounts = np.arange(len(ions)), of.amounts
    mass = np.array([chemistry.molar_mass({symbol: 1.0}) for symbol in SYMBOLS])
    charge = np.array([float(ION_CHARGE[ion]) for ion in ions])
    ion, atoms, molar = amounts[rows, at], amounts.sum(axis=1), (amounts * mass).sum(axis=1)
    moved, redox, state_sum = ion * charge, of.redox.sum(axis=1), of.of_redox_elements
    host = np.where(np.arange(len(SYMBOLS))[None, :] == at[:, None], 0.0, amounts)
    fixed, anions = np.where(of.fixed > 0, host, 0.0), np.where(of.fixed < 0, amounts, 0.0)
    anion_atoms, electronegativity = anions.sum(axis=1), electronegativities().to_numpy()
    states = state_table()
    lowest, common, known = (_mean(of.redox, states[name].to_numpy()) for name in states)
    discharged, charged = _ratio(state_sum, redox), _ratio(state_sum + moved, redox)
    energies = ionisation_energies().to_numpy()
    return {
        "full capacity": chemistry.MAH_PER_MOLE * moved / molar,
        **{f"ion {name}": (ions == name).astype(np.float64) for name in ION_CHARGE},
        "ion charge": charge,
        "ion atoms": ion,
        "atoms": atoms,
        "smallest amount": np.where(amounts > 0, amounts, np.inf).min(axis=1),
        "largest amount": amounts.max(axis=1),
        "elements": (amounts > 0).sum(axis=1).astype(np.float64),
        "ion fraction": ion / atoms,
        "ion mass fraction": ion * mass[at] / molar,
        "state discharged": discharged.clip(-_STATE, _STATE),
        "state charged": charged.clip(-_STATE, _STATE),
        "headroom": _ratio(redox * common - state_sum, moved).clip(-_RATIO, _RATIO),
        "headroom to highest": _ratio(redox * known - state_sum, moved).clip(-_RATIO, _RATIO),
        "excess": (charged - common).clip(-_STATE, _STATE),
        "excess over highest": (charged - known).clip(-_STATE, _STATE),
        "above lowest": (discharged - lowest).clip(-_STATE, _STATE),
        "charge per redox atom": _ratio(moved, redox).clip(-_STATE, _STATE),
        "redox share": redox / atoms,
        "anion share": anion_atoms / atoms,
        "fixed share": fixed.sum(axis=1) / atoms,
        "unbalanced charge": np.where(redox > 0, 0.0, (state_sum / atoms).clip(-_STATE, _STATE)),
        "no redox-active element": (redox <= 0).astype(np.float64),
        "no anion": (anion_atoms <= 0).astype(np.float64),
        "unknown state": ((of.redox > 0) & states["highest"].isna().to_numpy()).any(axis=1).astype(np.float64),
        "cations per anion": _ratio(atoms - anion_atoms, anion_atoms).clip(0.0, _RATIO),
        "host cations per anion": _ratio(host.sum(axis=1) - anion_atoms, anion_atoms).clip(0.0, _RATIO),
        "anion electronegativity": _mean(anions, electronegativity),
        "fixed electronegativity": _mean(fixed, electronegativity),
        "redox electronegativity": _mean(of.redox, electronegativity),
        "ionisation energy discharged": _energy(of.redox, discharged, energies),
        "ionisation energy charged": _energy(of.redox, charged, energies),
    }


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """``over`` / ``under``, missing where ``under`` is not positive."""
    return np.asarray(np.divide(over, under, out=np.full(len(under), np.nan), where=under > 0))


def _mean(weight: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Mean of the elements' values (elements,), weighted by amounts (n x elements); missing values do not count."""
    present = np.where(np.isnan(value)[None, :], 0.0, weight)
    return _ratio((present * np.nan_to_num(value)[None, :]).sum(axis=1), present.sum(axis=1))


def _energy(redox: np.ndarray, state: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Mean energy (eV) to remove the next electron of the redox-active elements at their mean ``state`` (n,).

    Between whole states the energy is interpolated; negative states count as 0.
    """
    highest = energies.shape[1] - 1
    known = np.clip(np.nan_to_num(state), 0.0, highest)
    below = np.minimum(np.floor(known).astype(np.int64), highest - 1)
    weight = known - below
    total, counted = np.zeros(len(state)), np.zeros(len(state))
    for j in np.flatnonzero(redox.any(axis=0)):
        energy = energies[j, below] * (1 - weight) + energies[j, below + 1] * weight
        use = (redox[:, j] > 0) & np.isfinite(energy)
        total[use] += redox[use, j] * energy[use]
        counted[use] += redox[use, j]
    return np.where(np.isnan(state), np.nan, _ratio(total, counted))


FEATURES = FeatureSet(
    name="redox",
    title="Redox, oxidation states and Faraday's law",
    compute=compute,
    missing=True,
    reads_ion=True,
)
