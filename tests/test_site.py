"""The tools that build the documentation site: links between documents, the check of a built site, the files around."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from support import ROOT


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"website_{name}", ROOT / "tools" / "website" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up the module that they are in
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "page", "link", "wanted"),
    [
        ("docs/data.md", "data.md", "[a](results.md#the-report)", "[a](results.md#the-report)"),
        ("docs/data.md", "data.md", "[a](https://example.org)", "[a](https://example.org)"),
        ("docs/data.md", "data.md", "[a](#formulas)", "[a](#formulas)"),
        # Outside docs/: a page, or plain text.
        ("docs/candidates.md", "candidates.md", "[a](../src/electrode_bench/pretrained/README.md#errors)",
         "[a](model-card.md#errors)"),
        ("docs/architecture.md", "architecture.md", "[the contract](../pyproject.toml)", "the contract"),
        ("CONTRIBUTING.md", "contributing.md", "[a](docs/decisions/0003-equal-to-the-byte.md)",
         "[a](decisions/0003-equal-to-the-byte.md)"),
        ("docs/results/earlier/README.md", "results/earlier/README.md", "[a](../../statistics.md)",
         "[a](../../statistics.md)"),
        ("docs/results.md", "results.md", "[a](notebooks/results.ipynb)", "[a](notebooks/results.md)"),
        ("docs/index.md", "index.md", "[a](decisions)", "[a](decisions/README.md)"),
        ("docs/index.md", "index.md", "![a](figures/share.svg)", "![a](figures/share.svg)"),
        ("docs/index.md", "index.md", "```\n[a](../README.md)\n```", "```\n[a](../README.md)\n```"),
    ],
)  # fmt: skip
def test_links_lead_to_pages_of_the_site(source: str, page: str, link: str, wanted: str) -> None:
    assert _tool("hooks").relinked(link, source=source, page=page) == wanted


def test_docstrings_are_shown_as_markdown() -> None:
    docstring = """Screen candidates, as :func:`electrode_bench.api.predict`.

Parameters
----------
rank, goal : how to order them; ``lower`` takes the lower end
    of the interval.

Raises
------
UserError
    When an option is wrong.

Examples
--------
>>> screen(model)
[1, 2]

Then:

>>> screen(other)
[3]
"""
    assert (
        _tool("docstrings").markdown(docstring)
        == """Screen candidates, as `predict`.

**Parameters**

- `rank, goal`: how to order them; ``lower`` takes the lower end
    of the interval.

**Raises**

- `UserError`: When an option is wrong.

**Examples**

```pycon
>>> screen(model)
[1, 2]
```

Then:

```pycon
>>> screen(other)
[3]
```
"""
    )


def test_the_check_of_a_site_finds_what_is_missing_or_on_another_host(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_text('<h1 id="there">b</h1>', encoding="utf-8")
    page = tmp_path / "a.html"
    page.write_text('<a href="b.html#there">x</a> <a href="https://example.org">x</a>', encoding="utf-8")
    links = _tool("links")
    assert links.problems(tmp_path) == []
    page.write_text(
        '<a href="c.html">x</a> <a href="b.html#gone">x</a> <script src="https://example.org/x.js"></script>',
        encoding="utf-8",
    )
    assert sorted(links.problems(tmp_path)) == [
        "a.html: b.html#gone names no place of that page",
        "a.html: c.html leads nowhere",
        "a.html: https://example.org/x.js is on another host",
    ]


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"([\w./-]+\.md)$", text, flags=re.MULTILINE))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= named


def test_an_image_of_the_project_holds_nothing_that_git_ignores() -> None:
    kept_out = {line.removeprefix("**/") for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()}
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()}
    assert ignored <= kept_out


def test_the_workflow_of_hosted_ci_runs_what_must_pass() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert ".ci/run" in [step.get("run") for step in workflow["jobs"]["check"]["steps"]]
