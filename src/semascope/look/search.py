"""Search by meaning without an encoder: rows in few bytes, and a vector for every word that a query may hold.

A query's place is the sum of its words' vectors. They are learned from the rows: a ridge regression from the words of a row to its
vector, which starts from what the encoder makes of each word alone. How often that finds what the encoder itself would have found
is measured on stretches of rows that were kept out of the regression.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.ops import Interval, bootstrap, top_k, unit
from semascope.ops.words import words as words_of
from semascope.types import Array, Encoder, Progress, Vectors

WORDS = 20_000  # in the page, at most
ALONE = 12_000  # of them read by an encoder that is a transformer: some fifteen seconds
COMMON, COMMON_ALONE = 8_000, 3_000  # common English words that no row holds, beside them; as many for a transformer
LEARN = 30_000  # rows that the regression sees, at most
HELD = 400  # rows kept out of it, at most a tenth: half choose its strength, half measure it
STRENGTHS = (3.0, 10.0, 30.0, 100.0)
STEPS = 10
SHORT, LONG = 3, 8  # words of a stretch of a row that stands for a query
FOUND = 10


@dataclass(frozen=True, eq=False)
class Codes:
    """Rows in few bits: a value is `codes * scale + offset`, column by column.

    Args:
        codes: uint8 (n, k), below 2 ** bits.
        scale: float32 (k,).
        offset: float32 (k,).
        bits: 8 or 4.
    """

    codes: NDArray[np.uint8]
    scale: NDArray[np.float32]
    offset: NDArray[np.float32]
    bits: int

    def values(self) -> Vectors:
        """What the codes stand for, float32 (n, k)."""
        return self.codes.astype(np.float32) * self.scale + self.offset

    def packed(self) -> bytes:
        """The bytes, row by row; of 4 bits, the first of two in the low half."""
        if self.bits == 8:
            return self.codes.tobytes()
        even = self.codes if self.codes.shape[1] % 2 == 0 else np.pad(self.codes, ((0, 0), (0, 1)))
        return (even[:, ::2] | (even[:, 1::2] << 4)).tobytes()


def coded(x: Array, bits: int) -> Codes:
    """Each column of `x` (n, k) in 2 ** bits even steps: over its whole span at 8 bits, over the width that loses least at 4."""
    x = np.asarray(x, np.float32)
    top = 2**bits - 1
    low, high = x.min(axis=0), x.max(axis=0)
    scale, offset = np.maximum((high - low) / top, 1e-9), low
    if bits < 8:
        some, middle, spread = x[:: max(1, len(x) // 5000)], x.mean(axis=0), x.std(axis=0)
        least = _lost(some, scale, offset, top)
        # 0.335 standard deviations a step lose least of a Gaussian at 16 steps (Max 1960, table I); longer tails want more.
        for share in (0.335, 0.45, 0.6):
            steps = np.maximum(spread * share, 1e-9)
            start = middle - steps * (top / 2)
            lost = _lost(some, steps, start, top)
            better = lost < least
            least, scale, offset = (
                np.where(better, *pair) for pair in ((lost, least), (steps, scale), (start, offset))
            )
    codes = np.clip(np.rint((x - offset) / scale), 0, top).astype(np.uint8)
    return Codes(codes, scale.astype(np.float32), offset.astype(np.float32), bits)


def _lost(x: Array, scale: Array, offset: Array, top: int) -> Array:
    return np.square(np.clip(np.rint((x - offset) / scale), 0, top) * scale + offset - x).mean(axis=0)


@dataclass(frozen=True, eq=False)
class PageSearch:
    """What the page searches with.

    Args:
        rows: Every row's vector, turned to its main axes and cut to those that fit.
        vocabulary: Words that are known, the commonest first.
        words: Their vectors on the same axes.
        sizes: float32 (m,), the length of each word's vector; `words` are of length one.
        weights: float32 (m,), how much a word counts: the rarer the more.
        overlap: Share of the encoder's ten nearest rows that the page's ten hold, for queries it had not seen; None where there is
            no encoder to ask or too few rows.
        literal: The same for a search by the words alone.
        kept: Share of each row's ten nearest that are still so after cutting, on a sample.
        says: All of that in a sentence.
    """

    rows: Codes
    vocabulary: Sequence[str] = ()
    words: Codes | None = None
    sizes: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    weights: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    overlap: Interval | None = None
    literal: Interval | None = None
    kept: Interval | None = None
    says: str = ""


def make_search(
    x: Vectors,
    texts: Sequence[str] | None,
    encoder: Encoder | None,
    *,
    room: int = 4_800_000,
    fast: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> PageSearch:
    """Rows and words as the page carries them.

    Args:
        x: Rows of length one (n, d).
        texts: What they say; without it there are no words.
        encoder: What made `x`; where None words are learned from the rows alone and nothing is measured.
        room: Bytes for all rows.
        fast: Whether the encoder reads ten thousands of texts a second.
        seed: Of the rows that are kept out.
        progress: Told while words are read.
    """
    axes, bits = _axes(x, room)
    rows = coded(x @ axes, bits)
    kept = _kept(x, rows, seed)
    said = [list(map(str, words_of(text))) for text in texts] if texts is not None else []
    held = np.random.default_rng(seed).permutation(len(x))[: min(HELD, len(x) // 10)]
    vocabulary, weights = _vocabulary(said, set(held.tolist()))
    if len(vocabulary) < 2:
        return PageSearch(rows, kept=kept, says="There are no words to search by.")
    if encoder is not None:
        vocabulary, weights = _with_common(vocabulary, weights, fast=fast)
    known = {word: place for place, word in enumerate(vocabulary)}
    start = _alone(vocabulary, encoder, len(vocabulary) if fast else ALONE, x.shape[1], progress)
    bags = _bags(said, known, weights)
    asked = _asked(said, held, encoder, seed)
    learned, overlap, literal = _learned(x, bags, start, held, asked, (known, weights, axes, rows))
    return PageSearch(rows, vocabulary, *learned, weights, overlap, literal, kept, _says(overlap, literal, encoder))


def _axes(x: Vectors, room: int) -> tuple[NDArray[np.float32], int]:
    """The main axes (d, k) of rows, as many as fit, and the bits for each: of k bytes, 2k axes at 4 bits lose less than k at 8."""
    n, d = x.shape
    each = max(room // max(n, 1), 16)
    gram = np.zeros((d, d))
    for first in range(0, n, 8192):
        block = x[first : first + 8192].astype(np.float64)
        gram += block.T @ block
    _, vectors = np.linalg.eigh(gram)
    # The sign of an axis is the solver's whim; the largest entry of each is made positive.
    main = vectors[:, ::-1]
    main = main * np.sign(main[np.abs(main).argmax(axis=0), np.arange(d)])
    wide = d if d <= each else min(d, 2 * each)
    return np.ascontiguousarray(main[:, :wide], dtype=np.float32), 8 if d <= each else 4


def _kept(x: Vectors, rows: Codes, seed: int, sample: int = 200) -> Interval | None:
    if len(x) < 2 * FOUND:
        return None
    at = np.random.default_rng(seed + 1).permutation(len(x))[:sample]
    rough = unit(rows.values())
    found, true = rough[at] @ rough.T, x[at] @ x.T
    for scores in (found, true):
        scores[np.arange(len(at)), at] = -np.inf
    return bootstrap(_shared(true, found))


def _shared(true: Array, found: Array) -> NDArray[np.float64]:
    return np.array([np.isin(top_k(a, FOUND), top_k(b, FOUND)).mean() for a, b in zip(true, found, strict=True)])


def _vocabulary(said: Sequence[Sequence[str]], held: set[int]) -> tuple[list[str], NDArray[np.float32]]:
    counts: Counter[str] = Counter()
    for row, found in enumerate(said):
        if row not in held:
            counts.update(set(found))
    least = 1 if len(said) < 500 else 2
    chosen = sorted((word for word, times in counts.items() if times >= least), key=lambda word: (-counts[word], word))
    chosen = chosen[:WORDS]
    rows = len(said) - len(held)
    return chosen, np.array([np.log((rows + 1) / (counts[word] + 0.5)) for word in chosen], dtype=np.float32)


def _with_common(
    vocabulary: list[str], weights: NDArray[np.float32], *, fast: bool
) -> tuple[list[str], NDArray[np.float32]]:
    """The vocabulary with common English words that no row holds, so that they can be asked for; each as rare as can be.

    They stand before the rarest words, so that an encoder that reads only the first of all reads them.
    """
    known = set(vocabulary)
    more = [word for word in _common() if word not in known][: COMMON if fast else COMMON_ALONE]
    first = len(vocabulary) if fast else min(len(vocabulary), ALONE - COMMON_ALONE)
    rare = np.full(len(more), weights.max(), np.float32)
    return [*vocabulary[:first], *more, *vocabulary[first:]], np.concatenate([weights[:first], rare, weights[first:]])


def _common() -> list[str]:
    """English words of the bundled encoder's tokenizer, the commonest first, as far as they are of three letters or more."""
    from importlib.resources import files

    stored = json.loads(files("semascope.encoders").joinpath("default/tokenizer.json").read_text(encoding="utf-8"))
    pieces: dict[str, int] = stored["model"]["vocab"]
    return [
        word
        for word in sorted(pieces, key=lambda piece: pieces[piece])
        if len(word) > 2 and word.isalpha() and word.isascii()
    ]


def _alone(
    vocabulary: Sequence[str], encoder: Encoder | None, most: int, dim: int, progress: Progress | None
) -> Vectors:
    """What the encoder makes of each word by itself, of length one; zero for what it does not read."""
    out = np.zeros((len(vocabulary), dim), np.float32)
    if encoder is not None:
        chosen = list(vocabulary[:most])
        out[: len(chosen)] = unit(encoder.encode(chosen, progress=progress))
    return out


def _bags(said: Sequence[Sequence[str]], known: dict[str, int], weights: Array) -> Any:
    """Words of each row, weighted, rows of length one: a sparse matrix (n, m)."""
    from scipy.sparse import csr_matrix

    starts, places, values = [0], list[int](), list[float]()
    for found in said:
        counts = Counter(known[word] for word in found if word in known)
        size = float(np.sqrt(sum((times * weights[place]) ** 2 for place, times in counts.items()))) or 1.0
        places += counts
        values += [float(times * weights[place]) / size for place, times in counts.items()]
        starts.append(len(places))
    return csr_matrix((np.array(values, np.float32), places, starts), shape=(len(said), len(known)))


def _asked(
    said: Sequence[Sequence[str]], held: Array, encoder: Encoder | None, seed: int
) -> tuple[list[list[str]], Vectors] | None:
    """Stretches of the rows kept out, as queries, and what the encoder makes of them."""
    if encoder is None or len(held) < 20:
        return None
    rng = np.random.default_rng(seed + 2)
    asked: list[list[str]] = []
    for row in held:
        found, size = said[int(row)], int(rng.integers(SHORT, LONG + 1))
        first = int(rng.integers(0, max(1, len(found) - size + 1)))
        asked.append(list(found[first : first + size]))
    asked = [query for query in asked if query]
    return (asked, unit(encoder.encode([" ".join(query) for query in asked]))) if len(asked) >= 20 else None


def _learned(
    x: Vectors,
    bags: Any,
    start: Vectors,
    held: Array,
    asked: tuple[list[list[str]], Vectors] | None,
    space: tuple[dict[str, int], Array, Array, Codes],
) -> tuple[tuple[Codes, NDArray[np.float32]], Interval | None, Interval | None]:
    """Word vectors as the page holds them, in 4 bits a number, and what they find of what the encoder finds.

    The strength is chosen on one half of the queries, and measured on the other.
    """
    known, weights, axes, rows = space
    free = np.setdiff1d(np.arange(len(x)), held)
    fit = free[:: max(1, -(-len(free) // LEARN))]
    if asked is None:
        return _held(_ridge(bags[fit], x[fit], start, STRENGTHS[1]) @ axes), None, None
    queries, wanted = asked
    half = len(queries) // 2
    place = unit(rows.values()).T
    true = wanted @ x.T
    bag = _bags(queries, known, weights)
    best, strongest = -1.0, _held(start @ axes)
    for strength in STRENGTHS:
        found = _held(_ridge(bags[fit], x[fit], start, strength) @ axes)
        share = float(_shared(true[:half], unit(bag[:half] @ spoken(*found)) @ place).mean())
        if share > best:
            best, strongest = share, found
    measured = _shared(true[half:], unit(bag[half:] @ spoken(*strongest)) @ place)
    literal = _shared(true[half:], (bag[half:] @ bags.T).toarray())
    return strongest, bootstrap(measured), bootstrap(literal)


def _held(words: Vectors) -> tuple[Codes, NDArray[np.float32]]:
    """Word vectors as the page holds them: directions in 4 bits a number, and lengths."""
    sizes = np.linalg.norm(words, axis=1).astype(np.float32)
    return coded(unit(words), 4), sizes


def spoken(words: Codes, sizes: NDArray[np.float32]) -> Vectors:
    """The vectors that directions and lengths stand for, float32 (m, k)."""
    return words.values() * sizes[:, None]


def _ridge(bags: Any, x: Vectors, start: Vectors, strength: float) -> Vectors:
    """The V of least |x - bags V|^2 + strength |V - c start|^2, by conjugate gradients; c is the best single factor."""
    first = bags @ start
    size = float((first * first).sum())
    out = start * (float((first * x).sum()) / size if size > 0 else 0.0)
    left = bags.T @ (x - bags @ out)
    way, old = left.copy(), (left * left).sum(axis=0)
    for _ in range(STEPS):
        ahead = bags.T @ (bags @ way) + strength * way
        step = old / np.maximum((way * ahead).sum(axis=0), 1e-20)
        out = out + step * way
        left = left - step * ahead
        new = (left * left).sum(axis=0)
        way, old = left + (new / np.maximum(old, 1e-20)) * way, new
    return out.astype(np.float32)


def _says(overlap: Interval | None, literal: Interval | None, encoder: Encoder | None) -> str:
    if overlap is None or literal is None:
        why = "no encoder was at hand to compare with" if encoder is None else "there are too few rows"
        return f"How well the page's search by meaning does is not measured: {why}."
    return (
        f"Of the ten rows nearest to a query by the encoder itself, this page finds {_share(overlap)} ({overlap.n} queries of "
        f"{SHORT} to {LONG} words, cut from rows it had not learned from); by words alone: {_share(literal)}."
    )


def _share(it: Interval) -> str:
    return f"{it.value:.0%} [{it.low:.0%}, {it.high:.0%}]"
