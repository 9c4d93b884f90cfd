"""The documents: files, modules, commands and parameters that they name exist, and the vocabulary is the glossary's."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from support import ROOT

from electrode_bench.data.readers.base import REQUIRED
from electrode_bench.data.readers.columns import DOCUMENT, EXPLORER

#: The models of the exported study that params.yaml does not fit.
ADDED = ("modnet_physics", "crabnet_physics", "ensemble")

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "sample/README.md", "sweeps/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
SOURCES = [p for kind in ("py", "js", "css", "html", "j2") for p in sorted((ROOT / "src").rglob(f"*.{kind}"))]

#: Phrases of the old vocabulary, and what stands for them now.
FORBIDDEN = {
    r"told apart|tells? (\w+ )?apart": "significantly different; statistically tied",
    r"surely better|surely beats": "significantly better",
    r"formula on one side": "no formula in both training and test",
    r"price of (new|a cluster|chemistry)": "extrapolation to unseen chemistry",
    r"held within": "clipped to",
    r"stands? (half a range )?(at|below) the (smallest|lowest)": "is imputed as",
    r"mistake of yours": "usage error",
    r"what is made small|what ends early|what goes on": "objective; pruning; resuming",
    r"goes? on where it stopped": "resumes where it stopped",
    r"\b(one|a|an|by|as|with) (row|run|point|forest|fold|column) an? "
    r"(row|model|electrode|formula|fold|target|trial|element|property|study)\b": "per",
    r"(?<!there )\bis no (SQLite|YAML|JSON|CSV|parquet|gzip|Python|finite|valid)": "is not a(n)",
    r"equal to the (byte|bit)": "identical bytes",
    r"look(s|ed|ing)? in on": "epoch callback",
    r"training part": "training set",
    r"which is mended": "fixed",
}

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))


# --- form ---


@every_document
def test_markdown_lines_have_at_most_120_characters(document: Path) -> None:
    long = [
        number
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120 and not line.lstrip().startswith("|") and "](" not in line and "http" not in line
    ]
    assert long == []


@pytest.mark.parametrize("file", [*DOCUMENTS, *SOURCES], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_old_vocabulary_is_gone(file: Path) -> None:
    text = re.sub(r"\s+(#:? |\")?", " ", file.read_text(encoding="utf-8"))
    found = {m[0]: better for old, better in FORBIDDEN.items() for m in re.finditer(old, text, flags=re.IGNORECASE)}
    assert found == {}


@every_document
def test_documents_write_standard_deviation_for_spread(document: Path) -> None:
    # Columns of contract files keep the name.
    text = re.sub(r"`[^`]*`", "", _without_code(document.read_text(encoding="utf-8")))
    table_of_files = re.sub(r"^\|.*\|$", "", text, flags=re.MULTILINE)
    assert re.findall(r"\bspread\b", table_of_files) == []


# --- what the documents name exists ---


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    text = _without_code(document.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


@every_document
def test_files_and_modules_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    if document == ROOT / "CONTRIBUTING.md":
        text = _without_code(text)  # its examples are new files
    # The note on the layout names what was there before.
    paths = set(re.findall(r"\b((?:src|tests|benchmarks|sample|docs)/[\w./-]*[\w/])", text))
    assert [p for p in sorted(paths) if not (ROOT / p).exists() and "<" not in p and not _is_pattern(p, text)] == []
    for module in sorted(set(re.findall(r"\belectrode_bench(?:\.\w+)+", text))):
        assert _resolves(module), module


def test_the_modules_of_each_folder_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text[text.index("The modules of the larger folders:") : text.index("\n## Imports")]
    folders = re.findall(r"^- `(\w+)/`: (.*?)(?=^- |^$)", section, flags=re.DOTALL | re.MULTILINE)
    assert len(folders) > 5
    for folder, modules in folders:
        for module in re.findall(r"`([a-z_]+)/?`", modules):
            path = ROOT / "src" / "electrode_bench" / folder / module
            assert path.is_dir() or path.with_suffix(".py").exists(), f"{folder}/{module}"


def _is_pattern(path: str, text: str) -> bool:
    return f"{path}<" in text or f"{path}/<" in text or f"{path}*" in text


def _resolves(dotted: str) -> bool:
    """Whether a dotted name is a module, or a name that a module defines or imports."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:end]))
        except ModuleNotFoundError:
            spec = None
        if spec is not None and spec.origin is not None:
            names = set()
            for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    names.add(node.name)
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.id)
                elif isinstance(node, ast.ImportFrom | ast.Import):
                    names |= {alias.asname or alias.name for alias in node.names}
            return end == len(parts) or parts[end] in names
    return False


@every_document
def test_commands_and_their_options_exist(document: Path) -> None:
    for line in _commands(document.read_text(encoding="utf-8")):
        command: Any = typer.main.get_command(_app())
        words = shlex.split(line, comments=True)[1:]
        options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        for word in words:
            if word.startswith("-") and not word.lstrip("-").isdigit():
                assert word.partition("=")[0] in {*options, "--help", "-h"}, f"{line}: {word}"
            elif hasattr(command, "commands"):
                # `sweep MODEL` is short for `sweep run MODEL`.
                name = word if word in command.commands else "run"
                assert name in command.commands, f"{line}: {word}"
                command = command.commands[name]
                options |= {name for p in command.params for name in (*p.opts, *p.secondary_opts)}


@every_document
def test_keys_of_params_yaml_that_are_named_exist(document: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    text = _without_code(document.read_text(encoding="utf-8"))
    sections = "|".join(params)
    for key in re.findall(rf"`((?:{sections})(?:\.[a-z_]+)+)\b[^`<(]*`", text):
        if key.endswith((".yaml", ".py", ".csv", ".json", ".parquet", ".html", ".lock")):
            continue
        value: Any = params
        for part in key.split("."):
            # A model or protocol that params.yaml does not list has keys of its own.
            assert isinstance(value, dict), key
            assert part in value, key
            value = value[part]


def test_the_examples_of_contributing_define_what_their_folders_hold() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    kinds = {"models": "SPEC", "features": "FEATURES", "splits": "PROTOCOL", "readers": "READER"}
    defined = []
    for path, code in re.findall(r"^```python\n# (src/\S+\.py)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        names: dict[str, Any] = {"__name__": Path(path).stem}
        exec(compile(code, path, "exec", dont_inherit=True), names)
        kind = Path(path).parent.name
        assert names[kinds[kind]].name == Path(path).stem
        defined.append(kind)
    assert set(defined) == set(kinds)


def _app() -> typer.Typer:
    from electrode_bench.cli import app

    return app


def _commands(text: str) -> Iterator[str]:
    """Every use of the command line, in blocks and in the text."""
    for block in re.findall(r"^```\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            bare = re.sub(r"^([A-Z_]+=\S+ )+", "", line.strip())
            if bare.startswith("electrode-bench "):
                yield bare
    for inline in re.findall(r"`(electrode-bench [^`]*)`", _without_code(text)):
        if "<" not in inline and "..." not in inline:
            yield inline


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def _anchors(document: Path) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", _without_code(document.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_documented_columns_of_a_table_are_those_that_it_must_have() -> None:
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z][^`]+)` \| `(\w+)` \|", text, flags=re.MULTILINE)
    assert rows == [(EXPLORER[raw], DOCUMENT[raw]) for raw in REQUIRED]


def test_the_exported_study_differs_from_params_yaml_as_readme_says() -> None:
    """README: three more models, and grouped folds that are drawn three times."""
    own = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    study = yaml.safe_load((ROOT / "docs/results/2023.11.1/params.yaml").read_text(encoding="utf-8"))
    assert set(study["fit"].pop("models")) - set(own["fit"].pop("models")) == set(ADDED)
    assert (study["split"]["grouped"].pop("repeats"), own["split"]["grouped"].pop("repeats")) == (3, 1)
    assert study == own
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    models = f"three more models (`{ADDED[0]}`, `{ADDED[1]}` and `{ADDED[2]}`)"
    assert f"{models}, and grouped folds that are drawn three times" in readme
