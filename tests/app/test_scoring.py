"""The server of a model: what it refuses before the model sees it, and what it says when the model takes too long."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from support import answers
from support.app_server import LIMITS, listening

from electrode_bench.app.scoring import create_scoring
from electrode_bench.app.security import HEADERS, LOOPBACK, Access
from electrode_bench.app.worker import Worker

TOKEN = {"Authorization": "Bearer a-long-secret"}
LIMITS = dataclasses.replace(LIMITS, seconds=0.5, arriving=0.5, waiting=0)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    worker: Worker[answers.Answer] = Worker(answers.start, seconds=LIMITS.seconds, waiting=LIMITS.waiting)
    worker.ready()
    access = Access("a-long-secret", hosts=LOOPBACK)
    with listening(create_scoring(worker, access, LIMITS), LIMITS) as found:
        yield found
    assert not worker._process.is_alive()


def post(address: str, body: bytes | Iterator[bytes], **headers: str) -> requests.Response:
    headers = {"Content-Type": "text/csv", **TOKEN, **headers}
    return requests.post(f"{address}/invocations", data=body, headers=headers, timeout=60)


def test_a_request_reaches_the_model(address: str) -> None:
    answer = post(address, b"LiFePO4")
    assert (answer.status_code, answer.text) == (200, "text/csv: LiFePO4")
    assert HEADERS.items() <= answer.headers.items()


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"Host": "evil.example"}, 421, "not one of this server's"),
        ({"Host": "127.0.0.1.evil.example:80"}, 421, "not one of this server's"),
        ({"Origin": "http://evil.example"}, 403, "from a page of another server"),
        ({"Authorization": ""}, 401, "a token is needed"),
        ({"Authorization": "Bearer a-long-secre"}, 401, "a token is needed"),
    ],
)
def test_strangers_are_refused(address: str, headers: dict[str, str], status: int, said: str) -> None:
    answer = post(address, b"LiFePO4", **headers)
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_large_requests_are_refused_with_and_without_a_length(address: str) -> None:
    part = b"LiFePO4\n" * 1000
    assert post(address, part * 4).status_code == 413
    assert post(address, iter([part] * 4)).status_code == 413
    assert post(address, part).status_code == 200


def test_a_request_that_arrives_slowly_is_ended(address: str) -> None:
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=30) as client:
        head = f"POST /invocations HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 9\r\n"
        client.sendall(f"{head}Authorization: {TOKEN['Authorization']}\r\n\r\nLiFe".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 408")


def test_an_answer_that_takes_too_long_is_ended(address: str) -> None:
    answer = post(address, b"slow")
    assert answer.status_code == 504
    assert answer.json() == {"error": "the answer took longer than 0.5 s; send fewer rows"}
    assert post(address, b"LiFePO4").status_code == 200
    assert post(address, b"die").status_code == 500
    assert post(address, b"LiFePO4").status_code == 200


def test_health_needs_no_token_and_nothing_else_is_there(address: str) -> None:
    for path in ("/ping", "/health"):
        assert requests.get(address + path, timeout=60).status_code == 200
    assert requests.get(f"{address}/version", headers=TOKEN, timeout=60).text.startswith("3.")
    for path in ("/", "/docs", "/openapi.json"):
        assert requests.get(address + path, headers=TOKEN, timeout=60).status_code == 404
        assert requests.get(address + path, timeout=60).status_code == 401
