"""Models run by the transformers library: padding taken off, patches between blocks, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_models import ROWS, build, quietly, save_model
from safetensors.numpy import load_file, save_file

from semascope.errors import CorruptError, DeviceMemoryError, InputError, OptionError, UnknownNameError
from semascope.types import Batch, Tokens

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from semascope.backbones.library import LibraryEngine  # noqa: E402
from semascope.backbones.torch_engine import TorchEngine  # noqa: E402

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
T5 = {
    "vocab_size": 97,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 48,
    "num_layers": 3,
    "num_heads": 4,
    "decoder_start_token_id": 0,
}
BART = {
    "vocab_size": 97,
    "d_model": 32,
    "encoder_layers": 3,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
}
# Name: config class, model class that is saved, options, whether it reads from left to right.
MODELS: dict[str, tuple[str, str, dict[str, Any], bool]] = {
    "t5": ("T5Config", "T5ForConditionalGeneration", T5, False),
    "t5-encoder": ("T5Config", "T5EncoderModel", T5, False),
    "bart": ("BartConfig", "BartForConditionalGeneration", BART, False),
    "deberta": (
        "DebertaV2Config",
        "DebertaV2Model",
        {**SIZES, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
        False,
    ),
    "albert": ("AlbertConfig", "AlbertModel", {**SIZES, "embedding_size": 16}, False),
    "opt": ("OPTConfig", "OPTForCausalLM", {**SIZES, "ffn_dim": 48, "word_embed_proj_dim": 32}, True),
    "gemma2": ("Gemma2Config", "Gemma2ForCausalLM", {**SIZES, "num_key_value_heads": 2, "head_dim": 8}, True),
}
PATCHED = [name for name in MODELS if name != "albert"]
LEFT = [name for name in MODELS if name != "bart"]


def tokens(lengths: list[int]) -> Tokens:
    rng = np.random.default_rng(0)
    return Tokens.of([rng.integers(6, 97, size=n).tolist() for n in lengths])


def worst(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float((np.abs(ours - theirs) / np.abs(theirs).max((-2, -1), keepdims=True)).max())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made: dict[str, tuple[Path, Any]] = {}

    def find(name: str) -> tuple[Path, Any]:
        if name not in made:
            kind, model_kind, options, _ = MODELS[name]
            folder = tmp_path_factory.mktemp(name)
            model = build(getattr(transformers, model_kind), getattr(transformers, kind)(**options))
            quietly(lambda: model.save_pretrained(folder))
            made[name] = folder, model
        return made[name]

    return find


def opened(folders: Any, name: str, **options: Any) -> LibraryEngine:
    return LibraryEngine.open(folders(name)[0], device="cpu", **options)


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_is_that_of_each_text_alone(folders: Any, name: str) -> None:
    engine, batch = opened(folders, name), tokens(ROWS)
    states = engine.run(batch, layers=range(4))
    assert (engine.architecture.depth, engine.architecture.width, engine.architecture.causal) == (
        3,
        32,
        MODELS[name][3],
    )
    model = folders(name)[1]
    part = model.get_encoder() if model.config.is_encoder_decoder else model
    for start, stop in zip(batch.offsets[:-1], batch.offsets[1:], strict=True):
        if start == stop:
            continue
        with torch.no_grad():
            row = torch.from_numpy(batch.ids[start:stop][None].astype(np.int64))
            theirs = torch.stack(part(input_ids=row, output_hidden_states=True).hidden_states)[:, 0].numpy()
        assert worst(states[:, start:stop], theirs) <= 1e-5


@pytest.mark.parametrize("name", LEFT)
def test_padding_on_the_left_gives_what_padding_on_the_right_gives(folders: Any, name: str) -> None:
    batch = tokens(ROWS)
    right = opened(folders, name).run(batch, layers=range(4))
    assert worst(opened(folders, name, side="left").run(batch, layers=range(4)), right) <= 1e-5


def test_padding_on_the_left_is_refused_where_places_cannot_be_told(folders: Any) -> None:
    with pytest.raises(OptionError, match="side: want right for bart"):
        opened(folders, "bart", side="left")


@pytest.mark.parametrize("name", ["bert", "roberta", "modernbert", "llama"])
def test_models_that_both_engines_know_come_out_alike(tmp_path: Path, name: str) -> None:
    save_model(name, tmp_path)
    batch = tokens(ROWS)
    ours = TorchEngine.open(tmp_path, device="cpu")
    for side in ("right", "left"):
        library = LibraryEngine.open(tmp_path, device="cpu", side=side)  # type: ignore[arg-type]
        assert library.architecture.causal == ours.architecture.causal
        assert worst(library.run(batch, layers=range(4)), ours.run(batch, layers=range(4))) <= 1e-5


@pytest.mark.parametrize("name", PATCHED)
def test_a_patch_sees_the_states_without_padding_and_a_poisoned_text_spoils_no_other(folders: Any, name: str) -> None:
    engine, batch = opened(folders, name), tokens(ROWS)
    clean = engine.run(batch, layers=range(4))
    seen: list[int] = []

    def poison(layer: int, hidden: Any, given: Batch) -> None:
        seen.append(layer)
        np.testing.assert_array_equal(given.texts, np.arange(7))
        if layer < 2:
            assert worst(hidden.numpy()[None], clean[layer][None]) <= 1e-6
        if layer == 1:
            hidden[given.offsets[2] : given.offsets[3]] = float("nan")

    spoiled = engine.run(batch, layers=range(4), patch=poison)
    assert seen == [0, 1, 2, 3]
    ours = np.zeros(len(batch.ids), bool)
    ours[batch.offsets[2] : batch.offsets[3]] = True
    assert np.isnan(spoiled[1:, ours]).all()
    assert worst(spoiled[:, ~ours], clean[:, ~ours]) <= 1e-6


def test_what_a_patch_gives_goes_on(folders: Any) -> None:
    engine, batch = opened(folders, "t5"), tokens(ROWS)
    states = engine.run(batch, layers=range(4))
    other = tokens([*ROWS[:-1], 20]).take(range(7))
    turned = Tokens(other.ids[::-1].copy(), other.offsets, other.spans)
    wanted = engine.run(turned, layers=range(4))
    swapped = engine.run(batch, layers=range(4), patch=lambda layer, *_: wanted[1] if layer == 1 else None)
    np.testing.assert_array_equal(swapped[0], states[0])
    assert worst(swapped[1:], wanted[1:]) <= 1e-6


def test_patches_are_refused_where_blocks_are_not_a_list(folders: Any) -> None:
    with pytest.raises(OptionError, match="patch: want none for albert"):
        opened(folders, "albert").run(tokens([3]), layers=[0], patch=lambda *_: None)


def test_a_patch_of_another_shape_is_refused(folders: Any) -> None:
    with pytest.raises(InputError, match=r"patch: want states of shape \(3, 32\) after layer 0, got \(2, 32\)"):
        opened(folders, "opt").run(tokens([3]), layers=[3], patch=lambda *given: given[1][:2])


def test_bfloat16_is_close_to_float32(folders: Any) -> None:
    batch = tokens(ROWS)
    exact = opened(folders, "deberta").run(batch, layers=[3])[0]
    rough = opened(folders, "deberta", precision="bfloat16").run(batch, layers=[3])[0]
    cosine = (exact * rough).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosine.min() > 0.99
    assert np.abs(exact - rough).max() > 0


def test_no_tokens_give_no_states(folders: Any) -> None:
    engine = opened(folders, "t5")
    assert engine.run(tokens([]), layers=[0, 3]).shape == (2, 0, 32)
    assert engine.run(tokens([0, 0]), layers=[3]).shape == (1, 0, 32)


def test_what_the_engine_cannot_do_is_refused(folders: Any) -> None:
    engine = opened(folders, "t5")
    assert not engine.speaks
    with pytest.raises(OptionError, match="attention: want bidirectional of t5"):
        engine.run(tokens([3]), layers=[0], attention="causal")
    with pytest.raises(OptionError, match="layers: want at most 3, got 4"):
        engine.run(tokens([3]), layers=[4])
    with pytest.raises(OptionError, match="logits: want a model with a head"):
        engine.logits(np.zeros((1, 32), np.float32))
    with pytest.raises(OptionError, match="generate: want a model with a head"):
        engine.generate(tokens([3]), most=1, temperature=0, top_p=1, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="want ids of 0 to 96, got 97"):
        engine.run(Tokens.of([[97]]), layers=[0])
    with pytest.raises(InputError, match="want texts of at most 64 tokens, got one of 65"):
        opened(folders, "bart").run(tokens([65]), layers=[0])
    with pytest.raises(OptionError, match="side: want one of right, left"):
        opened(folders, "t5", side="both")


def test_too_little_memory_is_one_named_error(folders: Any) -> None:
    with pytest.raises(DeviceMemoryError, match="want a batch that fits"):
        opened(folders, "t5").run(tokens([3]), layers=[0], patch=lambda *_: torch.empty(1 << 50))


def damaged(folders: Any, tmp_path: Path) -> Path:
    for file in folders("t5-encoder")[0].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_a_missing_tensor_is_never_left_at_random(folders: Any, tmp_path: Path) -> None:
    folder = damaged(folders, tmp_path)
    found = load_file(folder / "model.safetensors")
    name = next(n for n in found if "SelfAttention.k" in n)
    found.pop(name)
    save_file(found, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CorruptError, match=f"want a tensor {name} in the weights"):
        LibraryEngine.open(folder)


def test_weights_of_another_shape_and_cut_files_are_corrupt(folders: Any, tmp_path: Path) -> None:
    folder = damaged(folders, tmp_path)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "d_ff": 50}), encoding="utf-8")
    with pytest.raises(CorruptError, match="want a model that the transformers library can load"):
        LibraryEngine.open(folder)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-10])
    with pytest.raises(CorruptError, match="cut short"):
        LibraryEngine.open(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(OptionError, match="so they never are here"):
        LibraryEngine.open(folder)


def test_code_of_a_folder_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "modeling.py").write_text("raise RuntimeError('this was run')", encoding="utf-8")
    config = {"model_type": "brand-new", "auto_map": {"AutoModel": "modeling.Model", "AutoConfig": "modeling.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(OptionError, match=r"asks for code from its folder to be run\. That is never done"):
        LibraryEngine.open(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "brand-new"}', encoding="utf-8")
    with pytest.raises(UnknownNameError, match="got 'brand-new'"):
        LibraryEngine.open(tmp_path)


def test_the_librarys_reports_are_as_they_were(folders: Any) -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    opened(folders, "t5")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
