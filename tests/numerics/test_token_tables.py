"""The token table against torch's gradients, finite differences and slow loops."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from semascope.errors import InputError, OptionError
from semascope.lab import Lab
from semascope.registry import make
from semascope.static.sentence_static_embeddings import SentenceStaticEmbeddings
from semascope.types import States

reference = pytest.mark.reference
LAB = Lab(3)


def _batch(n: int = 7, tokens: int = 12, dim: int = 5) -> tuple[np.ndarray, ...]:
    rng = LAB.rng(9)
    rows = rng.normal(size=(tokens, dim))
    counts = rng.integers(0, 3, size=(n, tokens)).astype(float)
    counts[:, 0] += 1
    wanted, target = rng.normal(size=(n, 9)), rng.normal(size=(n, dim))
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    return rows, counts, wanted, target / np.linalg.norm(target, axis=1, keepdims=True)


@reference("sentence_static_embeddings")
def test_loss_is_the_papers_sum_written_out() -> None:
    rows, counts, wanted, _ = _batch()
    tau = 0.3
    s = counts @ rows
    s /= np.linalg.norm(s, axis=1, keepdims=True)
    total = 0.0
    for i in range(len(s)):
        others = [j for j in range(len(s)) if j != i]
        ours = np.array([np.exp(s[i] @ s[j] / tau) for j in others])
        theirs = np.array([np.exp(wanted[i] @ wanted[j] / tau) for j in others])
        ours, theirs = ours / ours.sum(), theirs / theirs.sum()
        # The cross entropy less the entropy of the teacher's row.
        total += float(-(theirs * np.log(ours)).sum() + (theirs * np.log(theirs)).sum())
    value, _ = SentenceStaticEmbeddings(tau=tau).loss(rows, counts, wanted)
    assert value == pytest.approx(total / len(s), rel=1e-10)


@reference("sentence_static_embeddings")
@pytest.mark.parametrize("direct", [0.0, 3.0])
def test_gradient_is_the_slope_of_the_loss(direct: float) -> None:
    rows, counts, wanted, target = _batch()
    method = SentenceStaticEmbeddings(tau=0.2, direct=direct)
    near = target if direct else None
    _, slope = method.loss(rows, counts, wanted, near)
    for place in [(0, 0), (3, 2), (11, 4)]:
        step = np.zeros_like(rows)
        step[place] = 1e-6
        up, down = (method.loss(rows + sign * step, counts, wanted, near)[0] for sign in (1, -1))
        assert slope[place] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-7)


@reference("sentence_static_embeddings")
def test_loss_and_gradient_are_those_of_the_script_that_made_the_default_encoder() -> None:
    torch = pytest.importorskip("torch")
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    from default_encoder.training import Recipe, loss_parts

    rows, counts, wanted, target = _batch()
    table = torch.tensor(rows, requires_grad=True)
    s = torch.nn.functional.normalize(torch.tensor(counts) @ table, dim=1)
    parts = loss_parts(s, torch.tensor(wanted), torch.tensor(target), Recipe(tau=0.1))
    total = parts[0] + 20.0 * parts[2]
    total.backward()
    value, slope = SentenceStaticEmbeddings(tau=0.1, direct=20.0).loss(rows, counts, wanted, target)
    assert value == pytest.approx(float(total.detach()), rel=1e-8)
    np.testing.assert_allclose(slope, table.grad.numpy(), rtol=1e-6, atol=1e-9)


def _states() -> States:
    return LAB.states(n=40, longest=12, dim=10)


def test_without_training_the_table_is_the_token_averages_in_the_axes_of_sentence_averages() -> None:
    states = _states()
    table = make("sentence_static_embeddings(dim=3, drop=2, epochs=0)").learn(states)
    last = states.hidden[-1].astype(np.float64)
    seen = np.unique(states.ids)
    means = np.stack([last[states.ids == token].mean(axis=0) for token in seen])
    texts = []
    for start, stop in zip(states.offsets[:-1], states.offsets[1:], strict=True):
        texts.append(np.mean([means[np.flatnonzero(seen == token)[0]] for token in states.ids[start:stop]], axis=0))
    centre = np.mean(texts, axis=0)
    _, _, axes = np.linalg.svd(np.array(texts) - centre)
    want = (means - centre) @ axes[2:5].T
    np.testing.assert_allclose(np.abs(table(seen)), np.abs(want), atol=1e-4)


def test_training_lowers_the_loss() -> None:
    states = _states()
    options = {"dim": 4, "drop": 1, "batch": 40}
    counts = np.zeros((len(states), int(states.ids.max()) + 1))
    np.add.at(counts, (np.repeat(np.arange(len(states)), states.lengths), states.ids), 1)
    teacher = LAB.rng(1).normal(size=(len(states), 8)).astype(np.float32)
    unit = teacher / np.linalg.norm(teacher, axis=1, keepdims=True)
    losses = []
    for epochs in (0, 20, 200):
        method = SentenceStaticEmbeddings(epochs=epochs, rate=0.01, tau=0.2, **options)
        table = method.learn(states, teacher)
        losses.append(method.loss(table.table.astype(float), counts, unit.astype(float))[0])
    assert losses[0] > losses[1] > losses[2]


def test_tokens_without_a_place_in_the_text_are_left_out_where_others_have_one() -> None:
    states = _states()
    spans = states.spans.copy()
    special = states.ids == states.ids[0]
    spans[special] = -1
    marked = States(states.hidden, states.offsets, states.ids, spans, states.layers)
    table = make("sentence_static_embeddings(dim=3, drop=0, epochs=1, batch=8)").learn(marked)
    assert int(states.ids[0]) >= len(table) or not table.table[states.ids[0]].any()
    assert table.table[np.unique(states.ids[~special])].any(axis=1).all()


def test_what_does_not_fit_is_refused_by_name() -> None:
    states = _states()
    with pytest.raises(OptionError, match="dim"):
        make("sentence_static_embeddings(dim=10, drop=1)").learn(states)
    with pytest.raises(InputError, match="teacher: want 40 rows"):
        make("sentence_static_embeddings(dim=3, drop=1)").learn(states, np.ones((3, 4)))
    with pytest.raises(InputError, match="teacher: want 10 columns"):
        make("sentence_static_embeddings(dim=3, drop=1, direct=1.0)").learn(states, np.ones((40, 4)))
