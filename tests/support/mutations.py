"""Files as they look after an accident or a bad edit: seeded mutations of values and of text."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

#: What a value may have become. NUL, half a surrogate pair and markup are texts that break what expects plain ones.
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**18, -(10**18), 1e308, -1e308, "", "x", "[/b]", "\u2028", "../..", "it's", [], [None],
    [[]], {}, {"x": 1}, [1, 2, 3],
)  # fmt: skip


def mutated(value: Any, *, seed: int, count: int) -> Iterator[Any]:
    """``count`` copies of a JSON value, each with one to three places replaced, removed or repeated."""
    rng = random.Random(seed)
    for _ in range(count):
        changed = copy.deepcopy(value)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            _mutate(changed, rng)
        yield changed


def damaged(text: str, *, seed: int, count: int) -> Iterator[bytes]:
    """``count`` copies of a text, each cut off, with bytes changed, or with a part removed or repeated."""
    rng, content = random.Random(seed), text.encode()
    for _ in range(count):
        a, b = sorted(rng.randrange(len(content) + 1) for _ in range(2))
        b = min(b, a + 40)
        kind = rng.randrange(5)
        if kind == 0:
            yield content[:a]
        elif kind == 1:
            yield content[:a] + content[b:]
        elif kind == 2:
            yield content[:b] + content[a:]
        elif kind == 3:
            yield content[:a] + bytes([rng.randrange(256)]) + content[a + 1 :]
        else:
            yield (
                content[:a]
                + rng.choice((b"\0" * 20, b"[" * 2000, b"9" * 5000, b"&a [*a]", b"\t", b"\xff"))
                + content[a:]
            )


def _mutate(value: Any, rng: random.Random) -> None:
    """Change one place at or below ``value`` in place; places near the top are as likely as all those below them."""
    container = value
    while True:
        keys = list(container) if isinstance(container, dict) else list(range(len(container)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = container[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.25:
            break
        container = inner
    action = rng.randrange(6)
    if action == 0:
        del container[key]
    elif action == 1 and isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif action == 2 and isinstance(container, dict):
        container[rng.choice(("x", "", "a.b", "[b]"))] = container.pop(key)
    else:
        container[key] = copy.deepcopy(rng.choice(VALUES))
