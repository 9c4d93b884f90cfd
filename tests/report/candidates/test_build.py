"""The file that people open: safe, small, and equal to the byte for equal results."""

from __future__ import annotations

import json
import re

from support.screenings import row, screened, shown
from support.web import check_files

from electrode_bench.report.candidates.build import SCRIPTS, STYLES, html
from electrode_bench.report.candidates.shown import Reject
from electrode_bench.report.web.files import content_hash

EVIL = "</script><script>alert(1)</script><!--&\u2028"


def test_the_page_loads_nothing_and_runs_only_its_own_script() -> None:
    text = html(shown())
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", text)
    assert "unsafe" not in text
    assert "url(" not in text
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        assert f"{tag}-src {content_hash(content)}" in text
    assert not re.search(r"\son\w+=", text.split("<script", 1)[0])
    assert len(text) < 100_000


def test_equal_screenings_make_equal_pages() -> None:
    assert html(shown()) == html(shown())
    assert not re.search(r"20\d\d-\d\d-\d\d", html(shown()))


def test_text_of_the_user_is_escaped() -> None:
    evil = screened([row("LiCoO2", "Li", 200, 4.0, name=EVIL, notes=EVIL, **{EVIL: EVIL})])
    text = html(shown(screened=evil, model=EVIL, about={EVIL: EVIL}, rejects=(Reject(1, EVIL, EVIL),)))
    assert "<script>alert" not in text
    assert text.count("<script") == text.count("</script>") == 2
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    assert json.loads(found[1])["rows"][0]["name"] == EVIL.strip()


def test_a_page_says_when_its_numbers_mean_nothing() -> None:
    assert "Synthetic data" not in html(shown())
    assert "Synthetic data" in html(shown(synthetic=True))


def test_titles_count_candidates() -> None:
    assert "<title>4 candidate electrodes</title>" in html(shown())
    one = screened([row("LiCoO2", "Li", 200, 4.0)])
    assert "<title>Candidate LiCoO2</title>" in html(shown(screened=one))


def test_lines_that_could_not_be_used_are_listed() -> None:
    text = html(shown(rejects=(Reject(7, "XyO2", "unknown element Xy"), Reject(8, "", "the formula is missing"))))
    assert "<li>line 7, XyO2: unknown element Xy</li>" in text
    assert "<li>line 8: the formula is missing</li>" in text


def test_files_of_the_page_fit_together() -> None:
    check_files("electrode_bench.report.candidates", styles=STYLES, scripts=SCRIPTS)
