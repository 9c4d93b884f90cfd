from __future__ import annotations

import pytest

from electrode_bench.app.run import access_for, address, is_loopback, listening
from electrode_bench.app.security import Access
from electrode_bench.errors import UserError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8017", "localhost:1", "LOCALHOST", "[::1]:8017"])
def test_names_of_this_computer_are_known(host: str) -> None:
    assert Access(None).knows_host(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "192.168.0.1", "[::1", "a:b:c"]
)
def test_other_names_are_not(host: str) -> None:
    assert not Access(None).knows_host(host)


def test_with_a_token_all_names_are_known() -> None:
    assert access_for("0.0.0.0", "a-long-secret").knows_host("bench.example.org")
    assert not access_for("127.0.0.1", None).knows_host("bench.example.org")


def test_sessions_are_made_for_the_token_only() -> None:
    access = Access("a-long-secret")
    assert access.log_in("a-long-secre") is None
    assert access.log_in("ä") is None
    first, second = access.log_in("a-long-secret"), access.log_in("a-long-secret")
    assert first
    assert first != second
    assert "a-long-secret" not in first


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "bench.example.org"])
def test_others_are_let_in_only_with_a_token(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(UserError, match="set a token"):
        access_for(host, None)
    with pytest.raises(UserError, match="the token has 5 characters; use at least 12"):
        access_for(host, "short")
    assert access_for(host, "a-long-secret").needs_token


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_computer_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    assert not access_for(host, None).needs_token


def test_a_port_that_is_taken_is_named() -> None:
    with listening("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"cannot listen on 127\.0\.0\.1, port {port}: .*; choose another --port"):
            listening("127.0.0.1", port)
    with pytest.raises(UserError, match="cannot listen on no-such-host"):
        listening("no-such-host.invalid", 0)


def test_addresses_for_a_browser() -> None:
    assert address("127.0.0.1", 8017) == "http://127.0.0.1:8017/"
    assert address("0.0.0.0", 8017) == "http://127.0.0.1:8017/"
    assert address("::1", 8017) == "http://[::1]:8017/"
