"""Tricks of the literature, fixed before anything is looked at, each against the plain recipe on the units that confirm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semascope.tune.confirming import Confirmed
from semascope.tune.recipes import AUTO, CENTRE, OWN, PCA, PLAIN, WHITE, Candidate, Change, Reading

MARGIN = 0.01  # of the headline: what a smaller vector may cost and still be said to hold


@dataclass(frozen=True)
class Trick:
    """One trick.

    Args:
        name: In a few words.
        recipe: With nothing else changed.
        card: Whose card says where it is from; or the paper, where no card does.
        smaller: Whether it is to save bytes and cost nothing, rather than to gain.
    """

    name: str
    recipe: Candidate
    card: str
    smaller: bool = False


@dataclass(frozen=True, eq=False)
class Tried:
    """What a trick did here."""

    trick: Trick
    found: Confirmed

    @property
    def verdict(self) -> str:
        """Whether it "holds", "hurts", or there is "no difference shown".

        One that is to gain holds where a gain is shown; one that is to save bytes where a loss of more than MARGIN is ruled out
        and none is shown.
        """
        if self.found.worse:
            return "hurts"
        if self.found.better or (self.trick.smaller and self.found.keeps(MARGIN)):
            return "holds"
        return "no difference shown"


def tricks(depth: int, width: int, own: int, *, ranks: bool) -> list[Trick]:
    """Those that can be tried with a model of so many blocks and columns of states.

    Args:
        depth: Blocks; 0 where there are no layers.
        width: Columns of its states.
        own: Columns of the encoder's own vectors.
        ranks: Whether a task ranks documents, so that words can count.
    """
    found = _layers(depth, width) if depth else []

    def changed(change: Change, dim: int = own, bits: str = "") -> Candidate:
        kinds = {"": "", "int8": "int8", "one_bit": "one_bit"}
        return Candidate(OWN, change, own, dim, kinds[bits])  # type: ignore[arg-type]

    half, eighth = max(1, own // 2), max(1, own // 8)
    found += [
        Trick("whitening", changed(WHITE), "whiten"),
        Trick("whitening, shrunk by Ledoit and Wolf", changed(AUTO), "whiten"),
        Trick("mean removed", changed(CENTRE), "remove_top"),
        Trick(
            "all but the top (one axis per hundred columns)",
            changed(Change("remove", max(1, own // 100))),
            "remove_top",
        ),
        Trick("PCA to half the columns", changed(PCA, half), "whiten", smaller=True),
        Trick("PCA to an eighth", changed(PCA, eighth), "whiten", smaller=True),
        Trick("leading half of the columns", changed(PLAIN, half), "truncate", smaller=True),
        Trick("leading eighth", changed(PLAIN, eighth), "truncate", smaller=True),
        Trick("one byte a number", changed(PLAIN, bits="int8"), "int8", smaller=True),
        Trick("one bit a number", changed(PLAIN, bits="one_bit"), "one_bit", smaller=True),
    ]
    if ranks:
        blend = Candidate(OWN, PLAIN, own, own, "", 0.5)
        found.append(Trick("words beside meaning (BM25, weight 0.5)", blend, "Bruch, Gai, Ingber (2023)"))
    return [one for one in found if one.recipe.dim >= 1 and not one.recipe.plain]


def _layers(depth: int, width: int) -> list[Trick]:
    def read(layers: Sequence[int], pooling: str, change: Change = PLAIN) -> Candidate:
        return Candidate(Reading(tuple(layers), pooling), change, width, width)

    found = [
        Trick("first and last layer averaged", read((1, -1), "mean"), "whiteningbert"),
        Trick("first and last layer averaged, whitened", read((1, -1), "mean", WHITE), "whiteningbert"),
        Trick("first token", read((-1,), "first"), "first"),
        Trick("last token", read((-1,), "last"), "last"),
        Trick("largest value of each column", read((-1,), "max"), "max"),
        Trick("weights by position", read((-1,), "weighted"), "weighted"),
    ]
    middle, before = max(1, depth // 2), depth - 1
    if before >= 1:
        found.append(Trick("last layer but one", read((before,), "mean"), "layer_by_layer"))
    if 1 <= middle < before:
        found.append(Trick("middle layer", read((middle,), "mean"), "layer_by_layer"))
    return found
