"""Distil a sentence encoder into one vector per token, such that adding them up gives a good sentence vector.

Three steps: a token starts as the average of the states that the encoder gave it in context; the table is turned to the
directions in which whole sentences differ, the strongest of them left out; then the rows are trained until sentences
stand to each other as the encoder has them. A row's length is learned too, and becomes the token's weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError, OptionError
from semascope.lab import Lab
from semascope.learned import TokenTable
from semascope.ops import cosine, each_text, integer, spearman, unit, vectors
from semascope.types import Array, Reader, States, Vectors

_FLOAT = NDArray[np.float64]


@dataclass(frozen=True)
class SentenceStaticEmbeddings:
    """Learns a `TokenTable` from what an encoder saw; encoding is then a sum of rows.

    Args:
        dim: Columns of the table.
        drop: Strongest directions among sentence averages that are left out; they say little about meaning.
        epochs: Passes over the texts; 0 stops after the turn to principal axes.
        batch: Texts a step; each is compared with all others of its batch.
        rate: Step size of Adam.
        tau: Temperature of the softmax over a text's similarities, the encoder's and ours.
        direct: Weight of one minus the cosine to the encoder's own vector, turned to the table's axes; 0 is the paper's.
        clip: Longest gradient of a step; a longer one is shortened to it.
        random_state: Seed of the order of texts.
    """

    dim: int = 256
    drop: int = 7
    epochs: int = 15
    batch: int = 128
    rate: float = 1e-3
    tau: float = 0.05
    direct: float = 0.0
    clip: float = 5.0
    random_state: int = 0

    def learn(self, states: States, teacher: Array | None = None) -> TokenTable:
        """A row for every token id up to the largest met, float32 (largest id + 1, dim); tokens not met get zeros.

        Args:
            states: Token states of the texts. Where some tokens have a place in the text, those without one ([CLS] and
                the like) are left out.
            teacher: The encoder's vectors (n, any width); None takes the average of each text's states.

        Raises:
            OptionError: an option is out of range, or there are not `drop + dim` directions in which the texts differ.
            InputError: no tokens, or a teacher with another number of rows, or not as wide as the states where `direct`
                is not 0.
        """
        wanted = unit(_averages(states) if teacher is None else vectors(teacher, name="teacher"))
        if len(wanted) != len(states):
            raise InputError(f"teacher: want {len(states)} rows, one a text, got {len(wanted)}")
        counts, tokens = _counts(states)
        rows = _extracted(states, tokens)
        averages = counts @ rows / np.maximum(counts.sum(axis=1), 1)[:, None]
        drop = integer(self.drop, name="drop", least=0)
        most = min(averages.shape[1], len(wanted) - 1) - drop
        mean, axes = _axes(averages, drop, integer(self.dim, name="dim", least=1, most=most))
        rows = (rows - mean) @ axes
        target = None
        if self.direct:
            if wanted.shape[1] != len(mean):
                raise InputError(f"teacher: want {len(mean)} columns as the states have, got {wanted.shape[1]}")
            target = unit(wanted @ axes).astype(np.float64)
        rows = self._distilled(rows, counts, wanted.astype(np.float64), target)
        table = np.zeros((int(tokens.max()) + 1, rows.shape[1]), np.float32)
        table[tokens] = rows
        return TokenTable(table, np.ones(len(table), np.float32))

    def _distilled(self, rows: _FLOAT, counts: Any, wanted: _FLOAT, target: _FLOAT | None) -> _FLOAT:
        rng = np.random.default_rng(self.random_state)
        size = min(integer(self.batch, name="batch", least=2), len(wanted))
        first, second, step = np.zeros_like(rows), np.zeros_like(rows), 0
        for _ in range(integer(self.epochs, name="epochs", least=0)):
            order = rng.permutation(len(wanted))
            for start in range(0, len(order) - size + 1, size):
                texts = order[start : start + size]
                near = None if target is None else target[texts]
                _, slope = self.loss(rows, counts[texts], wanted[texts], near)
                slope *= min(1.0, self.clip / max(float(np.linalg.norm(slope)), 1e-12))
                step += 1
                first = 0.9 * first + 0.1 * slope
                second = 0.999 * second + 0.001 * slope**2
                rows = rows - self.rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        return rows

    def loss(self, rows: _FLOAT, counts: Any, wanted: _FLOAT, target: _FLOAT | None = None) -> tuple[float, _FLOAT]:
        """The loss of one batch and its slope in every entry of the table.

        Args:
            rows: The table, (tokens, dim).
            counts: How often each text has each token, (n, tokens), sparse or dense.
            wanted: The encoder's unit vectors, (n, width).
            target: Unit vectors (n, dim) to come close to, weighted by `direct`.

        Returns:
            The cross entropy between softmax(T / tau) and softmax(S / tau), row by row with the diagonal left out, less
            what the perfect student would still have, averaged over rows; plus `direct` times the mean of one minus the
            cosine to the target. And its gradient, (tokens, dim).
        """
        n = len(wanted)
        sums = counts @ rows
        lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
        ours = sums / lengths
        theirs_soft, theirs_log = _softmax(wanted @ wanted.T / self.tau)
        ours_soft, ours_log = _softmax(ours @ ours.T / self.tau)
        value = float((theirs_soft * (theirs_log - ours_log)).sum()) / n
        slope = (ours_soft - theirs_soft) / (self.tau * n)
        # A similarity stands in two rows of the matrix: both pull.
        slope = (slope + slope.T) @ ours
        if target is not None:
            value += self.direct * float((1 - (ours * target).sum(axis=1)).mean())
            slope -= self.direct / n * target
        # Lengthening a sum does not change its direction: only what is across it counts.
        slope = (slope - ours * (slope * ours).sum(axis=1, keepdims=True)) / lengths
        return value, np.asarray(counts.T @ slope)


def _softmax(scores: _FLOAT) -> tuple[_FLOAT, _FLOAT]:
    """Softmax over each row without its diagonal entry, and its logarithm (0 on the diagonal, where it is not used)."""
    scores = scores.copy()
    np.fill_diagonal(scores, -np.inf)
    scores -= scores.max(axis=1, keepdims=True)
    soft = np.exp(scores)
    total = soft.sum(axis=1, keepdims=True)
    logs = scores - np.log(total)
    np.fill_diagonal(logs, 0)
    return soft / total, logs


def _averages(states: States) -> Vectors:
    return each_text(states, lambda rows: rows.mean(axis=0))


def _kept(states: States) -> NDArray[np.bool_]:
    """Tokens with a place in the text; all, where none has one."""
    placed = states.spans[:, 0] >= 0
    return placed if placed.any() else np.ones(len(placed), np.bool_)


def _counts(states: States) -> tuple[Any, NDArray[np.int64]]:
    """How often each text (rows) has each of the tokens met (columns), sparse; and the ids of those tokens."""
    from scipy.sparse import csr_array

    kept = _kept(states)
    if not kept.any():
        raise InputError("states: want at least one token, got none")
    text = np.repeat(np.arange(len(states)), states.lengths)[kept]
    tokens, column = np.unique(states.ids[kept].astype(np.int64), return_inverse=True)
    ones = np.ones(len(text))
    return csr_array((ones, (text, column)), (len(states), len(tokens))), tokens


def _extracted(states: States, tokens: NDArray[np.int64]) -> _FLOAT:
    """The average last-layer state of every token over all its places, (tokens, d)."""
    from scipy.sparse import csr_array

    kept = _kept(states)
    column = np.searchsorted(tokens, states.ids[kept])
    spread = csr_array((np.ones(len(column)), (column, np.arange(len(column)))), (len(tokens), len(column)))
    return (spread @ states.hidden[-1][kept].astype(np.float64)) / np.bincount(column)[:, None]


def _axes(averages: _FLOAT, drop: int, dim: int) -> tuple[_FLOAT, _FLOAT]:
    """Mean of the sentences' averages, and their principal axes (d, dim) after the first `drop`."""
    mean = averages.mean(axis=0)
    _, axes = np.linalg.eigh((averages - mean).T @ (averages - mean))
    axes = axes[:, ::-1]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(len(axes))])
    return mean, axes[:, drop : drop + dim]


class _Averages:
    """Does nothing after the first step: every token keeps the average of its states."""

    def learn(self, states: States, teacher: Array | None = None) -> TokenTable:
        del teacher
        _, tokens = _counts(states)
        table = np.zeros((int(tokens.max()) + 1, states.hidden.shape[-1]), np.float32)
        table[tokens] = _extracted(states, tokens)
        return TokenTable(table, np.ones(len(table), np.float32))


def _sums(table: TokenTable, states: States) -> Vectors:
    """Unit sums of the rows of each text's tokens; tokens beyond the table count for nothing."""
    counts, tokens = _counts(states)
    known = tokens < len(table)
    return unit(counts[:, known] @ table(tokens[known]))


def _each_step_helps(lab: Lab, method: Any) -> Evidence:
    """Baselines: the averages of states; the turned table. Margin: 0.01 of rank correlation at each step.

    With the encoder's own similarities of all pairs of 400 sentences that were not learned from. And rare tokens have
    longer rows: 0.3 of rank correlation between length and minus the frequency, over tokens met 5 times or more.
    """
    reader = lab.encoder("minilm")
    if not isinstance(reader, Reader):
        raise OptionError("model: want an encoder whose token states can be read, got one without states(texts)")
    sentences = lab.sentences(2400, words=8)
    learned, held = reader.states(sentences[:2000]), reader.states(sentences[2000:])
    pair = np.triu_indices(len(held), 1)
    truth = cosine(*2 * [_averages(held)])[pair]

    def agreement(table: TokenTable) -> float:
        return spearman(cosine(*2 * [_sums(table, held)])[pair], truth)

    table = method.learn(learned)
    counts, tokens = _counts(learned)
    often = np.asarray(counts.sum(axis=0))
    lengths = np.linalg.norm(table(tokens), axis=1)
    found = {
        "averages of states": agreement(_Averages().learn(learned)),
        "turned, 3 directions dropped": agreement(SentenceStaticEmbeddings(dim=128, drop=3, epochs=0).learn(learned)),
        "distilled": agreement(table),
        "length against rarity": spearman(lengths[often >= 5], -often[often >= 5]),
        # Reported and not claimed.
        "turned, none dropped": agreement(SentenceStaticEmbeddings(dim=128, drop=0, epochs=0).learn(learned)),
        "distilled, none dropped": agreement(SentenceStaticEmbeddings(dim=128, drop=0).learn(learned)),
        "and direct": agreement(SentenceStaticEmbeddings(dim=128, drop=0, direct=20.0, tau=0.1).learn(learned)),
    }
    plain, start, end, rarity, *_ = found.values()
    return Evidence(bool(start >= plain + 0.01 and end >= start + 0.01 and rarity >= 0.3), found)


CARD = Card(
    make=SentenceStaticEmbeddings,
    family="static",
    keys=("sentence-static-embeddings",),
    papers=(
        Paper(
            "Static Word Embeddings for Sentence Semantic Representation",
            ("Takashi Wada", "Yuki Hirakawa", "Ryotaro Shimizu", "Takahiro Kawashima", "Yuki Saito"),
            2025,
            "https://arxiv.org/abs/2506.04624",
        ),
    ),
    claim=Claim(
        "Turning averaged token states to the axes of whole sentences, the strongest left out, brings sums of rows "
        "closer to the encoder, distilling brings them closer again, and frequent tokens end with shorter rows.",
        _each_step_helps,
        spec="sentence_static_embeddings(dim=128, drop=3)",
        needs=("encoder:minilm",),
        null=_Averages,
    ),
    example="sentence_static_embeddings(dim=4, drop=1, epochs=2, batch=4)",
    notes="The paper learns whole words from up to 100 sentences each, from GTE-base, and stops early on sentences held "
    "back; here the units are the encoder's tokens, all their places count, and the passes are fixed. The verdict's "
    "numbers part the steps: with MiniLM it is the leaving out of the strongest directions that does harm, and distilling "
    "that helps, with or without them. `direct` is ours: the bundled default encoder was trained with it.",
)
