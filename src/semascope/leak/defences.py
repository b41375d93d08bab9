"""What somebody may do to vectors before they are stored, so that they give less away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semascope.compression.int8 import Int8
from semascope.compression.one_bit import OneBit
from semascope.errors import UnknownNameError
from semascope.ops import mapped
from semascope.types import Vectors

Change = Callable[[Vectors], Vectors]
NOISES = (0.1, 0.25, 0.5, 1.0, 2.0)
CUTS = (2, 4, 8)
LEAST_COLUMNS = 8


@dataclass(frozen=True, eq=False)
class Defended:
    """What a defence does, once it has learned from the rows it is to guard.

    Args:
        store: Rows as they are encoded -> rows as they lie in the store; decoded, where they lie there as codes.
        ask: A query's row -> the row that the store is searched with: as wide as the stored ones, but neither rounded nor
            disturbed, since a query need not be stored.
        bits: Of one stored row.
    """

    store: Change
    ask: Change
    bits: float


@dataclass(frozen=True)
class Defence:
    """A defence and its strength.

    Args:
        name: As tables and curves say it: "noise 0.5".
        family: Defences of one family differ in strength alone: "noise".
        says: What is done, in a sentence without a subject.
        learn: (rows (n, d), seed) -> what it does.
        secret: Whether it rests on something that the attacker must not know.
    """

    name: str
    family: str
    says: str
    learn: Callable[[Vectors, int], Defended]
    secret: bool = False


def nothing() -> Defence:
    """No defence: vectors as they are."""
    return Defence("none", "none", "stored as they are", lambda x, _: Defended(_same, _same, 32.0 * x.shape[1]))


def noise(strength: float) -> Defence:
    """Add to each row a random one of its own, `strength` times as long as rows are on average; drawn once, then stored."""

    def learn(x: Vectors, seed: int) -> Defended:
        size = strength * float(np.sqrt((x.astype(np.float64) ** 2).sum(axis=1)).mean() / np.sqrt(x.shape[1]))

        def store(rows: Vectors) -> Vectors:
            drawn = np.random.default_rng((seed, 41)).standard_normal(rows.shape, np.float32)
            return (rows + size * drawn).astype(np.float32, copy=False)

        return Defended(store, _same, 32.0 * x.shape[1])

    return Defence(f"noise {strength:g}", "noise", f"Gaussian noise {strength:g} times as long as a row", learn)


def cut(part: int) -> Defence:
    """Keep the first columns, one in `part`, but never fewer than eight."""

    def learn(x: Vectors, _: int) -> Defended:
        keep = max(x.shape[1] // part, min(LEAST_COLUMNS, x.shape[1]))

        def first(rows: Vectors) -> Vectors:
            return np.ascontiguousarray(rows[:, :keep])

        return Defended(first, first, 32.0 * keep)

    return Defence(f"1/{part} of the columns", "fewer columns", f"the first columns alone, 1 in {part}", learn)


def int8() -> Defence:
    """One byte a number."""

    def learn(x: Vectors, _: int) -> Defended:
        coder = Int8().fit(x).learned_
        return Defended(coder, _same, coder.bits)

    return Defence("int8", "fewer bits", "one byte a number", learn)


def one_bit() -> Defence:
    """One bit a number, after a random turn."""

    def learn(x: Vectors, seed: int) -> Defended:
        coder = OneBit(random_state=seed).fit(x).learned_
        return Defended(coder, _same, coder.bits)

    return Defence("one bit", "fewer bits", "one bit a number", learn)


def rotation() -> Defence:
    """Turn every row by one secret rotation."""

    def learn(x: Vectors, seed: int) -> Defended:
        q, r = np.linalg.qr(np.random.default_rng((seed, 43)).normal(size=(x.shape[1], x.shape[1])))
        turn, still = q * np.sign(np.diag(r)), np.zeros(x.shape[1])

        def turned(rows: Vectors) -> Vectors:
            return mapped(rows, still, turn)

        return Defended(turned, turned, 32.0 * x.shape[1])

    return Defence(
        "secret rotation", "rotation", "all rows turned by one rotation that is kept secret", learn, secret=True
    )


def both(one: Defence, other: Defence) -> Defence:
    """One defence after the other."""

    def learn(x: Vectors, seed: int) -> Defended:
        first = one.learn(x, seed)
        then = other.learn(first.store(x), seed + 1)
        return Defended(lambda rows: then.store(first.store(rows)), lambda rows: then.ask(first.ask(rows)), then.bits)

    return Defence(
        f"{one.name} + {other.name}", "combined", f"{one.says}, then {other.says}", learn, one.secret or other.secret
    )


def standard() -> list[Defence]:
    """What is tried unless something else is asked for, the undefended rows first."""
    return [
        nothing(),
        int8(),
        one_bit(),
        *(cut(part) for part in CUTS),
        *(noise(strength) for strength in NOISES),
        both(cut(4), one_bit()),
        both(noise(0.5), one_bit()),
        rotation(),
    ]


def named(names: Sequence[str]) -> list[Defence]:
    """Those of the standard ones that are asked for by name, the undefended rows first.

    Raises:
        UnknownNameError: one of that name is not there.
    """
    every = {one.name: one for one in standard()}
    for name in names:
        if name not in every:
            raise UnknownNameError(f"defences: want some of {', '.join(map(repr, every))}; got {name!r}")
    return [one for one in every.values() if one.name in {"none", *names}]


def _same(rows: Vectors) -> Vectors:
    return rows
