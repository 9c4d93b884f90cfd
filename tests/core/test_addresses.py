"""No password is in what people see of an address."""

from __future__ import annotations

import io
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrode_bench.core.addresses import MaskedStream, masked, problem

SCHEMES = ["postgresql", "postgresql+psycopg", "mysql", "http", "https", "s3", "ftp", "redis", "x-own.scheme+1"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://lab:secret@server/studies", "postgresql://lab@server/studies"),
        ("postgresql+psycopg://lab:secret@server:5432/studies", "postgresql+psycopg://lab@server:5432/studies"),
        ("postgresql://lab:sec@ret@server/studies", "postgresql://lab@server/studies"),
        ("postgresql://lab:sec/ret@server/studies", "postgresql://lab@server/studies"),
        ("postgresql://lab:12/34@server/studies", "postgresql://lab@server/studies"),
        ("postgresql://lab:se?c#r:e/t@server/studies", "postgresql://lab@server/studies"),
        ("postgresql://lab@tenant:secret@server/studies", "postgresql://lab@tenant@server/studies"),
        ("postgresql://:secret@server/studies", "postgresql://@server/studies"),
        ("postgresql://server/studies?user=lab&password=secret", "postgresql://server/studies?user=lab&password=***"),
        ("postgresql://u:secret@server/x?sslpassword=secret", "postgresql://u@server/x?sslpassword=***"),
        ("https://account/x?sv=1&sig=secret&se=2", "https://account/x?sv=1&sig=***&se=2"),
        ("https://s3/x?X-Amz-Credential=secret&X-Amz-Signature=secret",
         "https://s3/x?X-Amz-Credential=***&X-Amz-Signature=***"),
        ("http://me:secret@host:5000/runs", "http://me@host:5000/runs"),
        ("HTTP://me:secret@host:5000/runs", "HTTP://me@host:5000/runs"),
        ("https://ghp_0123456789abcdef@host/x.csv", "https://***@host/x.csv"),
        ("no answer from http://me:secret@host; try again", "no answer from http://me@host; try again"),
        ("host=server user=lab password=secret dbname=x", "host=server user=lab password=*** dbname=x"),
        ("{'Authorization': 'Basic c2VjcmV0'}", "{'Authorization': 'Basic ***'}"),
        ("from http://a:secret@b to http://c:secret@d", "from http://a@b to http://c@d"),
    ],
)  # fmt: skip
def test_passwords_are_masked_and_user_names_stay(address: str, shown: str) -> None:
    assert masked(address) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "address",
    ["postgresql://lab@server/studies", "http://host:5000", "http://127.0.0.1:5000/a@b", "http://localhost:5000/a@b",
     "sqlite:////home/me@lab/mlflow.db", "journal:////home/lab: 1/studies.journal", "file:///C:/Users/me@lab/x",
     "postgresql://lab@server:5432/studies", "models:/electrodes@champion", "n_estimators=50, seed=1"],
)  # fmt: skip
def test_addresses_without_a_password_stay_as_they_are(address: str) -> None:
    assert masked(address) == address


@given(
    scheme=st.sampled_from(SCHEMES),
    user=st.text(string.ascii_letters + string.digits + "._-@", max_size=8),
    around=st.text(string.ascii_letters + string.digits + "@/:?#&=%!$+,;'\"()[]", max_size=6),
    host=st.sampled_from(["server", "db.example.org:5432", "127.0.0.1:5000", "[::1]:80"]),
    before=st.sampled_from(["", "cannot reach ", "'", '{"uri": "', "x="]),
)
def test_no_password_is_ever_shown(scheme: str, user: str, around: str, host: str, before: str) -> None:
    """``CANARY`` with any characters around it, as the password of a user or as an option of the address."""
    secret = f"{around}CANARY{around[::-1]}"
    for address in (f"{scheme}://{user}:{secret}@{host}/runs", f"{scheme}://{user}:{secret}@{host}"):
        assert "CANARY" not in masked(f"{before}{address} or later")
        assert "CANARY" not in (problem(address) or "")
    option = "".join(char for char in secret if char not in "&#;'")
    assert "CANARY" not in masked(f"{scheme}://{host}/runs?user={user}&password={option}")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("  ", "it is empty"),
        ("server:5000", "it has no '://'"),
        ("://server", "does not begin with a scheme"),
        ("http://server:port", "its port is not a number"),
        ("http://server:99999", "its port is not a number"),
        ("http://[::1", "its host cannot be read"),
        ("http://ser ver", "it has a space"),
        ("http://server\nx", "it has a control character"),
        ("http://\udc80", "or one that is not UTF-8"),
        ("postgresql://lab:p@ss/word@server/x", "write %40 for '@', %2F for '/'"),
        ("http://lab:a b@server", "write %20 for ' '"),
    ],
)
def test_what_is_wrong_with_an_address(address: str, reason: str) -> None:
    assert reason in (problem(address) or "")


@pytest.mark.parametrize(
    "address",
    ["http://server:5000", "https://me:p%40ss@server/path", "postgresql:///runs", "postgresql://lab@server,other/runs",
     "sqlite:////home/a b/mlflow.db", "sqlite:////home/me@lab/mlflow.db", "journal:///x", "s3://bucket/a"],
)  # fmt: skip
def test_well_formed_addresses(address: str) -> None:
    assert problem(address) is None


def test_a_stream_hides_passwords_and_is_otherwise_the_stream() -> None:
    plain = io.StringIO()
    stream = MaskedStream(plain)
    print("http://me:secret@host", file=stream)  # type: ignore[arg-type]
    stream.writelines(["a\n", "b\n"])
    assert plain.getvalue() == "http://me@host\na\nb\n"
    assert stream.isatty() is False
