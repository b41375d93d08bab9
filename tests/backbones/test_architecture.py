"""config.json to an architecture: fields, defaults, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semascope.backbones.architecture import Architecture
from semascope.errors import CorruptError, OptionError, UnknownNameError

BERT = {
    "model_type": "bert",
    "vocab_size": 97,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
LLAMA = {**BERT, "model_type": "llama", "num_key_value_heads": 2}


def read(folder: Path, config: object, generation: object = None) -> Architecture:
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if generation is not None:
        (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    return Architecture.read(folder)


def test_bert_is_read_with_the_defaults_of_the_library(tmp_path: Path) -> None:
    found = read(tmp_path, BERT)
    assert (found.depth, found.width, found.heads, found.kv_heads, found.head_dim) == (3, 32, 4, 4, 8)
    assert (found.norm_first, found.causal, found.norm_eps, found.token_types, found.longest) == (
        False,
        False,
        1e-12,
        2,
        64,
    )


def test_roberta_counts_places_from_behind_its_padding_token(tmp_path: Path) -> None:
    found = read(tmp_path, {**BERT, "model_type": "roberta", "pad_token_id": 3})
    assert (found.position_start, found.longest) == (4, 60)


def test_rotary_base_is_read_from_files_of_version_four_and_five(tmp_path: Path) -> None:
    four = read(tmp_path, {**LLAMA, "rope_theta": 5e5})
    five = read(tmp_path, {**LLAMA, "rope_parameters": {"rope_type": "default", "rope_theta": 5e5}})
    assert four == five
    assert four.rotary_base == 5e5


def test_scaled_angles_are_read_from_files_of_version_four_and_five(tmp_path: Path) -> None:
    scaling = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
    four = read(tmp_path, {**LLAMA, "rope_theta": 5e5, "rope_scaling": {**scaling, "rope_type": "llama3"}})
    five = read(tmp_path, {**LLAMA, "rope_parameters": {**scaling, "rope_type": "llama3", "rope_theta": 5e5}})
    older = read(tmp_path, {**LLAMA, "rope_theta": 5e5, "rope_scaling": {**scaling, "type": "llama3"}})
    assert four == five == older


def test_linear_stretch_divides_every_angle(tmp_path: Path) -> None:
    plain = read(tmp_path, LLAMA).frequencies()
    stretched = read(tmp_path, {**LLAMA, "rope_scaling": {"type": "linear", "factor": 4.0}}).frequencies()
    np.testing.assert_allclose(stretched * 4, plain, rtol=1e-6)


@pytest.mark.parametrize("kind", ["yarn", "dynamic", "longrope"])
def test_other_stretches_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    with pytest.raises(OptionError, match=f"rope_type default, linear or llama3; got '{kind}'"):
        read(tmp_path, {**LLAMA, "rope_scaling": {"rope_type": kind, "factor": 2.0}})


def test_a_null_kind_of_stretch_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, {**LLAMA, "rope_scaling": None}).stretch is None


def test_windows_of_mistral_hold_everywhere_and_of_qwen_where_it_says(tmp_path: Path) -> None:
    mistral = read(tmp_path, {**LLAMA, "model_type": "mistral", "sliding_window": 16})
    off = read(tmp_path, {**LLAMA, "model_type": "qwen2", "sliding_window": 16, "use_sliding_window": False})
    qwen = {**LLAMA, "model_type": "qwen2", "sliding_window": 16, "use_sliding_window": True, "max_window_layers": 2}
    assert (mistral.reach, mistral.local_layers) == (15, (0, 1, 2))
    assert (off.reach, off.local_layers) == (None, ())
    assert (read(tmp_path, qwen).reach, read(tmp_path, qwen).local_layers) == (15, (2,))


def test_modernbert_is_local_between_every_third_layer(tmp_path: Path) -> None:
    config = {
        **BERT,
        "model_type": "modernbert",
        "num_hidden_layers": 7,
        "global_rope_theta": 1e5,
        "local_rope_theta": 1e3,
    }
    found = read(tmp_path, config)
    assert found.local_layers == (1, 2, 4, 5)
    assert (found.rotary_base, found.local_base, found.reach) == (1e5, 1e3, 64)


def test_ends_come_from_the_generation_config_first(tmp_path: Path) -> None:
    assert read(tmp_path, {**LLAMA, "eos_token_id": 3}).ends == (3,)
    assert read(tmp_path, {**LLAMA, "eos_token_id": 3}, {"eos_token_id": [4, 5]}).ends == (4, 5)


def test_an_unknown_architecture_is_named_with_those_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"model_type: want one of bert, .*qwen3; got 't5'"):
        read(tmp_path, {"model_type": "t5"})


def test_an_unknown_architecture_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    config = {**BERT, "model_type": "new", "auto_map": {"AutoModel": "modeling.NewModel"}}
    (tmp_path / "modeling.py").write_text("raise RuntimeError('this was run')", encoding="utf-8")
    with pytest.raises(OptionError, match=r"asks for code from its folder to be run\. That is never done"):
        read(tmp_path, config)


def test_a_known_architecture_may_carry_code_that_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "modeling.py").write_text("raise RuntimeError('this was run')", encoding="utf-8")
    assert read(tmp_path, {**BERT, "auto_map": {"AutoModel": "modeling.Model"}}) == read(tmp_path, BERT)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({k: v for k, v in BERT.items() if k != "hidden_size"}, "want a field 'hidden_size', found none"),
        ({**BERT, "hidden_size": "wide"}, "want numbers"),
        ({**BERT, "hidden_size": 33}, "4 heads do not divide"),
        ({**BERT, "num_hidden_layers": 0}, "want sizes of at least 1"),
        ({**LLAMA, "num_key_value_heads": 3}, "multiple of those of keys"),
        ([1], "want a JSON object, got list"),
    ],
)
def test_a_damaged_config_says_what_is_wrong_with_it(tmp_path: Path, config: object, says: str) -> None:
    with pytest.raises(CorruptError, match=says):
        read(tmp_path, config)


def test_a_folder_without_a_config_and_one_that_is_not_json_are_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match=r"want a folder with config\.json, found none"):
        Architecture.read(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CorruptError, match="want JSON"):
        Architecture.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_act": "quick_gelu"}, "activation: want one of gelu"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type: want 'absolute'"),
        ({"add_cross_attention": True}, "add_cross_attention: want False"),
    ],
)
def test_choices_that_are_not_computed_are_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        read(tmp_path, {**BERT, **change})
