from __future__ import annotations

from pathlib import Path

import pandas as pd

from electrode_bench.core.digests import digest_files, digest_frame


def test_digests_see_values_names_and_order_but_not_the_last_bits() -> None:
    frame = pd.DataFrame({"x": [0.1 + 0.2, 0.0]}, index=["a", "b"])
    assert digest_frame(frame) == digest_frame(frame.assign(x=[0.3, -0.0]))
    for other in (frame.assign(x=[0.3, 1e-9]), frame.rename(columns={"x": "y"}), frame.iloc[::-1]):
        assert digest_frame(other) != digest_frame(frame)


def test_the_digest_of_files_does_not_depend_on_their_order_even_with_one_name(tmp_path: Path) -> None:
    files = [tmp_path / "one" / "x.py", tmp_path / "two" / "x.py", tmp_path / "one" / "a.py"]
    for i, file in enumerate(files):
        file.parent.mkdir(exist_ok=True)
        file.write_text(str(i))
    assert digest_files(files) == digest_files(reversed(files))
    assert digest_files(files) != digest_files(files[:2])
