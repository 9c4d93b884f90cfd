"""Licences that documents state."""

from __future__ import annotations

from electrode_bench.data.licences import counted, in_words, with_stated


def test_a_column_of_other_texts_is_summed_up_but_a_restriction_is_named() -> None:
    stated = [f"text {number}" for number in range(30) for _ in range(2)] + ["CC-BY-NC-SA"]
    counts = counted(stated)
    assert len(counts) == 12
    assert counts["CC-BY-NC-SA"] == 1
    assert sum(counts.values()) == len(stated)
    assert len(next(iter(counted(["x" * 5000])))) == 60


def test_values_that_are_no_text_state_nothing() -> None:
    assert counted([None, float("nan"), 3, {"a": 1}, ["BY-NC"], " "]) == {}


def test_the_licences_of_documents_take_the_place_of_the_sources() -> None:
    known = {"licence": "CC BY 4.0 (Materials Project)", "md5": "x"}
    assert with_stated(known, {"rows": 3}) == known
    counts = {"CC BY-NC 4.0": 3}
    assert with_stated(known, {"licences": counts}) == {"licence": in_words(counts), "md5": "x"}
