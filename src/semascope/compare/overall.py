"""Several tasks at once: is B better than A in the mean of their headlines?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from semascope.compare.comparing import Compared, Pair
from semascope.compare.verdict import chance, signed
from semascope.metrics import Difference, holm, together
from semascope.metrics.paired import test_draws
from semascope.report import Finding


@dataclass(frozen=True)
class Overall:
    """Two contenders over all tasks.

    Args:
        a: Name of one.
        b: Name of the other.
        difference: What b gains over a in the mean of the headlines; its p is corrected for how many pairs there are.
        better: Tasks on which b is shown to be better.
        worse: Tasks on which a is.
        tasks: All of them.
    """

    a: str
    b: str
    difference: Difference
    better: int
    worse: int
    tasks: int

    @property
    def figures(self) -> dict[str, Any]:
        """As plain values."""
        return {**vars(self.difference), "a": self.a, "b": self.b, "better": self.better, "worse": self.worse}

    @property
    def says(self) -> str:
        """One sentence."""
        gain = self.difference
        said = f"mean gain over {self.tasks} tasks {signed(gain)}, {chance(gain.p)}, {gain.n:,} units"
        if not gain.shown:
            alone = f"alone {self.better} of the tasks show {self.b} to be better and {self.worse} {self.a}"
            return f"No difference shown between {self.a} and {self.b} over all tasks: {said}; {alone}"
        won = gain.value > 0
        winner, loser = (self.b, self.a) if won else (self.a, self.b)
        said = f"mean gain over {self.tasks} tasks {signed(_for_winner(gain))}, {chance(gain.p)}, {gain.n:,} units"
        same, opposite = (self.better, self.worse) if won else (self.worse, self.better)
        return f"{winner} is better than {loser}: {said}; {same} of the tasks show it alone, {opposite} the opposite"


def _for_winner(gain: Difference) -> Difference:
    return gain if gain.value > 0 else replace(gain, value=-gain.value, low=-gain.high, high=-gain.low)


def overall(found: Sequence[Compared], *, level: float = 0.95, draws: int = 10_000, seed: int = 0) -> list[Overall]:
    """Every pair over all tasks on which it was compared, each task counting alike; none where that is one task only.

    These p-values are corrected together by Holm's procedure: a family of their own beside that of the single tasks.

    Args:
        found: Of each task.
        level: Of the intervals.
        draws: Of bootstrap and test, as `compare` takes them.
        seed: Of the draws.
    """
    by_pair: dict[tuple[str, str], list[tuple[Compared, Pair]]] = {}
    for one in found:
        for pair in one.pairs:
            by_pair.setdefault((pair.a, pair.b), []).append((one, pair))
    asked = {names: tasks for names, tasks in by_pair.items() if len(tasks) > 1}
    out: list[Overall] = []
    for (a, b), tasks in asked.items():
        scores = [[one.result(name).scores for one, _ in tasks] for name in (a, b)]
        shown = [pair.better for _, pair in tasks]
        difference = together(*scores, level=level, draws=test_draws(draws, len(asked), level), seed=seed)
        out.append(Overall(a, b, difference, shown.count(b), shown.count(a), len(tasks)))
    corrected = holm([one.difference.p for one in out])
    return [replace(one, difference=replace(one.difference, p=float(p))) for one, p in zip(out, corrected, strict=True)]


def told(found: Sequence[Overall]) -> str:
    """The first line: of one pair its sentence; of several, who is shown to be better than whom."""
    if len(found) == 1:
        return f"{found[0].says}."
    shown = [one for one in found if one.difference.shown]
    parts = [
        f"{one.b if one.difference.value > 0 else one.a} over {one.a if one.difference.value > 0 else one.b} "
        f"{signed(_for_winner(one.difference))}"
        for one in shown
    ]
    open_ = [f"{one.a} and {one.b}" for one in found if not one.difference.shown]
    said = f"Over {found[0].tasks} tasks, shown to be better: {'; '.join(parts)}." if parts else ""
    if open_:
        said += f" No difference shown between {', '.join(open_)}."
    return f"{said.strip()} ({len(found)} pairs, corrected by Holm's procedure)"


def evidence(found: Sequence[Overall]) -> list[Finding]:
    """One finding a pair."""
    return [
        Finding(
            f"all tasks: {one.a} and {one.b}",
            "fine" if one.difference.shown else "note",
            one.says,
            one.figures,
        )
        for one in found
    ]


NOTE = (
    "Over several tasks: the mean of their differences, each task counting alike, with its own bootstrap and test, corrected for the pairs "
    "and not for the tasks, which are a family of their own. Tasks made of the same "
    "texts err together, which makes that interval narrower than it should be."
)
