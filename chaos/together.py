"""Commands at the same time, on one project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos import checks
from chaos.cases import Kind, Outcome, World
from chaos.commands import finish, start
from chaos.kills import remove
from chaos.template import cleared_by

#: What runs side by side; a case takes the one at its number, modulo their count.
GROUPS = (
    ("fit rf_magpie grouped", "fit rf_magpie grouped"),
    ("sweep", "sweep"),
    ("publish", "publish"),
    ("prepare", "prepare", "prepare"),
    ("featurize elements", "featurize elements"),
    ("compare", "report", "show"),
    ("predict", "predict", "screen"),
    ("fit crabnet grouped", "compare"),
    ("promote", "promote"),
    ("split", "fit control grouped", "map"),
)


def together(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    """Run commands side by side; each finishes or says in one line why not, and the results are right in the end."""
    for case in cases:
        rng, names = world.random("together", case), GROUPS[case % len(GROUPS)]
        commands = world.template.commands()
        with world.project() as root:
            for path in {path for name in names for path in cleared_by(commands[name])}:
                remove(root / path)
            running = [start(root, commands[name], count=True) for name in rng.sample(names, len(names))]
            ended = [finish(command) for command in running]
            problems = [problem for one in ended for problem in checks.finishes_or_explains(one)]
            if len(set(names)) == 1 and all(one.code for one in ended):
                problems.append(f"none of them finished: {ended[0].err.strip()[-300:]}")
            fits = sum(one.fits for one in ended)
            if len(set(names)) == 1 and names[0].startswith("fit") and fits != world.template.ended[names[0]].fits:
                problems.append(f"{fits} folds were fitted, not {world.template.ended[names[0]].fits}")
            problems += _in_the_end(world, names, root)
        yield Outcome("together", case, " and ".join(f"`{name}`" for name in names), tuple(problems))


def _in_the_end(world: World, names: Sequence[str], root: Path) -> Iterator[str]:
    for name in dict.fromkeys(names):
        yield from checks.finishes(finish(start(root, world.template.commands()[name])))
    if "publish" not in names:
        yield from checks.results_are_equal(root, world.template, below=("results", "screened.csv"))
    if names[0] in ("sweep", "publish", "promote"):
        yield from checks.nothing_runs(root)


KIND = Kind("together", "commands at once", together, short=3, long=60)
