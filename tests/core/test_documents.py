"""Documents that would take for ever, or more memory than there is, are refused before they are built."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.mutations import damaged

from electrode_bench.core.documents import DocumentError, parse_json, parse_yaml, read_json, read_yaml

LETTERS = "abcdefghi"

#: Each name stands for nine of the one before: a few hundred bytes for 400 million values.
BOMB = "a: &a [1]\n" + "".join(f"{y}: &{y} [{','.join([f'*{x}'] * 9)}]\n" for x, y in pairwise(LETTERS))

#: Each merge doubles the number of keys.
MERGES = "a: &a {k: 1}\n" + "".join(
    f"n{i}: &n{i} {{<<: [*{p}, *{p}]}}\n" for i, p in enumerate(["a"] + [f"n{j}" for j in range(30)])
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "more than 50,000 values, with aliases written out"),
        (MERGES, "more than 50,000 values, with aliases written out"),
        ("x: " + "[" * 100_000, "more than 40 levels"),
        ("{x: " * 10_000, "more than 40 levels"),
        ("- " * 10_000 + "x", "more than 40 levels"),
        ("".join(f"n{i}: &n{i} [{f'*n{i - 1}' if i else ''}]\n" for i in range(99)), "40 levels, with aliases"),
        ("x: &x [*x]", "a value that contains itself"),
        ("seed: " + "1" * 5000, "a number of 5,000 characters"),
        ("seed: 0x" + "f" * 5000, "a number of 5,002 characters"),
        ("seed: 1" + ":1" * 5000, "a number of 10,001 characters"),
        ("seed: 9223372036854775808", "9223372036854775808 does not fit into 64 bits"),
        ("seed: 1\nseed: 2", "the key 'seed' stands twice"),
        (r'x: "\ud800"', "a text with a character that no text may have"),
        (r'x: "\0"', "a text with a character that no text may have"),
        ("x: 2001-99-99", "month must be in 1..12"),
        ("x: !!int ten", "invalid literal"),
        ("x: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("x: =", "could not determine a constructor"),
        ("x: \a", "special characters are not allowed"),
    ],
    ids=lambda value: value[:20],
)  # fmt: skip
def test_yaml_that_cannot_be_meant_is_one_line(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_yaml(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000 + "]" * 100_000, "more than 40 levels"),
        ('{"x":' * 50 + "1" + "}" * 50, "more than 40 levels"),
        ("1" * 5000, "does not fit into 64 bits"),
        ("-9223372036854775809", "does not fit into 64 bits"),
        ("1e999", "the number 1e999 is too large"),
        ("NaN", "NaN is not a value of JSON"),
        ("[-Infinity]", "-Infinity is not a value of JSON"),
        (r'["\ud800"]', "half of a surrogate pair"),
        ("[1,", "not valid JSON"),
    ],
    ids=lambda value: value[:20],
)
def test_json_that_cannot_be_meant_is_one_line(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        parse_json(text)


def test_a_message_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: 1\nx: [1, *y]\n")
    with pytest.raises(DocumentError) as caught:
        read_yaml(path)
    assert caught.value.at(path) == f"{path}, line 2: not valid YAML (found undefined alias 'y')"


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin").write_bytes(b"x: \xe9")
    (tmp_path / "large").write_bytes(b"#" * 1_000_001)
    (tmp_path / "loop").symlink_to("loop")
    for name, message in (
        ("missing", "No such file"),
        (".", "it is not a file"),
        ("pipe", "it is not a file"),
        ("latin", "it is not UTF-8"),
        ("large", "it has more than 1,000,000 bytes"),
        ("loop", "it cannot be read"),
    ):
        with pytest.raises(DocumentError, match=message):
            read_yaml(tmp_path / name)


def test_the_mark_at_the_beginning_of_windows_files_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert read_json(path) == read_yaml(path) == {}


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@given(PLAIN)
def test_every_plain_value_is_read_as_it_was_written(value: Any) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_yaml(yaml.safe_dump(value)) == value


ANCHORED = "base: &base {x: 1, y: [1, 2]}\nown: {<<: *base, x: 2}\nagain: *base\n"


def test_aliases_and_merges_are_read() -> None:
    assert parse_yaml(ANCHORED) == yaml.safe_load(ANCHORED)


def test_damaged_files_are_read_or_refused() -> None:
    for seed, text in enumerate((ANCHORED, "seed: 1\nmap:\n  tsne: {perplexity: 30.0}\n# comment\nx: 'a'\n")):
        for content in damaged(text, seed=seed, count=100):
            for parse in (parse_yaml, parse_json):
                with suppress(DocumentError):
                    parse(content.decode("latin-1"))
