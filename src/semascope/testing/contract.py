"""Which checks a card must pass, and how to run them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from semascope.card import Card
from semascope.testing import (
    clusterings,
    codecs,
    every,
    geometry,
    inversion,
    learning,
    poolings,
    probes,
    readouts,
    rows,
    tables,
)
from semascope.testing.say import groups, learns

Check = Callable[[Card], None]

_FAMILIES: Mapping[str, tuple[Mapping[str, Check], ...]] = {
    "pooling": (poolings.CHECKS,),
    "readouts": (readouts.CHECKS,),
    "transforms": (rows.CHECKS,),
    "static": (tables.CHECKS,),
    "compression": (rows.CHECKS, codecs.CHECKS),
    "inversion": (rows.CHECKS, inversion.CHECKS),
    "evaluation": (probes.ROWS, probes.CHECKS),
}


def contract(card: Card) -> dict[str, Check]:
    """The checks of this card's family by name, without those that the card waives with a reason."""
    found = dict(every.CHECKS)
    for more in _FAMILIES.get(card.family, ()):
        found |= more
    if card.family == "geometry":
        found |= {**rows.CHECKS, **(clusterings.CHECKS if groups(card) else geometry.CHECKS)}
    if learns(card):
        found |= learning.CHECKS
    return {name: check for name, check in found.items() if name not in card.waive}


def broken(card: Card) -> dict[str, str]:
    """What is wrong, by the name of the check that says so; empty for a method that keeps its word."""
    found: dict[str, str] = {}
    for name, check in contract(card).items():
        try:
            check(card)
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found
