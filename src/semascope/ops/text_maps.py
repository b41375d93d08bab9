"""Place texts among somebody's vectors without their encoder: a linear map learned from texts whose vectors are known.

What a text is, to the attacker, is the vectors of an encoder of his own, or its bag of words; ridge regression maps that to
the vectors' space. The map is kept as a `LinearHead` of the vectors: `weight` (d, f) is the map transposed, so that the
head's score of feature f for a row is how far the row points where that feature does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.learned.head import LinearHead
from semascope.ops.arrays import unit
from semascope.ops.door import texts as texts_
from semascope.ops.door import vectors
from semascope.ops.words import words
from semascope.types import Array, Vectors

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of an encoder's map, in units of its mean variance
_BAG_PENALTY = 1.0  # of a bag of words' map, whose rows have length one
_CLOSED = 6_000  # texts
_ROUNDS = 30
_ONE = "constant"  # the name of the feature that is 1 for every text


def text_map(texts: Sequence[str], rows: Vectors, encoder: Any = None, *, seed: int = 0) -> LinearHead:
    """The map to the space of `rows` (n, d) from what an attacker can see of `texts`, one a row.

    Args:
        texts: Known.
        rows: Their vectors.
        encoder: The attacker's own, with `encode(texts) -> (n, f)`; None takes the bag of words. Where it gives the rows as
            they are, better than a map learned from nine in ten predicts the tenth, no map is learned.
        seed: Of the rows held out to choose how much the map is shrunk.
    """
    x = rows.astype(np.float64)
    return _of_words(texts, x) if encoder is None else _of_vectors(_encoded(encoder, texts), x, seed)


def placed(head: LinearHead, texts: Sequence[str], encoder: Any = None) -> Vectors:
    """Directions float32 (n, d) of length one in which texts lie, seen from `head.mean`; zero for what says nothing."""
    if not len(texts):
        return np.zeros((0, head.dim_in), np.float32)
    matrix = head.weight.T.astype(np.float64)
    if encoder is None:
        return unit(_bag(texts, head.names) @ matrix)
    found = _encoded(encoder, texts)
    if not exact(head, encoder):
        found = np.concatenate([found, np.ones((len(found), 1))], axis=1)
    if found.shape[1] != len(matrix):
        raise InputError(f"encoder: want the one that was fitted with, of {len(matrix)} columns, got {found.shape[1]}")
    return unit(found @ matrix)


def exact(head: LinearHead, encoder: Any) -> bool:
    """Whether the encoder gave the rows as they are, so that no map was learned."""
    return encoder is not None and head.names[-1:] != (_ONE,)


def directions(head: LinearHead, rows: Vectors) -> Vectors:
    """Directions float32 (n, d) of length one of rows (n, d), seen from `head.mean`."""
    return unit(rows - head.mean)


def blocks(left: Vectors, right: Vectors, size: int = 512) -> Iterator[tuple[slice, Vectors]]:
    """Products of rows (n, d) with all rows (m, d), `size` rows at a time."""
    for start in range(0, len(left), size):
        part = slice(start, min(start + size, len(left)))
        yield part, left[part] @ right.T


def told(y: Any, n: int) -> list[str]:
    """The texts of n rows, or what is wrong with `y`.

    Raises:
        InputError: `y` is None, not texts, or not one for each row.
    """
    if y is None:
        raise InputError("y: want the text of each row, got None (requires y to be passed, but the target y is None)")
    known = texts_(y, name="y")
    if len(known) != n:
        raise InputError(f"y: want one text for each of {n} rows, got {len(known)}")
    return known


def _encoded(encoder: Any, texts: Sequence[str]) -> NDArray[np.float64]:
    return vectors(encoder.encode(list(texts)), least=0, name="encoder").astype(np.float64)


def _of_vectors(own: NDArray[np.float64], x: NDArray[np.float64], seed: int) -> LinearHead:
    held = np.zeros(len(x), bool)
    if len(x) >= 20:
        held[np.random.default_rng(seed).permutation(len(x))[: max(2, len(x) // 10)]] = True
    scores = np.zeros(len(_PENALTIES))
    if held.any():
        for i, matrix in enumerate(_ridges(own[~held], x[~held], _PENALTIES)):
            scores[i] = _alike(_one_more(own[held]) @ matrix, x[held] - x[~held].mean(axis=0))
    names = tuple(str(column) for column in range(own.shape[1]))
    if own.shape[1] == x.shape[1] and _alike(own, x) >= max(0.999, scores.max()):
        return LinearHead(*_flat(np.zeros(x.shape[1]), np.eye(x.shape[1])), names)
    matrix = next(_ridges(own, x, (_PENALTIES[int(scores.argmax())] if held.any() else 0.1,)))
    return LinearHead(*_flat(x.mean(axis=0), matrix.T), (*names, _ONE))


def _flat(mean: Array, weight: Array) -> tuple[Vectors, Vectors, Vectors]:
    # A map whose numbers float32 cannot hold comes of rows that differ by less than it can: nothing is to be learned.
    small = weight if np.abs(weight).max(initial=0) < 1e30 else np.zeros_like(weight)
    return mean.astype(np.float32), small.astype(np.float32), np.zeros(weight.shape[1], np.float32)


def _one_more(own: Array) -> Array:
    return np.concatenate([own, np.ones((len(own), 1))], axis=1)


def _ridges(own: Array, x: Array, penalties: Sequence[float]) -> Iterator[Array]:
    """For each penalty the matrix (f + 1, d) such that [own, 1] @ matrix is nearest to x less its mean."""
    middle, target = own.mean(axis=0), x - x.mean(axis=0)
    centred = own - middle
    strength, axes = np.linalg.eigh(centred.T @ centred)
    strength = strength.clip(0)
    turned = axes.T @ (centred.T @ target)
    usual = strength.mean()
    for penalty in penalties:
        # Texts that the encoder cannot tell apart teach nothing.
        found = axes @ (turned / (strength + penalty * usual)[:, None]) if usual > 0 else np.zeros_like(turned)
        yield np.concatenate([found, -(middle @ found)[None]])


def _alike(a: Array, b: Array) -> float:
    """Mean cosine of row with row."""
    return float(np.einsum("ij,ij->i", unit(a), unit(b)).mean())


def _of_words(texts: Sequence[str], x: NDArray[np.float64]) -> LinearHead:
    names = tuple(sorted({word for text in texts for word in words(text)})) or (_ONE,)
    bag = _bag(texts, names)
    times = np.asarray(bag.sum(axis=0)).ravel()
    rarity = np.log((len(texts) + 1) / (times + 0.5))
    from scipy import sparse

    weighed = bag @ sparse.diags(rarity)
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1))).ravel()
    weighed = sparse.csr_matrix(sparse.diags(1 / np.where(lengths > 0, lengths, 1)) @ weighed)
    mean = x.mean(axis=0)
    matrix = _solved(weighed, x - mean, _BAG_PENALTY)
    # The length of a text's bag does not matter to its direction, so that a word's rarity can be part of the map.
    return LinearHead(*_flat(mean, (rarity[:, None] * matrix).T), names)


def _bag(texts: Sequence[str], names: Sequence[str]) -> Any:
    from scipy import sparse

    place = {name: column for column, name in enumerate(names)}
    found = [sorted({place[word] for word in words(text) if word in place}) for text in texts]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in found])])
    flat = np.array([column for row in found for column in row], np.int64)
    return sparse.csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(texts), len(names)))


def _solved(bag: Any, target: Array, penalty: float) -> Array:
    """The matrix (f, d) that solves ridge regression of target (n, d) on bag (n, f).

    Of up to 6,000 texts in closed form, B' (B B' + penalty)^-1 T, which is as large as there are texts and not as there are
    words; of more by conjugate gradients.
    """
    turned = bag.T.tocsr()
    if bag.shape[0] <= _CLOSED:
        from scipy.linalg import cho_factor, cho_solve

        inner = (bag @ turned).toarray()
        inner.flat[:: len(inner) + 1] += penalty
        return turned @ cho_solve(cho_factor(inner, lower=True, overwrite_a=True), target)
    found = np.zeros((bag.shape[1], target.shape[1]))
    left = turned @ target
    step = left.copy()
    size = np.square(left).sum(axis=0)
    first = size.copy()
    for _ in range(_ROUNDS):
        moved = turned @ (bag @ step) + penalty * step
        bend = np.einsum("ij,ij->j", step, moved)
        going = (size > 1e-6 * first) & (bend > 0)
        if not going.any():
            break
        far = np.where(going, size / np.where(bend > 0, bend, 1), 0)
        found += far * step
        left -= far * moved
        new = np.square(left).sum(axis=0)
        step = left + np.where(going, new / np.where(size > 0, size, 1), 0) * step
        size = new
    return found
