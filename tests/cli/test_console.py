"""Output shows what people chose as it is, and never fails because of it."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from electrode_bench.cli import console, output

#: What a path, a formula or a name may contain.
ODD = ["a [/b] c", "[bold]x[/bold]", "[link=x]", ":smile:", "Li[Mn2]O4", "it's {title} %s", "ü ≈ 電池"]


def _printed(renderable: object) -> str:
    stream = io.StringIO()
    console._console()(file=stream, width=200).print(renderable)
    return stream.getvalue()


@pytest.mark.parametrize("text", ODD)
def test_markup_in_a_text_is_shown_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(text, title=text, caption=text)
    table.add_row(text)
    table.add_row(Text(text))
    assert _printed(table).count(text) == 5
    output.print_result({}, f"written to {text}", as_json=False)
    output.print_result({}, table, as_json=False)
    console.say(text)
    assert capsys.readouterr().out.count(text) == 7
    with output.progress_bar(text, unit="x") as progress, output.spinner(text):
        progress(1, 2)
        output.warn(text)
        output.note(text)


def test_progress_and_spinner_show_markup_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = console._console()(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(output, "err", lambda: terminal)
    with output.progress_bar("x [/b].csv", unit="x") as progress:
        progress(1, 2)
    with output.spinner("Importing x [/b].csv"):
        pass
    assert terminal.file.getvalue().count("x [/b].csv") >= 2  # type: ignore[attr-defined]


def test_control_characters_and_half_characters_are_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.printable("\r\x07\t\n") == "\\x0d\\x07\t\n"
    name = "a\x1b[31m\u202eb" + os.fsdecode(b"\xe9")
    shown = r"a\x1b[31m\u202eb\udce9"
    table = Table(name)
    table.add_row(name)
    assert _printed(table).count(shown) == 2
    console.say(name)
    output.print_result({}, name, as_json=False)
    assert capsys.readouterr().out == f"{shown}\n{shown}\n"


@given(st.text(st.characters()))
def test_every_text_can_be_printed(text: str) -> None:
    shown = console.printable(text)
    shown.encode()
    assert console.printable(shown) == shown
    assert _printed(text).isprintable() or "\n" in _printed(text) or "\t" in text


def test_a_stream_that_lacks_a_character_gets_an_escape() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console.escape_what_cannot_be_encoded(stream, None, sys.stdout)
    stream.write("mAh/cm³")
    stream.flush()
    assert stream.buffer.getvalue() == rb"mAh/cm\xb3"  # type: ignore[attr-defined]


def test_an_error_message_with_markup_and_control_characters_is_one_line(run, tmp_path: Path) -> None:
    code, out, err = run("--project", f"{tmp_path}/[/b]\x1b[2J", "prepare")
    assert (code, out) == (2, "")
    assert err.startswith(rf"error: {tmp_path}/[/b]\x1b[2J/params.yaml is missing")
    assert err.count("\n") == 1
