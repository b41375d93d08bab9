"""How alike two rankings are, the first places counting most."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from semascope.errors import InputError, OptionError


def rank_biased_overlap(one: Sequence[Hashable], other: Sequence[Hashable], *, p: float = 0.9) -> float:
    """Rank-biased overlap of two rankings, extrapolated from what is seen of them: 1 the same, 0 nothing shared.

    At p = 0.9 the first ten places have 86 % of the weight. Two rankings of nothing are the same.

    Args:
        one: Items, best first, none twice.
        other: The same, of any length.
        p: How patient a reader is: the chance to go on to the next place.

    Source: Webber, Moffat, Zobel (2010), "A similarity measure for indefinite rankings", equation 32.

    Raises:
        OptionError: p is not between 0 and 1.
        InputError: an item comes twice.
    """
    if not 0 < p < 1:
        raise OptionError(f"p: want a number between 0 and 1, got {p!r}")
    for name, ranking in (("one", one), ("other", other)):
        if len(set(ranking)) != len(ranking):
            raise InputError(f"{name}: want every item once, got one twice")
    short, long = sorted((one, other), key=len)
    s, l = len(short), len(long)  # noqa: E741 - as in the paper
    if not s:
        return 1.0 if not l else 0.0
    seen_short: set[Hashable] = set()
    seen_long: set[Hashable] = set()
    shared, shared_at_s, total = 0, 0, 0.0
    for d in range(1, l + 1):
        seen_long.add(long[d - 1])
        shared += long[d - 1] in seen_short
        if d <= s:
            seen_short.add(short[d - 1])
            shared += short[d - 1] in seen_long
            shared_at_s = shared
        total += shared / d * p**d
        if d > s:
            # What the short ranking would share further on, at the rate at which it did.
            total += shared_at_s * (d - s) / (s * d) * p**d
    return (1 - p) / p * total + ((shared - shared_at_s) / l + shared_at_s / s) * p**l
