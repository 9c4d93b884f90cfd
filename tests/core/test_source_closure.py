"""Which edits of a package change the digest of an entry, and which do not."""

from __future__ import annotations

import importlib.metadata
import itertools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from electrode_bench import models
from electrode_bench.core.source_closure import SourceClosure, source_closure
from electrode_bench.features import FEATURE_SETS

Files = Mapping[str, str]
Close = Callable[..., SourceClosure]

#: A package in which `made_up.entry:compute` reaches other modules in every way that Python offers.
PACKAGE = {
    "made_up/__init__.py": '"""A package."""\n',
    "made_up/entry.py": '''
"""The entry's module."""
from __future__ import annotations
import json as text_format
from typing import TYPE_CHECKING
import made_up.dotted.deep
import made_up.dotted.other as aliased
from made_up import siblings, whole
from made_up.exported import offered as renamed
from made_up.bases import Base
from made_up.wrapped import decorator
from made_up.values import DEFAULT, LIMIT, Unused
from made_up.starred import *
from .relative import near
if TYPE_CHECKING:
    from made_up.types import Shape

@decorator
def decorated(x):
    return x

class Model(Base):
    """A model."""
    factor = LIMIT
    """What x is multiplied by."""
    def run(self, x: int, y: int = DEFAULT) -> int:
        """Run it."""
        from made_up.nested import inner
        rows: list[int] = [x]  # one row
        return inner(x) + y * self.factor + len(rows)

def compute(x: Shape, mode: str = "fast") -> Shape:
    """Compute."""
    total = made_up.dotted.deep.dig(x) + aliased.other(x) + siblings.first(x) + renamed(x) + near(x) + star(x)
    return Model().run(decorated(total)), inspect(whole), text_format.dumps(x)

def inspect(module):
    return getattr(module, "anything")(1)

def unrelated():
    return 1
''',
    "made_up/dotted/__init__.py": "",
    "made_up/dotted/deep.py": "def dig(x):\n    return x + DEPTH\nDEPTH = 1\ndef unused():\n    return 2\n",
    "made_up/dotted/other.py": "def other(x):\n    return 10\n",
    "made_up/siblings.py": (
        "def first(x):\n    return second(x)\ndef second(x):\n    return 20\ndef third():\n    return 3\n"
    ),
    "made_up/exported/__init__.py": "from made_up.exported.home import offered\n",
    "made_up/exported/home.py": "def offered(x):\n    return 30\n",
    "made_up/bases.py": "class Root:\n    scale = 40\nclass Base(Root):\n    pass\n",
    "made_up/wrapped.py": "def decorator(function):\n    return lambda x: function(x) + 50\n",
    "made_up/values.py": "DEFAULT = 60\nLIMIT = 70\nclass Unused:\n    x = 80\n",
    "made_up/starred.py": "def star(x):\n    return 90\ndef not_used():\n    return 91\n",
    "made_up/relative.py": "from . import values\ndef near(x):\n    return values.LIMIT\n",
    "made_up/nested.py": "def inner(x):\n    return 100\n",
    "made_up/whole.py": "def anything(x):\n    return 110\n",
    "made_up/types.py": "Shape = int\n",
}


@pytest.fixture
def close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Close:
    """Computes the closure of entries in a package with the given files, by default the one above."""
    numbers = itertools.count()

    def compute(*entries: str, files: Files = PACKAGE, then: Files | None = None) -> SourceClosure:
        folder = tmp_path / str(next(numbers))
        for name, text in {**files, **(then or {})}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        monkeypatch.syspath_prepend(folder)
        return source_closure.__wrapped__(*(entries or ("made_up.entry:compute",)))

    return compute


def replaced(file: str, old: str, new: str, files: Files = PACKAGE) -> dict[str, str]:
    assert files[file].count(old) == 1, f"{old!r} is not in {file} exactly once"
    return {**files, file: files[file].replace(old, new)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param("entry", '"fast"', '"slow"', id="a default of the entry"),
        pytest.param("entry", "* self.factor", "+ self.factor", id="a method of a class"),
        pytest.param("entry", "factor = LIMIT", "factor = 2 * LIMIT", id="a class attribute"),
        pytest.param("entry", "@decorator\n", "", id="a decorator is taken away"),
        pytest.param("entry", 'getattr(module, "anything")(1)', "1", id="a function of the same module"),
        pytest.param("dotted/deep", "DEPTH = 1", "DEPTH = 2", id="a constant, through `import a.b.c`"),
        pytest.param("dotted/other", "10", "11", id="`import a.b as c`"),
        pytest.param("siblings", "20", "21", id="a function behind a function of a module"),
        pytest.param("exported/home", "30", "31", id="a re-exported function under another name"),
        pytest.param("bases", "40", "41", id="the base of a base class"),
        pytest.param("wrapped", "50", "51", id="a decorator"),
        pytest.param("values", "60", "61", id="a default value"),
        pytest.param("values", "70", "71", id="a constant, through a relative import"),
        pytest.param("starred", "90", "92", id="a star import"),
        pytest.param("nested", "100", "101", id="an import within a method"),
        pytest.param("whole", "110", "111", id="a module that is passed as a value"),
        pytest.param("exported/__init__", "made_up.exported.home", "made_up.nested", id="what is re-exported"),
        pytest.param("entry", "import json as", "import marshal as", id="what an alias stands for"),
        pytest.param("entry", "DEFAULT, LIMIT, Unused", "DEFAULT as LIMIT, LIMIT as DEFAULT", id="exchanged names"),
        pytest.param("nested", "def", "print('imported')\ndef", id="what runs when a module is imported"),
        pytest.param("__init__", '"""A package."""', "print(1)", id="what runs when the package is imported"),
        pytest.param("values", "70", "70\nLIMIT += 1", id="a constant that is changed later"),
        pytest.param("values", "70", "70\nif DEFAULT: LIMIT = 1", id="a constant that depends on a condition"),
    ],
)
def test_an_edit_that_may_change_the_result_changes_the_digest(close: Close, file: str, old: str, new: str) -> None:
    assert close().digest != close(files=replaced(f"made_up/{file}.py", old, new)).digest


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param("entry", "# one row", "# a single row", id="a comment"),
        pytest.param("entry", '"""Compute."""', '"""Compute it, slowly."""', id="a docstring"),
        pytest.param("entry", '        """Run it."""\n', "", id="a docstring is taken away"),
        pytest.param("entry", '"""What x is multiplied by."""', '"""A factor."""', id="an attribute's docstring"),
        pytest.param("entry", '"""The entry\'s module."""', '"""A module."""', id="a module's docstring"),
        pytest.param("entry", "x: Shape, mode: str", "x: float, mode: object", id="annotations of arguments"),
        pytest.param("entry", ") -> int:", ") -> float:", id="an annotation of what is returned"),
        pytest.param("entry", "rows: list[int] =", "rows: list[object] =", id="an annotation of a local variable"),
        pytest.param("entry", "rows: list[int] =", "rows =", id="a local variable is no longer annotated"),
        pytest.param("entry", "from made_up.types import Shape", "Shape = int", id="an import for type checkers"),
        pytest.param("types", "int", "float", id="a module that only type checkers read"),
        pytest.param("entry", "def unrelated():\n    return 1", "", id="a function that nothing reaches"),
        pytest.param("dotted/deep", "return 2", "return 3", id="an unused function of a module that is used"),
        pytest.param("siblings", "return 3", "return 4", id="an unused function of an imported module"),
        pytest.param("values", "80", "81", id="a class that is imported and not used"),
        pytest.param("starred", "91", "92", id="an unused function of a star import"),
        pytest.param("entry", "def inspect(module):", "\n\n\n\ndef inspect( module ):", id="blank lines and spaces"),
        pytest.param("bases", "    pass", '    """Nothing more."""', id="a docstring in the place of pass"),
    ],
)
def test_an_edit_without_effect_leaves_the_digest(close: Close, file: str, old: str, new: str) -> None:
    assert close().digest == close(files=replaced(f"made_up/{file}.py", old, new)).digest


def test_the_files_are_those_that_hold_what_is_reached(close: Close) -> None:
    closure = close()
    names = {"/".join(file.parts[file.parts.index("made_up") + 1 :]) for file in closure.files}
    assert names == {
        *("entry.py", "dotted/deep.py", "dotted/other.py", "siblings.py", "exported/__init__.py", "exported/home.py"),
        *("bases.py", "wrapped.py", "values.py", "starred.py", "relative.py", "nested.py", "whole.py"),
    }
    assert closure.libraries == ()


def test_the_digest_does_not_depend_on_where_the_package_lies(close: Close) -> None:
    first, second = close(), close()
    assert first.files != second.files
    assert first.digest == second.digest


CHOICES = {
    "made_up/__init__.py": "",
    "made_up/fast.py": "def run():\n    return 1\n",
    "made_up/slow.py": "def run():\n    return 2\n",
    "made_up/tried.py": (
        "try:\n    from made_up.fast import run\nexcept ImportError:\n    from made_up.slow import run\n"
        "import sys\n"
        "if sys.platform == 'linux':\n    def place():\n        return 3\n"
        "elif sys.platform == 'darwin':\n    place = run\n"
        "def compute():\n    return run()\n"
    ),
    "made_up/entry.py": "from made_up.tried import compute, place\ndef both():\n    return compute(), place()\n",
}


LAZY = {
    "made_up/__init__.py": (
        "def __getattr__(name):\n    from made_up import offered\n    return getattr(offered, name)\n"
    ),
    "made_up/offered.py": "VALUE = 1\n",
    "made_up/entry.py": (
        "import made_up\ndef lazily():\n    return made_up.VALUE\ndef place():\n    return made_up.__file__\n"
    ),
}


def test_a_modules_getattr_counts_for_names_that_it_looks_up(close: Close) -> None:
    files = replaced("made_up/offered.py", "1", "2", LAZY)
    for entry, same in (("made_up.entry:lazily", False), ("made_up.entry:place", True)):
        assert (close(entry, files=LAZY).digest == close(entry, files=files).digest) is same


@pytest.mark.parametrize(("file", "old", "new"), [("fast", "1", "4"), ("slow", "2", "4"), ("tried", "3", "4")])
def test_every_branch_of_a_conditional_import_or_definition_counts(close: Close, file: str, old: str, new: str) -> None:
    files = replaced(f"made_up/{file}.py", old, new, CHOICES)
    for entry in ("made_up.entry:both", "made_up.tried:place"):
        assert close(entry, files=CHOICES).digest != close(entry, files=files).digest


@pytest.mark.parametrize(
    "code",
    [
        "from importlib.resources import files\ndef compute():\n    return files('made_up.found')\n",
        "import importlib\ndef compute():\n    return importlib.import_module('made_up.found')\n",
        "from importlib import import_module\nTABLE = {'a': import_module('made_up.found')}\ncompute = TABLE.get\n",
        "import made_up.found\ndef compute():\n    return made_up.found\n",
        "from made_up import found as module\ndef compute(x=[module]):\n    return x\n",
    ],
)
def test_a_module_that_is_named_by_text_or_passed_on_is_taken_whole(close: Close, code: str) -> None:
    def with_found(text: str) -> SourceClosure:
        files = {"made_up/__init__.py": "", "made_up/entry.py": code, "made_up/found.py": text}
        return close(files=files)

    assert with_found("def f():\n    return 1").digest != with_found("def f():\n    return 2").digest


def test_a_change_of_what_a_name_holds_counts_wherever_it_is_reached(close: Close) -> None:
    files = {
        "made_up/__init__.py": "",
        "made_up/entry.py": "import made_up.changes\nfrom made_up.table import TABLE\ncompute = TABLE.get\n",
        "made_up/table.py": "TABLE = {}\nTABLE['a'] = 1\n",
        "made_up/changes.py": "from made_up.table import TABLE\nTABLE['b'] = 2\nunused = 3\n",
    }
    first = close(files=files).digest
    assert close(files=replaced("made_up/table.py", "1", "9", files)).digest != first
    assert close(files=replaced("made_up/changes.py", "2", "9", files)).digest != first
    assert close(files=replaced("made_up/changes.py", "3", "9", files)).digest == first


def test_a_definition_that_a_decorator_may_register_counts(close: Close) -> None:
    files = {
        "made_up/__init__.py": "",
        "made_up/entry.py": "import made_up.entries\nfrom made_up.table import TABLE\ncompute = TABLE.get\n",
        "made_up/table.py": "TABLE = {}\ndef register(f):\n    TABLE[f.__name__] = f\n    return f\n",
        "made_up/entries.py": (
            "from functools import cache\nfrom made_up.table import register\n"
            "@register\ndef registered():\n    return 1\n@cache\ndef unused():\n    return 2\n"
        ),
    }
    first = close(files=files).digest
    assert close(files=replaced("made_up/entries.py", "return 1", "return 9", files)).digest != first
    assert close(files=replaced("made_up/entries.py", "return 2", "return 9", files)).digest == first


def test_a_name_of_the_module_counts_where_a_function_sets_it(close: Close) -> None:
    code = "STATE = 1\ndef compute():\n    global STATE\n    STATE += 1\n"
    files = {"made_up/__init__.py": "", "made_up/entry.py": code}
    assert (
        close(files=files).digest != close(files=replaced("made_up/entry.py", "STATE = 1", "STATE = 5", files)).digest
    )


def test_annotations_that_a_decorator_may_read_count(close: Close) -> None:
    code = (
        "from functools import singledispatch, cache\n@singledispatch\ndef compute(x):\n    return 1\n"
        "@compute.register\ndef _(x: int):\n    return 2\n"
    )
    files = {"made_up/__init__.py": "", "made_up/entry.py": code}
    whole = "made_up.entry"
    assert (
        close(whole, files=files).digest != close(whole, files=replaced("made_up/entry.py", "int", "str", files)).digest
    )
    cached = {
        "made_up/__init__.py": "",
        "made_up/entry.py": "from functools import cache\n@cache\ndef f(x: int): return x",
    }
    other = replaced("made_up/entry.py", "int", "str", cached)
    assert close(whole, files=cached).digest == close(whole, files=other).digest


def test_a_file_beside_a_module_counts_when_its_code_names_it(close: Close) -> None:
    code = "from pathlib import Path\ndef compute():\n    return Path(__file__).with_name('table.csv').read_text()\n"
    files = {"made_up/__init__.py": "", "made_up/entry.py": code, "made_up/table.csv": "1", "made_up/other.csv": "1"}
    closure = close(files=files)
    assert [file.name for file in closure.files] == ["entry.py", "table.csv"]
    assert close(files=replaced("made_up/table.csv", "1", "2", files)).digest != closure.digest
    assert close(files=replaced("made_up/other.csv", "1", "2", files)).digest == closure.digest


def test_a_file_beside_an_entry_that_is_no_package_is_followed(close: Close) -> None:
    files = {
        "made_up_model.py": "import made_up_parts\ndef build():\n    return made_up_parts.WIDTH\n",
        "made_up_parts.py": "WIDTH = 1\n",
    }
    first = close("made_up_model:build", files=files)
    assert [file.name for file in first.files] == ["made_up_model.py", "made_up_parts.py"]
    assert close("made_up_model:build", files=replaced("made_up_parts.py", "1", "2", files)).digest != first.digest


def test_code_outside_the_package_is_followed_into_it(close: Close) -> None:
    files = {"made_up_model.py": "from electrode_bench.core.seeds import derive\nbuild = derive\n"}
    assert {file.name for file in close("made_up_model:build", files=files).files} == {"made_up_model.py", "seeds.py"}


def test_libraries_that_are_used_count_with_their_versions(close: Close) -> None:
    code = (
        "import os, yaml, numpy as np\nimport pandas\nfrom sklearn import linear_model\n"
        "def compute():\n    import scipy.stats\n    return os.sep, np.zeros(1), linear_model.Ridge\n"
        "def unrelated():\n    return pandas.NA, yaml.load\n"
    )
    closure = close(files={"made_up/__init__.py": "", "made_up/entry.py": code})
    assert closure.libraries == ("numpy", "scikit-learn", "scipy")
    assert closure.versions() == {name: importlib.metadata.version(name) for name in closure.libraries}


@pytest.mark.parametrize(
    ("old", "new"),
    [("from math import sqrt", "from numpy import sqrt"), ("from made_up.a import f", "from made_up.b import f")],
)
def test_what_an_unchanged_name_stands_for_counts(close: Close, old: str, new: str) -> None:
    # Both functions are reached in either case, and the code that is reached stays the same.
    files = {
        "made_up/__init__.py": "",
        "made_up/entry.py": (
            "import math, numpy, made_up.a, made_up.b\nfrom math import sqrt\nfrom made_up.a import f\n"
            "def compute():\n    return sqrt(1), f(), math.pi, numpy.pi, made_up.a.f(), made_up.b.f()\n"
        ),
        "made_up/a.py": "def f():\n    return 1\n",
        "made_up/b.py": "def f():\n    return 2\n",
    }
    assert close(files=files).digest != close(files=replaced("made_up/entry.py", old, new, files)).digest


def test_modules_that_import_each_other_are_followed_once(close: Close) -> None:
    files = {
        "made_up/__init__.py": "",
        "made_up/entry.py": "import made_up.other\ndef compute():\n    return made_up.other.g()\n",
        "made_up/other.py": "import made_up.entry\ndef g():\n    return made_up.entry.compute()\n",
    }
    assert [file.name for file in close(files=files).files] == ["entry.py", "other.py"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("made_up.entri:compute", "made_up.entri:compute: there is no Python source for the module made_up.entri"),
        ("made_up.entry:compote", "made_up.entry:compote: made_up.entry does not define compote"),
        ("nowhere:compute", "there is no Python source for the module nowhere"),
        ("math:sqrt", "there is no Python source for the module math"),
    ],
)
def test_an_entry_that_is_not_there_is_refused(close: Close, entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        close(entry)


def test_following_names_imports_nothing(close: Close) -> None:
    close()
    assert not [name for name in sys.modules if name.partition(".")[0] == "made_up"]


def test_a_network_depends_on_its_own_code_and_how_elements_become_vectors() -> None:
    files = {name: {file.name for file in models.spec(name).closure().files} for name in ("crabnet", "modnet")}
    assert {"composition.py", "layers.py", "training.py", "base.py"} <= files["crabnet"]
    assert {"feature_selection.py", "layers.py", "training.py", "base.py"} <= files["modnet"]
    assert "torch" in models.spec("crabnet").versions()
    forest = models.spec("rf_magpie").closure()
    assert not {"layers.py", "training.py", "composition.py"} & {file.name for file in forest.files}
    assert "torch" not in forest.libraries


def test_a_feature_set_depends_on_how_formulas_are_read_and_on_its_tables_library() -> None:
    closures = {name: feature_set.closure() for name, feature_set in FEATURE_SETS.items()}
    assert all("chemistry.py" in {file.name for file in closure.files} for closure in closures.values())
    assert "matminer" in closures["magpie"].libraries
    assert "ElementEmbeddings" in closures["mat2vec"].libraries
