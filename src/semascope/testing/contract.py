"""Which checks a card must pass, and how to run them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from semascope.card import Card
from semascope.testing import (
    calibrators,
    clusterings,
    codecs,
    every,
    geometry,
    inversion,
    learning,
    measuring,
    poolings,
    probes,
    readouts,
    rows,
    tables,
)
from semascope.testing.say import calibrates, groups, learns, maps, measures

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
    if measures(card):
        del found["output_is_float32_finite_and_not_constant"]
        found |= measuring.CHECKS
        found |= measuring.OF_ROWS if card.family == "geometry" else measuring.OF_ENCODERS
        return {name: check for name, check in found.items() if name not in card.waive}
    if calibrates(card):
        found |= calibrators.CHECKS
        return {name: check for name, check in found.items() if name not in card.waive}
    for more in _FAMILIES.get(card.family, ()):
        found |= more
    if card.family == "geometry":
        found |= rows.CHECKS
        found |= clusterings.CHECKS if groups(card) else geometry.CHECKS if maps(card) else {}
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
