from __future__ import annotations

import pytest

from electrode_bench.core.addresses import masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://lab:secret@server/studies", "postgresql://lab@server/studies"),
        ("postgresql+psycopg://lab:secret@server:5432/studies", "postgresql+psycopg://lab@server:5432/studies"),
        ("postgresql://lab:sec@ret@server/studies", "postgresql://lab@server/studies"),
        ("postgresql://lab:sec/ret@server/studies", "postgresql://lab@server/studies"),
        ("postgresql://:secret@server/studies", "postgresql://@server/studies"),
        ("postgresql://server/studies?user=lab&password=secret", "postgresql://server/studies?user=lab&password=***"),
        ("http://me:secret@host:5000/runs", "http://me@host:5000/runs"),
        ("no answer from http://me:secret@host; try again", "no answer from http://me@host; try again"),
    ],
)
def test_passwords_are_masked_and_user_names_stay(address: str, shown: str) -> None:
    assert masked(address) == shown


@pytest.mark.parametrize(
    "address",
    ["postgresql://lab@server/studies", "http://host:5000", "http://host:5000/a@b", "sqlite:////home/me@lab/mlflow.db",
     "journal:////home/lab: 1/studies.journal"],
)  # fmt: skip
def test_addresses_without_a_password_stay_as_they_are(address: str) -> None:
    assert masked(address) == address
