"""All attacks on one state of the store, over all splits: what each got, as figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from semascope.leak.finding import OWN, TEN, Encodings, finding_values
from semascope.leak.found import Figure, Values, figure
from semascope.leak.membership import membership_figures
from semascope.leak.probing import STANDS, WHICH, content_values
from semascope.leak.reading import Material, attribute_values, word_values
from semascope.leak.splits import Split
from semascope.leak.turning import rotation_between
from semascope.ops import mapped
from semascope.types import Vectors

Step = Callable[[], None]
SAYS = {
    "words": "of five guessed words are in the text",
    "names, precise": "of three guessed names are in the text, where it has any",
    "names, found": "of a text's names are among three guessed",
    "numbers, precise": "of three guessed numbers are in the text, where it has any",
    "numbers, found": "of a text's numbers are among three guessed",
    WHICH: "of texts that hold one of 20 words are told which",
    STANDS: "of answers are right to whether a sentence stands in a text, where the encoder is known",
}
ATTRIBUTE = "attribute: "


@dataclass(frozen=True, eq=False)
class Attacked:
    """Everything that is the same whatever is done to the vectors.

    Args:
        x: Rows as they were encoded (n, d).
        material: What they say.
        splits: Who knows what.
        encodings: What the attacker can encode himself, where he knows the encoder.
        seed: Of every draw.
    """

    x: Vectors
    material: Material
    splits: Sequence[Split]
    encodings: Encodings
    seed: int


def figures(attacked: Attacked, stored: Vectors, step: Step, *, all_of_them: bool) -> tuple[list[Figure], list[Figure]]:
    """What every attack gets of rows as they lie in the store: in all splits together, and in the first alone.

    Args:
        attacked: The rows, their texts and who knows which.
        stored: (n, d'), the same rows as they are stored.
        step: Told after each split.
        all_of_them: Also what is only asked of undefended rows: what sentences are like, what weaker attackers get.
    """
    got: dict[str, list[Values]] = {}
    members: list[Figure] = []
    for place, one in enumerate(attacked.splits):
        for name, values in _one_split(attacked, one, stored, all_of_them=all_of_them):
            got.setdefault(name, []).append(values)
        if place == 0 and (all_of_them or attacked.encodings.own is not None):
            members = membership_figures(attacked.material, one, stored, attacked.encodings, strongest=not all_of_them)
        step()
    return [*_figures(got), *members], [*_figures({name: values[:1] for name, values in got.items()}), *members]


def _figures(got: Mapping[str, Sequence[Values]]) -> Iterator[Figure]:
    made = {name: figure(name, _says(name), values) for name, values in got.items()}
    for name, found in made.items():
        ten = made.get(name + TEN)
        if found is None or name.endswith(TEN):
            continue
        if ten is None:
            yield found
        else:
            who = name.removeprefix(OWN)
            says = f"of hidden texts are picked out of {round(1 / found.guess.value):,} candidates ({who})"
            yield replace(found, says=says, more={"among the ten nearest": ten.value})


def _one_split(attacked: Attacked, one: Split, stored: Vectors, *, all_of_them: bool) -> Iterator[tuple[str, Values]]:
    yield from word_values(attacked.material, one, stored).items()
    for name, column in attacked.material.labels.items():
        values = attribute_values(column, one, stored)
        if values is not None:
            yield ATTRIBUTE + name, values
    yield from finding_values(attacked.material, one, stored, attacked.encodings, strongest=not all_of_them).items()
    if all_of_them:
        yield from content_values(attacked.material, one, stored, attacked.encodings.encoder).items()


def without_pairs(attacked: Attacked, stored: Vectors) -> Figure | None:
    """Words, for an attacker who knows the encoder but not one row of this store: he learns from texts of his own."""
    values = [word_values(attacked.material, one, stored, learned_from=attacked.x)["words"] for one in attacked.splits]
    return figure("words", SAYS["words"], values)


def turned_back(attacked: Attacked, stored: Vectors) -> Figure | None:
    """Words, for an attacker without pairs who first turns his own rows onto those of the store."""
    values = []
    for one in attacked.splits:
        own = attacked.x[one.known]
        others = np.concatenate([one.hidden, one.rest])
        turn = rotation_between(own, stored[others], seed=attacked.seed)
        mine = mapped(attacked.x, own.mean(axis=0), turn) + stored[others].mean(axis=0)
        values.append(word_values(attacked.material, one, stored, learned_from=mine)["words"])
    return figure("words", SAYS["words"], values)


def _says(name: str) -> str:
    return SAYS.get(name) or f"of texts are told right in {name.removeprefix(ATTRIBUTE)}"
