"""Files with damaged bytes: read with rejects, or refused in one line; never a crash."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from electrode_bench.data import readers
from electrode_bench.data.prepare import prepare
from electrode_bench.errors import UserError
from electrode_bench.params import Prepare

#: What programs and people put into files by mistake.
TOKENS = [b'"', b",", b";", b"\n", b"\r", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"NaN", b"1e999", b"{", b"[", b"]",
          b"\\ud800", b"(mV)", b"#", b"sep=;\n", b"null", b"9" * 400, b"vs. Na/Na+", b"\x1b[31m", b"%"]  # fmt: skip

changes = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(TOKENS) | st.binary(max_size=3)),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=changes)
def test_damaged_bytes_never_end_in_a_crash(
    kind: str, damage: list[tuple[float, int, bytes]], folder: Path, explorer_csv: str, make_document: Any
) -> None:
    frame, written = pd.read_csv(io.StringIO(explorer_csv)), io.BytesIO()
    if kind == "parquet":
        frame.to_parquet(written)
    documents = [make_document(battery_id=name) for name in "abc"]
    content = {
        "csv": explorer_csv.encode(),
        "jsonl": "\n".join(map(json.dumps, documents)).encode(),
        "json": json.dumps(documents, indent=1).encode(),
        "parquet": written.getvalue(),
    }[kind]
    for place, removed, added in damage:
        at = int(place * len(content))
        content = content[:at] + added + content[at + removed :]
    path = folder / f"x.{kind}"
    path.write_bytes(content)
    try:
        done = prepare(readers.read(path), Prepare())
    except UserError as error:
        message = str(error)
        assert "\n" not in message
        assert len(message) < 1000
    else:
        done.rejects.to_csv(folder / "rejects.csv", encoding="utf-8")
