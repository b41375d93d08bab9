"""Each readout against the transformer's formulas written out in loops, on prompts written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from slow_transformer import ids_of, layers_of, log_p

from semascope.registry import make
from semascope.testing.model import END, TinyModel

reference = pytest.mark.reference
MODEL = TinyModel(4)
TEXTS = ["red cats", "Zoë", "a longer text than the others"]


@reference("echo_embeddings")
@pytest.mark.parametrize("layer", [-1, 2])
def test_echo_is_the_mean_over_the_bytes_of_the_second_copy(layer: int) -> None:
    out = make(f"echo_embeddings(layer={layer})")(MODEL, TEXTS)
    for row, text in zip(out, TEXTS, strict=True):
        ids = ids_of(f"Rewrite the sentence: {text}\nrewritten sentence: {text}")
        want = np.mean(layers_of(MODEL, ids)[layer][-len(text.encode()) :], axis=0)
        np.testing.assert_allclose(row, want, atol=1e-5)


@reference("token_prepending")
@pytest.mark.parametrize("until", [1, 2, 3, 7])
def test_token_prepending_is_the_last_state_with_its_copy_put_in_front_before_blocks_2_to_until(until: int) -> None:
    out = make(f"token_prepending(until={until}, layer=3)")(MODEL, TEXTS)
    for row, text in zip(out, TEXTS, strict=True):
        front = ids_of("This sentence : ")
        ids = [*front, ord('"'), *f'"{text}." means in one word:"'.encode()]

        def copy(layer: int, rows: list[np.ndarray], place: int = len(front)) -> None:
            if layer + 1 in range(2, until + 1):
                rows[place] = rows[-1].copy()

        np.testing.assert_allclose(row, layers_of(MODEL, ids, between=copy)[3][-1], atol=1e-5)


@reference("inbedder")
def test_inbedder_is_the_prompts_last_state() -> None:
    out = make("inbedder(question='Why?')")(MODEL, TEXTS)
    for row, text in zip(out, TEXTS, strict=True):
        ids = ids_of(f"### Input:\n{text}\n\n### Instruction:\nWhy?\n\n### Response:")
        np.testing.assert_allclose(row, layers_of(MODEL, ids)[-1][-1], atol=1e-5)


@reference("inbedder")
def test_inbedders_answer_is_the_mean_of_the_states_that_gave_its_tokens() -> None:
    out = make("inbedder(question='Why?', state='answer', most=3)")(MODEL, TEXTS)
    prompts = make("inbedder(question='Why?', state='prompt')")(MODEL, TEXTS)
    for row, before, text in zip(out, prompts, TEXTS, strict=True):
        ids = ids_of(f"### Input:\n{text}\n\n### Instruction:\nWhy?\n\n### Response:")
        gave = []
        for _ in range(3):
            states = layers_of(MODEL, ids)[-1]
            gave.append(states[-1])
            token = int(log_p(MODEL, states[-1]).argmax())
            if token == END:
                break
            ids = [*ids, token]
        np.testing.assert_allclose(row, np.mean(gave, axis=0), atol=1e-5)
        plain = layers_of(MODEL, ids_of(f"### Input:\n{text}\n\n### Instruction:\nWhy?\n\n### Response:"))[-1]
        np.testing.assert_allclose(before, np.mean(plain[:-1], axis=0), atol=1e-5)


@reference("bidirectional")
def test_bidirectional_is_the_mean_over_the_texts_bytes_where_every_token_sees_all() -> None:
    out = make("bidirectional")(MODEL, TEXTS)
    for row, text in zip(out, TEXTS, strict=True):
        states = layers_of(MODEL, ids_of(text), causal=False)[-1]
        np.testing.assert_allclose(row, np.mean(states[1:], axis=0), atol=1e-5)


@reference("trajectory_meaning")
def test_trajectory_scores_are_mean_log_likelihoods_of_the_same_continuations() -> None:
    method = make("trajectory_meaning(n=4, most=3, beginnings=('The', 'It'))")
    pool = method.trajectories(MODEL)
    assert len(pool) == 4
    assert (pool.lengths >= 1).all()
    out = method(MODEL, TEXTS)
    for row, text in zip(out, TEXTS, strict=True):
        for value, path in zip(row, range(4), strict=True):
            ids, total = ids_of(text), 0.0
            tokens = pool.take([path]).ids.tolist()
            for token in tokens:
                total += log_p(MODEL, layers_of(MODEL, ids)[-1][-1])[token]
                ids = [*ids, token]
            assert value == pytest.approx(total / len(tokens), abs=1e-4)


def test_the_tiny_model_is_the_formulas_written_out() -> None:
    tokens = MODEL.tokenize(TEXTS)
    for attention in ("causal", "bidirectional"):
        states = MODEL.run(tokens, layers="all", attention=attention)
        for place, text in enumerate(TEXTS):
            want = layers_of(MODEL, ids_of(text), causal=attention == "causal")
            rows = slice(*states.offsets[place : place + 2])
            np.testing.assert_allclose(states.hidden[:, rows], np.array(want), atol=1e-5)
    likely = MODEL.log_likelihood(tokens)
    ids = ids_of(TEXTS[0])
    want = [log_p(MODEL, layers_of(MODEL, ids)[-1][place - 1])[token] for place, token in enumerate(ids) if place]
    np.testing.assert_allclose(likely[1 : len(ids)], want, atol=1e-4)
    assert likely[0] == 0
