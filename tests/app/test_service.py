from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import pytest
from support.app_server import LIMITS

from electrode_bench.app.requests import Question, Screening
from electrode_bench.app.service import Result, Service, Undecided
from electrode_bench.errors import UserError


def _result(service: Service, **asked: Any) -> Result:
    job = service.screen(Screening(**asked))
    service.jobs.call(lambda: None).result(timeout=300)
    assert job.error is None
    assert job.result is not None
    return job.result


def _error(service: Service, **asked: Any) -> str:
    job = service.screen(Screening(**asked))
    service.jobs.call(lambda: None).result(timeout=300)
    assert job.error is not None
    return job.error


def _file(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "content": base64.b64encode(content).decode()}


def test_pasted_formulas_are_predicted_and_ranked(service: Service) -> None:
    result = _result(service, text="LiFePO4\nLiCoO2\n\nXyO2\nLiFePO4\n")
    assert result.shown is not None
    assert sorted(result.shown.rows["formula"]) == ["LiCoO2", "LiFePO4"]
    assert result.shown.rows["rank"].tolist() == [1, 2]
    (reject,) = result.rejects
    assert (reject.line, reject.text) == (4, "XyO2")
    assert "Xy" in reject.reason
    assert result.shown.known is not None
    assert result.shown.about["Model"] == "RF@Magpie was fitted on all electrodes of this project."


def test_a_list_without_a_usable_line_has_no_result_but_reasons(service: Service) -> None:
    result = _result(service, text="FePO4\nXyO2")
    assert result.shown is None
    assert [reject.line for reject in result.rejects] == [1, 2]


def test_a_formula_with_several_ions_waits_for_a_choice(service: Service) -> None:
    result = _result(service, text="LiFePO4\nLiNaFePO4F")
    assert result.undecided == (Undecided(2, "LiNaFePO4F", ("Li", "Na")),)
    assert result.rejects == ()
    assert result.shown is not None
    assert result.shown.screened.rejected == 0
    chosen = _result(service, text="LiFePO4\nLiNaFePO4F", ions={2: "Na"})
    assert chosen.undecided == ()
    assert chosen.shown is not None
    assert dict(zip(chosen.shown.rows["formula"], chosen.shown.rows["working_ion"], strict=True)) == {
        "LiFePO4": "Li", "LiNaFePO4F": "Na"
    }  # fmt: skip
    for_all = _result(service, text="LiNaFePO4F", ion="Li")
    assert for_all.shown is not None
    assert for_all.shown.rows["working_ion"].tolist() == ["Li"]


def test_files_are_read_by_their_kind_and_called_by_their_name(service: Service) -> None:
    table = "formula;name\nLiFePO4;first\n".encode("utf-16")
    result = _result(service, **_file("C:\\folder\\my list.csv", table))
    assert result.name == "my list.csv"
    assert result.shown is not None
    assert result.shown.names() == ["first"]
    assert "notes.csv has no column" in _error(service, **_file("../notes.csv", b"a,b\n1,2\n"))


def test_long_lists_and_large_archives_are_refused(service: Service) -> None:
    most = LIMITS.formulas
    text = "\n".join(["LiFePO4"] * (most + 1))
    assert f"the pasted list has more than {most} formulas" in _error(service, text=text)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (LIMITS.unpacked + 1))
    assert "unpacks to more than 0.2 MB" in _error(service, **_file("a.xlsx", packed.getvalue()))


def test_one_composition_is_answered_by_all_models(service: Service) -> None:
    answer = service.answer(Question(formula="LiFePO4")).result(timeout=300)
    assert answer["models"] == []
    answer = service.answer(Question(formula="LiFePO4", all_models=True)).result(timeout=300)
    assert answer["working_ion"] == "Li"
    assert answer["reading"]["states"] == "Fe +2 -> +3"
    assert [model["title"] for model in answer["models"]] == ["RF@Magpie", "Again"]
    with pytest.raises(UserError, match="LiAlSiO4"):
        service.answer(Question(formula="LiAlSiO4")).result(timeout=300)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "paste formulas, or choose a file"),
        ({"text": "a", "content": "b"}, "paste formulas, or choose a file"),
        ({"text": " \n"}, "there is no formula"),
        ({"content": "no base64"}, "did not arrive whole"),
        ({"text": "LiFePO4", "objective": "enrgy"}, "unknown objective 'enrgy'"),
        ({"text": "LiFePO4", "rank": "probability"}, "needs a goal"),
        ({"text": "LiFePO4", "window": (4.0, 2.0)}, "is empty"),
        ({"text": "LiFePO4", "ion": "Fe"}, "Fe"),
    ],
)
def test_a_request_that_cannot_be_used_is_an_error_at_once(service: Service, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        service.screen(Screening(**asked))
