"""Poolings that learn, against torch's own layers, scikit-learn's whitening, and loops written out."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from semascope.lab import Lab
from semascope.learned import LayerAttention, TokenAttention
from semascope.learned.attention import InNumpy, drawn
from semascope.ops import unit
from semascope.registry import make
from semascope.types import States

reference = pytest.mark.reference
LAB = Lab(7)
STATES = LAB.states(n=20, longest=30, layers=3)


def texts(states: States) -> list[np.ndarray]:
    """Tokens of each text at every layer, (layers, t, d)."""
    return [states.hidden[:, a:b] for a, b in zip(states.offsets[:-1], states.offsets[1:], strict=True)]


def pairs(n: int = 40, layers: int = 3) -> tuple[States, States]:
    one = Lab(11).states(n=n, longest=6, layers=layers)
    noise = LAB.rng(5).normal(size=one.hidden.shape).astype(np.float32)
    return one, dataclasses.replace(one, hidden=one.hidden + noise / 2)


# Whitening


@reference("whiteningbert")
def test_whiteningbert_is_sklearns_whitened_pca_of_loops_over_layers_and_tokens() -> None:
    states = LAB.states(n=300, longest=12, layers=2)
    rows = np.array([(text[0].mean(axis=0) + text[1].mean(axis=0)) / 2 for text in texts(states)], np.float64)
    ours = make("whiteningbert(n_components=6, shrink=0)").learn([states])(states)
    theirs = PCA(6, whiten=True, svd_solver="full").fit_transform(rows) * np.sqrt(300 / 299)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), rtol=1e-3, atol=1e-3)


@reference("whiteningbert")
def test_what_was_learned_from_has_the_identity_as_covariance() -> None:
    states = LAB.states(n=500, longest=12, layers=2)
    white = make("whiteningbert(shrink=0)").learn([states])(states).astype(np.float64)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(white.T @ white / 500, np.eye(16), atol=1e-4)


def test_whiteningbert_is_mean_and_whiten_in_two_steps() -> None:
    states = LAB.states(n=60, longest=12, layers=2)
    rows = make("mean")(dataclasses.replace(states, hidden=states.hidden.mean(axis=0, keepdims=True)))
    np.testing.assert_allclose(
        make("whiteningbert").learn([states])(states), make("whiten").fit_transform(rows), rtol=1e-3, atol=1e-4
    )


def test_fewer_texts_than_columns_shrink_and_blow_nothing_up() -> None:
    few, many = LAB.states(n=50, longest=8, dim=384), Lab(8).states(n=200, longest=8, dim=384)
    plain = make("whiteningbert(shrink=0)").learn([few])
    shrunk = make("whiteningbert").learn([few])
    assert np.linalg.matrix_rank(plain.matrix, tol=1e-3 * np.linalg.norm(plain.matrix, 2)) == 49
    assert np.linalg.cond(shrunk.matrix) < 3
    # Texts it was not learned from lie about as far out as those it was.
    sizes = [np.linalg.norm(shrunk(states), axis=1).mean() for states in (few, many)]
    assert 0.7 < sizes[1] / sizes[0] < 1.4


# Attention


def torch_block(w: dict[str, np.ndarray], heads: int, askers: Any, asked: Any) -> Any:
    """The block out of torch's own layers: LayerNorm, MultiheadAttention, Linear, GELU."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    d, inner = w["query"].shape
    attention = nn.MultiheadAttention(inner, heads, bias=False, batch_first=True, kdim=d, vdim=d)
    norms = [nn.LayerNorm(d) for _ in range(3)]
    widen, narrow = nn.Linear(d, len(w["widen_shift"])), nn.Linear(len(w["narrow"]), d)
    with torch.no_grad():
        for norm, (scale, shift) in zip(norms, w["norms"], strict=True):
            norm.weight.copy_(torch.from_numpy(scale))
            norm.bias.copy_(torch.from_numpy(shift))
        # Heads as wide as d / heads: torch then keeps the three matrices in one.
        attention.in_proj_weight.copy_(torch.from_numpy(np.concatenate([w[n].T for n in ("query", "key", "value")])))
        attention.out_proj.weight.copy_(torch.from_numpy(w["out"].T))
        for layer, name in ((widen, "widen"), (narrow, "narrow")):
            layer.weight.copy_(torch.from_numpy(w[name].T))
            layer.bias.copy_(torch.from_numpy(w[f"{name}_shift"]))
        asked = norms[1](asked)
        x = askers + attention(norms[0](askers), asked, asked, need_weights=False)[0]
        value, gate = widen(norms[2](x)).chunk(2, dim=-1)
        return x + narrow(value * nn.functional.gelu(gate))


def some_weights(layers: int = 0) -> dict[str, np.ndarray]:
    """Weights none of which is nought or one."""
    w = drawn(16, latents=5, heads=4, seed=3, layers=layers)
    return {
        name: value + LAB.rng(len(name)).normal(size=value.shape).astype(np.float32) / 5 for name, value in w.items()
    }


@reference("pooling_and_attention")
@pytest.mark.parametrize("token", ["last", "mean"])
def test_layers_are_looked_at_as_torchs_multihead_attention_does(token: str) -> None:
    torch = pytest.importorskip("torch")
    w = some_weights(layers=3)
    ours = LayerAttention(**w, heads=4, token=token, layers=STATES.layers)(STATES)
    stacks = np.stack([text[:, -1] if token == "last" else text.mean(axis=1) for text in texts(STATES)])
    latents = torch.from_numpy(w["latents"]).expand(len(stacks), -1, -1)
    rows = torch_block(w, 4, latents, torch.from_numpy(stacks + w["positions"])).mean(dim=1)
    np.testing.assert_allclose(ours, torch.nn.functional.normalize(rows).numpy(), atol=2e-6)


@reference("nv_embed")
def test_tokens_look_at_the_dictionary_as_torchs_multihead_attention_does() -> None:
    torch = pytest.importorskip("torch")
    w = some_weights()
    ours = TokenAttention(**w, heads=4)(STATES)
    hidden, mask = (torch.from_numpy(array) for array in STATES.padded(side="left"))
    latents = torch.from_numpy(w["latents"]).expand(len(hidden), -1, -1)
    became = torch_block(w, 4, hidden, latents)
    rows = (became * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
    np.testing.assert_allclose(ours, torch.nn.functional.normalize(rows).numpy(), atol=2e-6)


@reference("nv_embed")
def test_tokens_without_a_place_in_the_text_do_not_count() -> None:
    pool = TokenAttention(**some_weights(), heads=4)
    marked = STATES.spans.copy()
    marked[STATES.offsets[:-1]] = -1  # a prompt's token in front of each text
    other = STATES.hidden.copy()
    other[:, STATES.offsets[:-1]] = 7
    long = STATES.lengths > 1
    a = pool(dataclasses.replace(STATES, spans=marked))
    b = pool(dataclasses.replace(STATES, spans=marked, hidden=other))
    np.testing.assert_array_equal(a[long], b[long])
    shorter = States.from_padded(
        np.stack([STATES.padded(layer)[0][:, 1:] for layer in range(3)]),
        STATES.padded()[1][:, 1:],
        layers=STATES.layers,
    )
    np.testing.assert_allclose(a[long], pool(shorter)[long], atol=1e-6)
    # A text that has no other tokens is pooled from those.
    np.testing.assert_array_equal(a[~long], pool(STATES)[~long])
    assert long.any()
    assert not long.all()


def test_the_same_layer_over_and_over_is_that_layer_once() -> None:
    w = some_weights(layers=3)
    w["positions"][:] = w["positions"][0]
    once = {**w, "positions": w["positions"][:1]}
    last = dataclasses.replace(STATES, hidden=STATES.hidden[-1:], layers=(-1,))
    thrice = dataclasses.replace(STATES, hidden=np.repeat(STATES.hidden[-1:], 3, axis=0))
    np.testing.assert_allclose(
        LayerAttention(**w, heads=4, token="mean", layers=STATES.layers)(thrice),
        LayerAttention(**once, heads=4, token="mean", layers=(-1,))(last),
        atol=2e-6,
    )


def test_gelu_is_x_times_scipys_normal_distribution() -> None:
    from scipy.stats import norm

    x = np.linspace(-8, 8, 10_001)
    assert np.abs(InNumpy.gelu(x) - x * norm.cdf(x)).max() < 4e-7


# Training


@reference("pooling_and_attention")
def test_training_is_what_a_plain_torch_loop_does() -> None:
    """The same start, the same batches: a loop over torch's own InfoNCE, AdamW and schedule ends at the same rows."""
    torch = pytest.importorskip("torch")
    one, other = pairs(n=8)
    options = {"latents": 5, "heads": 4, "token": "mean", "steps": 6, "batch": 8, "rate": 0.01, "temperature": 0.1}
    ours = make("pooling_and_attention").__class__(**options).learn_pairs([(one, other)])
    w = {
        name: torch.nn.Parameter(torch.from_numpy(value))
        for name, value in drawn(16, latents=5, heads=4, seed=0, layers=3).items()
    }
    optimiser = torch.optim.AdamW(w.values(), lr=1.0, weight_decay=0.01)
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 0.01 * [1, 1, 0.8, 0.6, 0.4, 0.2, 0][step])
    for _ in range(6):
        rows = []
        for states in (one, other):
            stacks = torch.from_numpy(np.stack([text.mean(axis=1) for text in texts(states)])) + w["positions"]
            rows.append(torch.nn.functional.normalize(differentiable_block(torch, w, 4, stacks).mean(dim=1), dim=1))
        # One batch holds every pair, so that their order is of no account.
        loss = 0.0
        for place, row in enumerate(rows[0]):
            scores = torch.stack([row @ partner for partner in rows[1]]) / 0.1
            loss = loss - (scores[place] - scores.exp().sum().log()) / 8
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(w.values()), 1.0)
        optimiser.step()
        rates.step()
    trained = {name: value.detach().numpy() for name, value in w.items()}
    theirs = LayerAttention(**trained, heads=4, token="mean", layers=one.layers)
    np.testing.assert_allclose(ours(STATES), theirs(STATES), atol=1e-4)
    untrained = LayerAttention(
        **drawn(16, latents=5, heads=4, seed=0, layers=3), heads=4, token="mean", layers=one.layers
    )
    assert np.abs(ours(STATES) - untrained(STATES)).max() > 0.05


def differentiable_block(torch: Any, w: dict[str, Any], heads: int, asked: Any) -> Any:
    """Latents look at `asked` (b, l, d): torch's functions, one head at a time."""
    norm = lambda x, place: torch.nn.functional.layer_norm(x, x.shape[-1:], *w["norms"][place])  # noqa: E731
    asked, latents = norm(asked, 1), norm(w["latents"], 0)
    size = w["query"].shape[1] // heads
    found = []
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        q, k, v = latents @ w["query"][:, own], asked @ w["key"][:, own], asked @ w["value"][:, own]
        found.append(torch.softmax(q @ k.transpose(1, 2) / size**0.5, dim=-1) @ v)
    x = w["latents"] + torch.cat(found, dim=-1) @ w["out"]
    value, gate = (norm(x, 2) @ w["widen"] + w["widen_shift"]).chunk(2, dim=-1)
    return x + (value * torch.nn.functional.gelu(gate)) @ w["narrow"] + w["narrow_shift"]


def planted(n: int, layer: int, seed: int) -> tuple[States, States]:
    """Pairs that agree in the first half of one layer's columns and in nothing else."""
    rng = np.random.default_rng(seed)
    sides = []
    meaning = rng.normal(size=(n, 8))
    for _ in range(2):
        hidden = rng.normal(size=(3, n * 3, 16))
        hidden[layer, :, :8] = np.repeat(meaning, 3, axis=0)
        offsets = np.arange(n + 1) * 3
        spans = np.zeros((n * 3, 2), np.int32)
        sides.append(States(hidden.astype(np.float32), offsets, np.zeros(n * 3, np.int32), spans, (1, 2, 3)))
    return sides[0], sides[1]


def share_found(pool: Any, one: States, other: States) -> float:
    return float((np.argmax(unit(pool(one)) @ unit(pool(other)).T, axis=1) == np.arange(len(one))).mean())


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_latents_learn_at_which_layer_to_look(layer: int) -> None:
    pytest.importorskip("torch")
    pool = make("pooling_and_attention(latents=8, heads=4, token='mean', steps=250, batch=32)")
    pool = pool.learn_pairs([planted(600, layer, seed=1)])
    assert share_found(pool, *planted(100, layer, seed=2)) > 0.5
    assert share_found(pool, *planted(100, (layer + 1) % 3, seed=2)) < 0.2


def test_the_dictionary_learns_what_of_a_token_counts_and_only_at_the_last_layer() -> None:
    pytest.importorskip("torch")
    pool = make("nv_embed(latents=8, heads=4, steps=150, batch=32)")
    assert share_found(pool.learn_pairs([planted(600, 2, seed=1)]), *planted(100, 2, seed=2)) > 0.5
    assert share_found(pool.learn_pairs([planted(600, 0, seed=1)]), *planted(100, 0, seed=2)) < 0.2
