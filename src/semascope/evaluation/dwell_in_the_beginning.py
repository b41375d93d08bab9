"""Position bias: does a text's vector say more of its beginning than of its end, wherever the content stands?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError
from semascope.lab import Lab
from semascope.ops import Interval, bootstrap, integer, unit
from semascope.ops import texts as checked_texts
from semascope.types import Array, Vectors

_LEAST = 5  # words of a passage
_TRIES = 8  # rounds of shortening before an encoder that counts oddly is given up

Table = NDArray[np.float64]


@dataclass(frozen=True)
class DwellInTheBeginning:
    """Move passages through the slots of a text, and see in which of them its vector holds them best.

    "relocated": passages of different documents make one text; in as many texts as there are slots each passage stands in each
    slot once, so that content is the same everywhere; the cosine of the text with the passage (or its query). "found": the
    reciprocal rank of that text among the others. "own order": the cosine of a document with each of its parts, which mixes
    place and content, for people put first what a text is about. "reversed": the same with its parts in the opposite order.
    "either order": the mean of the two, in which each part stands as often here as there. "left out": how far the vector moves
    when the part in that slot is taken out, one less the cosine, the mean over both orders.

    All texts are made short enough to be read whole: what an encoder cuts off is no bias, and is counted by itself.

    Args:
        slots: Places in a text; 10 in the paper.
        words: Of a passage at most; fewer where the encoder reads no more.
        most: Texts of each kind: groups of passages, and documents.
        random_state: Of the documents drawn, and of all orders.
    """

    slots: int = 6
    words: int = 200
    most: int = 40
    random_state: int = 0

    reads: ClassVar[str] = "documents"

    def measure(
        self, encoder: Any, documents: Sequence[str], queries: Sequence[str] | None = None
    ) -> dict[str, Interval]:
        """Figures with intervals over texts: see `summary`.

        Args:
            encoder: Anything with our `encode`. Where it has `max_length` and `count_tokens`, texts are made to fit.
            documents: Long texts, at least twice as many as there are slots.
            queries: One for each document, which its beginning answers; None asks with the passage itself.

        Raises:
            InputError: too few documents have enough words, or not one query for each.
        """
        return self.summary(self.values(encoder, documents, queries))

    def values(
        self, encoder: Any, documents: Sequence[str], queries: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """For each of the six tests a value by text and slot (texts, slots), the beginning first.

        Also "unread" (documents,), the share of each document's tokens that the encoder cuts off, where it can tell.
        """
        slots = integer(self.slots, name="slots", least=2)
        integer(self.words, name="words", least=_LEAST)
        rng = np.random.default_rng((integer(self.random_state, name="random_state", least=0), 194))
        items = checked_texts(documents, name="documents")
        asked = None if queries is None else checked_texts(queries, name="queries")
        if asked is not None and len(asked) != len(items):
            raise InputError(f"queries: want one for each of {len(items)} documents, got {len(asked)}")
        long = [place for place, text in enumerate(items) if len(text.split()) >= slots * _LEAST]
        if len(long) < 2 * slots:
            raise InputError(
                f"documents: want at least {2 * slots} of {slots * _LEAST} or more words for {slots} slots, got {len(long)}"
            )
        order = rng.permutation(np.array(long))
        groups = order[: min(integer(self.most, name="most", least=2), len(long) // slots) * slots]
        found = self._relocated(encoder, items, asked, groups.reshape(-1, slots), rng)
        found |= self._parted(encoder, [items[int(place)] for place in order[: self.most]])
        return found | _unread(encoder, items)

    def summary(self, values: Mapping[str, Array]) -> dict[str, Interval]:
        """What `values` say, each with its interval over texts (percentile bootstrap).

        For each test "begins - ends", the first slot less the last, and "slope", of a straight line over the text from 0 to 1:
        below 0 where the beginning is favoured. "content: begins - ends": what is due to what people put first, half of own order
        less reversed. "relocated" and "found" are the means over all slots, and "unread" the share of tokens cut off.
        """
        place = np.linspace(0, 1, next(np.shape(table)[1] for table in values.values() if np.ndim(table) == 2))
        place = (place - place.mean()) / np.square(place - place.mean()).sum()
        found: dict[str, Interval] = {}
        for name, table in values.items():
            if name == "unread":
                found[name] = bootstrap(table)
                continue
            found[f"{name}: begins - ends"] = bootstrap(table[:, 0] - table[:, -1])
            found[f"{name}: slope"] = bootstrap(table @ place)
        content = (values["own order"] - values["reversed"]) / 2
        found["content: begins - ends"] = bootstrap(content[:, 0] - content[:, -1])
        return found | {name: bootstrap(values[name].mean(axis=1)) for name in ("relocated", "found")}

    def by_slot(self, values: Mapping[str, Array]) -> dict[str, list[tuple[float, float, float, float]]]:
        """Lines for a curve: for each test (slot from 1, mean, low, high)."""
        return {
            name: [(float(slot + 1), *bootstrap(column)[:3]) for slot, column in enumerate(table.T)]
            for name, table in values.items()
            if np.ndim(table) == 2
        }

    def _relocated(
        self,
        encoder: Any,
        items: Sequence[str],
        asked: Sequence[str] | None,
        groups: Array,
        rng: np.random.Generator,
    ) -> dict[str, Table]:
        count, slots = groups.shape
        # A query is answered by the beginning of its document; a passage that asks for itself may stand anywhere in it.
        stretches = [_stretch(items[int(place)], self.words, None if asked else rng) for place in groups.ravel()]
        room = _room(encoder)
        passages = stretches if room is None else _fitting(encoder, stretches, room // slots)
        wholes = [
            " ".join(passages[group * slots + (turn + slot) % slots] for slot in range(slots))
            for group in range(count)
            for turn in range(slots)
        ]
        rows = _encoded(encoder, wholes).reshape(count, slots, -1)
        wanted = passages if asked is None else [asked[int(place)] for place in groups.ravel()]
        near = _encoded(encoder, wanted, kind="query").reshape(count, slots, -1)
        cosines = np.einsum("gpd,gtd->gpt", near, rows, dtype=np.float64)
        others = np.einsum("gpd,hd->gph", near, rows[:, 0], dtype=np.float64)
        others[np.arange(count), :, np.arange(count)] = -np.inf
        rank = 1 + (others[:, :, None, :] > cosines[..., None]).sum(axis=-1)
        # In turn t the slot s holds passage (t + s) mod slots.
        own = np.arange(slots)
        turns = (own[:, None] - own[None, :]) % slots
        return {
            "relocated": cosines[:, own[:, None], turns].mean(axis=1),
            "found": (1 / rank)[:, own[:, None], turns].mean(axis=1),
        }

    def _parted(self, encoder: Any, items: Sequence[str]) -> dict[str, Table]:
        slots, room = self.slots, _room(encoder)
        items = [" ".join(text.split()[: slots * self.words]) for text in items]
        if room is not None:
            items = _fitting(encoder, items, room)
        parts = [[" ".join(part) for part in np.array_split(np.array(text.split()), slots)] for text in items]
        small = _encoded(encoder, [part for own in parts for part in own]).reshape(len(parts), slots, -1)
        held: list[Table] = []
        gone: list[Table] = []
        for way in (1, -1):
            made = [own[::way] for own in parts]
            whole = _encoded(encoder, [" ".join(own) for own in made])
            less = [" ".join(own[:slot] + own[slot + 1 :]) for own in made for slot in range(slots)]
            without = _encoded(encoder, less).reshape(len(parts), slots, -1)
            held.append(np.einsum("nd,nsd->ns", whole, small[:, ::way], dtype=np.float64))
            gone.append(1 - np.einsum("nd,nsd->ns", whole, without, dtype=np.float64))
        own, turned = held
        return {
            "own order": own,
            "reversed": turned,
            "either order": (own + turned) / 2,
            "left out": (gone[0] + gone[1]) / 2,
        }


def _encoded(encoder: Any, items: Sequence[str], *, kind: str = "document") -> Vectors:
    return unit(encoder.encode(list(items), kind=kind))


def _room(encoder: Any) -> int | None:
    """Tokens for the words of a text, with some to spare for where passages meet; None where nothing is known to be cut."""
    longest = getattr(encoder, "max_length", None)
    if longest is None or not hasattr(encoder, "count_tokens"):
        return None
    return int(longest) - 8


def _stretch(text: str, words: int, rng: np.random.Generator | None) -> str:
    """So many words of a text that follow each other: from anywhere, or its first where there is no generator."""
    own = text.split()
    start = 0 if rng is None else int(rng.integers(0, max(0, len(own) - words) + 1))
    return " ".join(own[start : start + words])


def _fitting(encoder: Any, items: Sequence[str], room: int) -> list[str]:
    """The texts with as many of their first words as make that many tokens."""
    found = list(items)
    for _ in range(_TRIES):
        counts = np.asarray(encoder.count_tokens(found))
        over = np.flatnonzero(counts > room)
        if not len(over):
            return found
        for place in over:
            own = found[int(place)].split()
            found[int(place)] = " ".join(own[: max(1, int(len(own) * room / counts[place] * 0.98))])
    raise InputError(f"documents: want words of fewer tokens, got some that do not fit into {room} of them")


def _unread(encoder: Any, items: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    if _room(encoder) is None:
        return {}
    counts = np.asarray(encoder.count_tokens(list(items)), np.float64)
    return {"unread": np.maximum(0, 1 - encoder.max_length / counts)}


class _Dealt(DwellInTheBeginning):
    """The same with the slots of every text dealt at random: it finds no bias, whatever there is."""

    def values(
        self, encoder: Any, documents: Sequence[str], queries: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        rng = np.random.default_rng(7)
        return {
            name: rng.permuted(table, axis=1) if table.ndim == 2 else table
            for name, table in super().values(encoder, documents, queries).items()
        }


@cache
def _word(seed: int, word: str) -> NDArray[np.float64]:
    """A word's vector hangs on the word alone, so that two calls agree; kept, for a check asks for the same ones often."""
    return np.random.default_rng((seed, *word.encode())).normal(size=64)


class _Weighted:
    """A text is the sum of its words' random vectors, each weighed by its place: bias that is known."""

    def __init__(self, seed: int, weight: str) -> None:
        self.seed, self.weight = seed, weight

    def encode(self, texts: Sequence[str], *, kind: str = "document") -> Vectors:
        """One row for every text, float32 (n, 64)."""
        del kind
        split = [text.split() for text in texts]
        codes = {word: code for code, word in enumerate(dict.fromkeys(word for own in split for word in own))}
        table = np.array([_word(self.seed, word) for word in codes])
        rows: list[Array] = []
        for own in split:
            place = np.arange(len(own)) / max(1, len(own))
            by = {"mean": np.ones(len(own)), "decay": np.exp(-place), "last": (place > 0.8).astype(float)}[self.weight]
            rows.append(by @ table[[codes[word] for word in own]] if own else np.zeros(64))
        return np.array(rows, np.float32)


def _beginning_is_favoured(lab: Lab, method: Any) -> Evidence:
    """Six passages of different docstrings a text, each in each slot once; begins - ends of the cosine with the passage.

    First the instrument: words weighed alike must give an interval that holds 0, a weight that falls by e over the text one
    above 0, the last fifth of the words alone one below 0. Baseline: an average of word vectors, which knows no order (at most
    0.005 either way). Then MiniLM. Margin: its interval lies above 0. Which of the two parts held is reported (1 or 0).
    """
    _, texts = lab.titled(240, words=60)
    found: dict[str, float] = {}
    right = True
    for weight, sign in (("mean", 0), ("decay", 1), ("last", -1)):
        one = method.measure(_Weighted(lab.seed, weight), texts)["relocated: begins - ends"]
        found |= {f"{weight}, begins - ends": one.value, f"{weight}, low": one.low, f"{weight}, high": one.high}
        right = right and (
            one.low <= 1e-9 and one.high >= -1e-9 if not sign else min(sign * one.low, sign * one.high) > 0
        )
    flat = method.measure(lab.encoder("default"), texts)["relocated: begins - ends"]
    found["order-free words, begins - ends"] = flat.value
    for name, one in method.measure(lab.encoder("minilm"), texts).items():
        found[f"minilm, {name}"] = one.value
        if name.endswith(("begins - ends", "slope")):
            found |= {f"minilm, {name}, low": one.low, f"minilm, {name}, high": one.high}
    sound = right and abs(flat.value) <= 0.005
    begins = found["minilm, relocated: begins - ends, low"] > 0
    found |= {"instrument is sound": float(sound), "beginning is favoured": float(begins)}
    return Evidence(sound and begins, found)


CARD = Card(
    make=DwellInTheBeginning,
    family="evaluation",
    keys=("dwell-in-the-beginning",),
    papers=(
        Paper(
            "Dwell in the Beginning: How Language Models Embed Long Documents for Dense Retrieval",
            ("João Coelho", "Bruno Martins", "João Magalhães", "Jamie Callan", "Chenyan Xiong"),
            2024,
            "https://arxiv.org/abs/2404.04163",
        ),
    ),
    claim=Claim(
        "A passage is nearer to the vector of a text where it stands at its beginning than where it stands at its end, for "
        "MiniLM on six passages of the Python documentation.",
        _beginning_is_favoured,
        spec="dwell_in_the_beginning(most=20)",
        needs=("encoder:minilm",),
        null=_Dealt,
    ),
    example="dwell_in_the_beginning(slots=4)",
    notes="The paper moves the one relevant passage of a document through ten places and retrieves from all of MS MARCO (its 4.2), and "
    "compares a document with its ten parts (its 4.3). Here, where nobody judged passages, texts are made of passages of "
    "different documents, and each of them visits each slot; a passage is its own query unless queries are given, and "
    "ranks are among the texts made. The paper takes documents as they are, so that what they put first is mixed with place; the "
    "reversed order is added to part the two. Leaving a part out is not in the paper, which looks at span corruption "
    "besides, and at stages of training: not built. Its models read 2,048 tokens; MiniLM reads 256.",
)
