from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from electrode_bench.errors import UserError
from electrode_bench.inference.candidates import count_candidates, read_candidates


def test_every_kind_of_file_is_read_in_chunks(tmp_path: Path) -> None:
    formulas = ["LiCoO2", "NaCoO2", "KCoO2"]
    frame = pd.DataFrame({"name": list("abc"), "formula": formulas, "working_ion": ["Li", "Na", None]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text("\n".join(formulas))
    for name, first in (("a.csv", 2), ("a.parquet", 2), ("a.txt", 1)):
        chunks = list(read_candidates(tmp_path / name, chunk=2))
        assert [len(c) for c in chunks] == [2, 1], name
        whole = pd.concat(chunks, ignore_index=True)
        assert whole["formula"].tolist() == formulas
        assert whole["line"].tolist() == [first, first + 1, first + 2]
        given_ions = [i for i in whole["working_ion"] if isinstance(i, str)]
        assert given_ions == ([] if name == "a.txt" else ["Li", "Na"])
    assert (count_candidates(tmp_path / "a.csv"), count_candidates(tmp_path / "a.parquet")) == (3, 3)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("a.csv", "composition\nLiCoO2\n", "has no column 'formula'"), ("a.parquet", "not parquet", "cannot be read"),
     ("a.csv", "", "cannot be read"), ("b.csv", None, "is missing")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        list(read_candidates(tmp_path / name))
