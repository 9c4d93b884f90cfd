"""The app's addresses on a real server."""

from __future__ import annotations

import csv
import http.client
import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support.app_server import LIMITS, screened, service_of, serving
from support.web import check_files

from electrode_bench.app import pages
from electrode_bench.app.security import COOKIE, HEADERS, Access
from electrode_bench.app.service import Loaded
from electrode_bench.errors import UserError

TOKEN = "a-long-secret"


@pytest.fixture(scope="module")
def locked(loaded: Loaded) -> Iterator[str]:
    """The address of an app with a token."""
    with serving(service_of(lambda: loaded), Access(TOKEN, hosts=None)) as found:
        yield found


def get(address: str, **headers: str) -> requests.Response:
    return requests.get(address, headers=headers, timeout=60, allow_redirects=False)


def post(address: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(address, json=body, headers=headers, timeout=60, allow_redirects=False)


@pytest.mark.parametrize("path", ["/", "/style.css", "/app.js", "/api/model", "/nothing", "/login"])
def test_every_answer_has_strict_headers(address: str, path: str) -> None:
    answer = get(address + path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "Server" not in answer.headers


def test_the_page_has_no_inline_code_and_nothing_from_elsewhere(address: str) -> None:
    for text in (get(address).text, pages.login()):
        assert "<style" not in text
        assert " style=" not in text
        assert not re.search(r"\son[a-z]+=", text)
        assert "http" not in text
        assert text.count("<script") == 1


def test_files_of_the_app_fit_together() -> None:
    used = dict.fromkeys((*pages.SCRIPTS, *pages.LOGIN_SCRIPTS))
    check_files("electrode_bench.app", styles=pages.STYLES, scripts=list(used))


def test_nothing_documents_the_server(address: str) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert get(address + path).status_code == 404


def test_a_list_becomes_a_table_a_page_and_figures(address: str) -> None:
    made = screened(address, text="formula,name\nLiFePO4,LFP\nLiCoO2,=1+1\nXyO2,bad\n")
    assert made["state"] == "done"
    result = made["result"]
    assert [row["name"] for row in result["candidates"]["rows"]] == [
        {"LiFePO4": "LFP", "LiCoO2": "=1+1"}[row["formula"]] for row in result["candidates"]["rows"]
    ]
    assert [reject["line"] for reject in result["rejects"]] == [4]
    base = f"{address}/api/screenings/{made['id']}"
    table = get(f"{base}/candidates.csv")
    assert table.headers["Content-Disposition"] == 'attachment; filename="candidates.csv"'
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert sorted(row["formula"] for row in rows) == ["LiCoO2", "LiFePO4"]
    assert get(f"{base}/candidates.html").text.startswith("<!DOCTYPE html>")
    assert get(f"{base}/candidates.svg").headers["Content-Type"] == "image/svg+xml"
    assert get(f"{base}/candidates.pdf").content.startswith(b"%PDF")
    assert get(f"{base}/candidates.exe").status_code == 404


def test_a_result_that_does_not_exist_is_named(address: str) -> None:
    answer = get(f"{address}/api/screenings/unknown")
    assert (answer.status_code, answer.json()) == (404, {"error": "this result is no longer kept; predict again"})
    empty = screened(address, text="XyO2")
    assert get(f"{address}/api/screenings/{empty['id']}/candidates.csv").status_code == 409


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"text": ""}, "there is no formula"),
        ({"text": "LiFePO4", "colour": 1}, "colour: extra inputs are not permitted"),
        ({"text": "LiFePO4", "goal": "high"}, "goal: input should be a valid number"),
        ("LiFePO4", "input should be a valid dictionary"),
    ],
)
def test_a_wrong_request_is_one_line(address: str, body: Any, said: str) -> None:
    answer = post(f"{address}/api/screenings", body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_a_formula_that_cannot_be_used_is_one_line(address: str) -> None:
    answer = post(f"{address}/api/answer", {"formula": "LiAlSiO4"})
    assert answer.status_code == 422
    assert "LiAlSiO4 contains Li and Al" in answer.json()["error"]
    assert post(f"{address}/api/answer", {"formula": "LiAlSiO4", "ion": "Li"}).json()["working_ion"] == "Li"


def test_a_running_list_can_be_cancelled(address: str) -> None:
    job = post(f"{address}/api/screenings", {"text": "LiFePO4"}).json()["id"]
    assert requests.delete(f"{address}/api/screenings/{job}", timeout=60).status_code == 204


def test_large_requests_are_refused(address: str) -> None:
    body = {"text": "LiFePO4\n" * LIMITS.bytes}
    answer = post(f"{address}/api/screenings", body)
    assert answer.status_code == 413
    assert "larger than 0.02 MB; screen larger lists with: electrode-bench screen" in answer.json()["error"]


def test_large_requests_without_a_length_are_refused(address: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    parts = (b'{"text": "', *[b"LiFePO4 " * 512] * 10, b'"}')
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/screenings", iter(parts), headers, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413
    assert b"larger than" in answer.read()
    connection.close()


def test_other_names_and_other_pages_are_refused(address: str) -> None:
    assert get(address, Host="evil.example").status_code == 421
    assert get(f"{address}/api/model", Host="evil.example:8017").status_code == 421
    body = {"text": "LiFePO4"}
    foreign = post(f"{address}/api/screenings", body, Origin="http://evil.example")
    assert foreign.status_code == 403
    assert post(f"{address}/api/screenings", body, Origin="null").status_code == 403
    assert post(f"{address}/api/screenings", body, Origin=address).status_code == 202


def test_a_token_is_needed_for_everything_but_the_login_page(locked: str) -> None:
    assert get(f"{locked}/api/model").status_code == 401
    assert post(f"{locked}/api/screenings", {"text": "LiFePO4"}).status_code == 401
    assert get(f"{locked}/app.js").status_code == 401
    first = get(f"{locked}/")
    assert (first.status_code, first.headers["Location"]) == (303, "/login")
    assert get(f"{locked}/login").status_code == 200
    assert get(f"{locked}/login.js").status_code == 200


def test_a_program_sends_the_token_in_a_header(locked: str) -> None:
    assert get(f"{locked}/api/model", Authorization=f"Bearer {TOKEN}").json()["state"] in ("loading", "ready")
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", TOKEN):
        assert get(f"{locked}/api/model", Authorization=wrong).status_code == 401


def test_a_browser_logs_in_once(locked: str) -> None:
    wrong = post(f"{locked}/login", {"token": "wrong"})
    assert (wrong.status_code, wrong.cookies.get_dict()) == (401, {})
    right = post(f"{locked}/login", {"token": TOKEN})
    assert right.status_code == 204
    cookie = right.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    session = {COOKIE: right.cookies[COOKIE]}
    assert requests.get(f"{locked}/api/model", cookies=session, timeout=60).status_code == 200
    assert requests.get(f"{locked}/api/model", cookies={COOKIE: "x"}, timeout=60).status_code == 401


def test_a_model_that_cannot_be_loaded_is_an_error_on_the_page() -> None:
    def fail() -> Loaded:
        raise UserError("no model is fitted; run: dvc repro")

    with serving(service_of(fail), Access(None)) as found:
        assert screened(found, text="LiFePO4")["error"] == "no model is fitted; run: dvc repro"
        assert get(f"{found}/api/model").json() == {"state": "failed", "error": "no model is fitted; run: dvc repro"}
