from __future__ import annotations

import pytest

from electrode_bench.core.syntax import source_digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1  # one", "x   =   1"),
        ('def f(x: int) -> int:\n    """Doc."""\n    return x', "def f(x): return x"),
        ('class A:\n    """Doc."""', "class A: pass"),
        ('x = 1\n"""What x is."""', "x = 1"),
        ("def f():\n    x: int = 1", "def f():\n    x = 1"),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", "import b"),
        ("if not typing.TYPE_CHECKING:\n    import b", "import b"),
        ("x = 'a'", 'x = "a"'),
        ("@property\ndef f(self) -> int: ...", "@property\ndef f(self): ..."),
    ],
)
def test_code_that_behaves_alike_has_one_digest(one: str, other: str) -> None:
    assert source_digest(one) == source_digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = None", "x = 'None'"),
        ("x = 1", "y = 1"),
        ("f(a, b)", "f(b, a)"),
        ("def f(x=1): return x", "def f(x=2): return x"),
        ("def f(x, *, y=1): return x", "def f(x, *, y): return x"),
        ("{**a, 'b': 1}", "{None: a, 'b': 1}"),
        ("class A:\n    x: int = 1", "class A:\n    x: float = 1"),
        ("@register\ndef f(x: int): ...", "@register\ndef f(x: str): ..."),
        ("if DEBUG:\n    import a", "import a"),
        ("x = [[a], b]", "x = [[a, b]]"),
        ("def f(): return 1", "async def f(): return 1"),
        ("f'{x!r}'", "f'{x!s}'"),
        ("f'{x:.2f}'", "f'{x:.3f}'"),
        ("x < y", "x <= y"),
        ("x = 1; y = 2", "y = 2; x = 1"),
    ],
)
def test_other_code_has_another_digest(one: str, other: str) -> None:
    assert source_digest(one) != source_digest(other)
