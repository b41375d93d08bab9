"""The recipes that need no training: which there are, what each is called, how wide and how heavy its vectors are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from semascope.recipe import Part
from semascope.recipe import text as recipe_text

Bits = Literal["", "int8", "one_bit"]
BITS: tuple[Bits, ...] = ("", "int8", "one_bit")
WEIGHTS = (0.0, 0.15, 0.25, 0.35, 0.5, 0.65)  # how much words count in a search; Space.search takes 0.5 unless told
MOST_LAYERS = 12  # of a deeper model this many are read, evenly spaced, and the last
_WIDTHS = (1024, 768, 512, 384, 256, 192, 128, 96, 64, 48, 32, 16)


@dataclass(frozen=True, order=True)
class Reading:
    """How a text's tokens become one row.

    Args:
        layers: Whose states are averaged; -1 is the last. None for the encoder's own way.
        pooling: Its name; "" for the encoder's own way.
    """

    layers: tuple[int, ...] = ()
    pooling: str = ""

    @property
    def own(self) -> bool:
        """Whether it is the encoder's own way."""
        return not self.pooling

    def __str__(self) -> str:
        return "as it is" if self.own else f"[{','.join(map(str, self.layers))}] {self.pooling}"

    def top(self, depth: int) -> int:
        """The highest layer that has to be computed."""
        return depth if self.own else max(layer % (depth + 1) for layer in self.layers)


OWN = Reading()


@dataclass(frozen=True, order=True)
class Change:
    """What is done to rows before they are kept.

    Args:
        kind: "plain" (leading columns), "centre" (less their mean), "remove" (less their strongest axes too) or "whiten".
        removed: Of "remove": how many axes.
        shrink: Of "whiten": 0 makes all axes equally strong, 1 only turns to them, which is PCA; -1 stands for "auto".
    """

    kind: str = "plain"
    removed: int = 0
    shrink: float = 0.0

    def parts(self, dim: int | None) -> tuple[Part, ...]:
        """Its recipe parts, with `dim` columns kept; None keeps all."""
        cut = () if dim is None else (Part("truncate", (), {"n_components": dim}),)
        if self.kind == "whiten":
            kept = {} if dim is None else {"n_components": dim}
            return (Part("whiten", (), {**kept, **({} if self.shrink < 0 else {"shrink": self.shrink})}),)
        if self.kind in ("centre", "remove"):
            return (Part("remove_top", (), {"n_removed": self.removed}), *cut)
        return cut

    def __str__(self) -> str:
        if self.kind == "whiten":
            return {-1.0: "whiten", 1.0: "PCA"}.get(self.shrink, f"whiten, shrink {self.shrink:g}")
        return {"centre": "centre", "remove": f"remove top {self.removed}"}.get(self.kind, "-")


PLAIN = Change()
CENTRE = Change("centre")
AUTO = Change("whiten", shrink=-1.0)
WHITE = Change("whiten", shrink=0.0)
PCA = Change("whiten", shrink=1.0)
CHANGES = (PLAIN, CENTRE, AUTO, Change("whiten", shrink=0.25), Change("whiten", shrink=0.5), PCA)
REMOVALS = (1, 2, 3, 5, 10)


@dataclass(frozen=True, order=True)
class Candidate:
    """One recipe: how tokens become a row, what is done to it, what is kept of it, and how much words count beside it.

    Args:
        reading: From tokens to rows.
        change: From rows to rows.
        width: Columns of a row before.
        dim: Columns kept.
        bits: "" for float32, or the codec.
        weight: How much words count in a search, 0 to 1.
    """

    reading: Reading
    change: Change
    width: int
    dim: int
    bits: Bits = ""
    weight: float = 0.0

    @property
    def bytes(self) -> int:
        """Of one vector."""
        return -(-self.dim // 8) if self.bits == "one_bit" else self.dim * (1 if self.bits else 4)

    @property
    def vectors(self) -> Candidate:
        """The same without the words."""
        return replace(self, weight=0.0)

    @property
    def steps(self) -> int:
        """In how many ways it differs from the encoder as it comes, words apart."""
        return (not self.reading.own) + (self.change.kind != "plain") + (self.dim != self.width) + bool(self.bits)

    @property
    def plain(self) -> bool:
        """Whether it is the encoder as it comes."""
        return self == Candidate(OWN, PLAIN, self.width, self.width)

    def parts(self, head: Part) -> tuple[Part, ...]:
        """The parts of its recipe text; `head` is the encoder's."""
        reading: tuple[Part, ...] = (head,)
        if not self.reading.own:
            layers = () if self.reading.layers == (-1,) else self.reading.layers
            reading = (replace(head, layers=layers), Part(self.reading.pooling))
        steps = self.change.parts(None if self.dim == self.width else self.dim)
        return (*reading, *steps, *((Part(self.bits),) if self.bits else ()))

    def text(self, head: Part, *, words: bool = True) -> str:
        """Its recipe text, and with `words` how much those count."""
        said = recipe_text(self.parts(head))
        return f"{said}  + words {self.weight:g}" if words and self.weight else said


def plain(width: int) -> Candidate:
    """The encoder as it comes."""
    return Candidate(OWN, PLAIN, width, width)


def layers_read(depth: int) -> tuple[int, ...]:
    """The layers of a model of so many blocks that are read, from 0, the embeddings, to the last."""
    if depth <= MOST_LAYERS:
        return tuple(range(depth + 1))
    spaced = {round(depth * place / MOST_LAYERS) for place in range(MOST_LAYERS + 1)}
    return tuple(sorted(spaced | {1, depth - 1}))


def readings(depth: int, poolings: Sequence[str]) -> list[Reading]:
    """The encoder's own way, every layer with every pooling, and averages of layers with those poolings that allow it.

    The average of layers is pooled as the layers are pooled and averaged, but for the largest value of a column: so max has
    single layers alone, and what is averaged costs no further pass.
    """
    read = layers_read(depth)

    def told(layer: int) -> int:
        return -1 if layer == depth else layer

    found = [OWN]
    for pooling in poolings:
        found += [Reading((told(layer),), pooling) for layer in read]
        if pooling != "max":
            found += [Reading(tuple(map(told, layers)), pooling) for layers in averages(read)]
    return found


def averages(read: Sequence[int]) -> list[tuple[int, ...]]:
    """The averages of layers that are tried: first and last, the last two, three and four, all, and pairs down the middle."""
    last = read[-1]
    wanted = [(1, last), (0, last), *(tuple(read[-many:]) for many in (2, 3, 4)), tuple(read[1:])]
    wanted += [(layer, last) for layer in read[2:-1]]
    return [layers for layers in dict.fromkeys(wanted) if len(set(layers)) > 1 and set(layers) <= set(read)]


def widths(width: int) -> list[int]:
    """The widths that are tried of rows of this width, the widest first."""
    return [width, *(one for one in _WIDTHS if one < width)]


def head_of(encoder: Any, name: str) -> Part:
    """What stands first in a recipe text for this encoder."""
    return Part(getattr(encoder, "found_as", "") or name)
