"""Finding the very text of a row among candidates that the attacker has, knowing the encoder or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semascope.errors import InputError
from semascope.inversion.candidate_inversion import CandidateInversion
from semascope.leak.found import Values
from semascope.leak.reading import Material
from semascope.leak.splits import Split
from semascope.ops import unit
from semascope.types import Encoder, Vectors

OWN, TEN = "own text, ", "@10"
COMPARED = 64  # texts encoded again, to see whether an encoder made the rows
SAME = 0.9999  # lowest cosine from which an encoder's own vectors are taken to be the rows themselves


@dataclass(frozen=True, eq=False)
class Encodings:
    """What an attacker who knows the encoder can make himself.

    Args:
        own: What it gives for every row's text (n, d), before any defence; None where it is not known.
        reproduces: Mean cosine of that and the rows.
        candidates: Texts he has besides; None where he looks among those of other rows.
        of_candidates: What the encoder gives for them.
        encoder: Itself.
    """

    own: Vectors | None = None
    reproduces: float | None = None
    candidates: Sequence[str] | None = None
    of_candidates: Vectors | None = None
    encoder: Encoder | None = None

    @staticmethod
    def of(x: Vectors, texts: Sequence[str], encoder: Encoder | None, candidates: Sequence[str] | None) -> Encodings:
        """Encode what is needed; rows that the encoder reproduces are not encoded again.

        Raises:
            InputError: the encoder's vectors have another width than the rows.
        """
        if encoder is None:
            return Encodings(candidates=candidates)
        if encoder.dim != x.shape[1]:
            raise InputError(
                f"encoder: want one that gives {x.shape[1]} columns, as the rows have, got {encoder.dim}; "
                "semascope doctor names what made them"
            )
        some = np.linspace(0, len(x) - 1, min(COMPARED, len(x))).astype(int)
        again = unit(encoder.encode([texts[int(i)] for i in some]))
        alike = (again * unit(x[some])).sum(axis=1)
        own = x if alike.min() >= SAME else encoder.encode(list(texts))
        theirs = None if candidates is None else encoder.encode(list(candidates))
        return Encodings(own, float(alike.mean()), candidates, theirs, encoder)

    def attackers(self, texts: Sequence[str], *, strongest: bool = False) -> dict[str, Remembered | None]:
        """What to call an attacker -> the encoder that he has: none, and the right one where it is known; or that one alone."""
        found: dict[str, Remembered | None] = {} if strongest and self.own is not None else {"encoder not known": None}
        if self.own is not None:
            more = self.candidates if self.of_candidates is not None and self.candidates is not None else ()
            found["encoder known"] = Remembered(texts, self.own, more, self.of_candidates)
        return found


class Remembered:
    """An encoder that has encoded these texts before, and gives the same vectors for them again."""

    def __init__(self, texts: Sequence[str], own: Vectors, more: Sequence[str], of_more: Vectors | None) -> None:
        self._place = {text: place for place, text in enumerate([*texts, *more])}
        self._rows = own if of_more is None else np.concatenate([own, of_more])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Rows float32 (n, d) of texts that are remembered."""
        return self._rows[[self._place[text] for text in texts]]


def finding_values(
    material: Material, split: Split, stored: Vectors, encodings: Encodings, *, strongest: bool
) -> dict[str, Values]:
    """Whether a hidden row's own text is the nearest candidate, or among the ten nearest (name + TEN).

    Candidates are the hidden rows' texts and, beside them, those the attacker has, or those of all rows that he does not know.
    With `strongest` only who knows the encoder is asked, where somebody does.
    """
    rest = encodings.candidates if encodings.candidates is not None else material.some(split.rest)
    hidden = material.some(split.hidden)
    candidates = list(dict.fromkeys([*hidden, *rest]))
    out: dict[str, Values] = {}
    for name, encoder in encodings.attackers(material.texts, strongest=strongest).items():
        attack = CandidateInversion(encoder=encoder).fit(stored[split.known], np.array(material.some(split.known)))
        ranks = attack.ranks(stored[split.hidden], hidden, candidates)
        for depth, called in ((1, ""), (10, TEN)):
            found = (ranks <= depth).astype(np.float64)
            chance = np.full(len(found), min(depth / len(candidates), 1.0))
            out[f"{OWN}{name}{called}"] = Values(split.hidden, found, chance, split.copied)
    return out
