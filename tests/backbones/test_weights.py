"""Weight files against their config: what is read, and what every kind of damage says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from semascope.backbones.architecture import Architecture
from semascope.backbones.weights import open_weights, weights_digest
from semascope.errors import CorruptError, OptionError

CONFIG = {
    "model_type": "bert",
    "vocab_size": 11,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
}
LLAMA = {**CONFIG, "model_type": "llama", "num_key_value_heads": 1}
NAMES = {
    "embeddings.word_embeddings.weight": (11, 8),
    "embeddings.position_embeddings.weight": (16, 8),
    "embeddings.token_type_embeddings.weight": (2, 8),
    "embeddings.LayerNorm.weight": (8,),
    "embeddings.LayerNorm.bias": (8,),
}
BLOCK = {
    "attention.self.query": (8, 8),
    "attention.self.key": (8, 8),
    "attention.self.value": (8, 8),
    "attention.output.dense": (8, 8),
    "attention.output.LayerNorm": (8,),
    "intermediate.dense": (12, 8),
    "output.dense": (8, 12),
    "output.LayerNorm": (8,),
}


def tensors(prefix: str = "") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = dict(NAMES)
    for block in range(2):
        for name, shape in BLOCK.items():
            shapes[f"encoder.layer.{block}.{name}.weight"] = shape
            shapes[f"encoder.layer.{block}.{name}.bias"] = shape[:1]
    return {prefix + name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def folder_of(folder: Path, found: dict[str, np.ndarray], config: dict[str, Any] = CONFIG) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(found, folder / "model.safetensors")
    return folder


def opened(folder: Path) -> Any:
    return open_weights(folder, Architecture.read(folder))


def test_queries_keys_and_values_lie_one_below_the_other(tmp_path: Path) -> None:
    found = tensors()
    weights = opened(folder_of(tmp_path, found))
    parts = [found[f"encoder.layer.1.attention.self.{n}.weight"] for n in ("query", "key", "value")]
    np.testing.assert_array_equal(weights.array("block.1.attention.qkv.weight"), np.concatenate(parts))
    assert weights.array("block.1.attention.qkv.bias").shape == (24,)


def test_names_with_and_without_the_models_prefix_give_the_same_tensors(tmp_path: Path) -> None:
    bare, prefixed = opened(folder_of(tmp_path / "a", tensors())), opened(folder_of(tmp_path / "b", tensors("bert.")))
    assert bare.names == prefixed.names
    for name in bare.names:
        np.testing.assert_array_equal(bare.array(name), prefixed.array(name))


def test_norms_of_old_files_are_called_gamma_and_beta(tmp_path: Path) -> None:
    old = {
        k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
        for k, v in tensors().items()
    }
    new, found = opened(folder_of(tmp_path / "a", tensors())), opened(folder_of(tmp_path / "b", old))
    np.testing.assert_array_equal(found.array("embed.norm.bias"), new.array("embed.norm.bias"))


def test_tensors_that_nothing_reads_are_listed(tmp_path: Path) -> None:
    more = {
        **tensors(),
        "pooler.dense.weight": np.zeros((8, 8), np.float32),
        "classifier.bias": np.zeros(2, np.float32),
    }
    assert opened(folder_of(tmp_path, more)).extra == ("classifier.bias", "pooler.dense.weight")


def test_half_precision_files_are_read_as_float32(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    found = tensors()
    for kind, tolerance in (("float16", 1e-3), ("bfloat16", 8e-3), ("float64", 0)):
        folder = folder_of(tmp_path / kind, found)
        made = {k: torch.from_numpy(v).to(getattr(torch, kind)) for k, v in found.items()}
        save_torch(made, folder / "model.safetensors")
        got = opened(folder).array("embed.tokens.weight")
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, made["embeddings.word_embeddings.weight"].float().numpy())
        np.testing.assert_allclose(got, found["embeddings.word_embeddings.weight"], rtol=tolerance)


def shard(folder: Path, found: dict[str, np.ndarray]) -> dict[str, str]:
    names = sorted(found)
    half = len(names) // 2
    where: dict[str, str] = {}
    for number, part in enumerate((names[:half], names[half:]), start=1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({n: found[n] for n in part}, folder / file)
        where.update(dict.fromkeys(part, file))
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}), encoding="utf-8")
    return where


def test_shards_give_the_same_tensors_as_one_file(tmp_path: Path) -> None:
    whole = opened(folder_of(tmp_path / "a", tensors()))
    sharded = folder_of(tmp_path / "b", tensors())
    shard(sharded, tensors())
    found = opened(sharded)
    for name in whole.names:
        np.testing.assert_array_equal(found.array(name), whole.array(name))


def test_a_missing_shard_and_a_shard_without_its_tensor_are_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, tensors())
    shard(folder, tensors())
    index = folder / "model.safetensors.index.json"
    plain = index.read_text(encoding="utf-8")
    index.write_text(plain.replace('"weight_map": {', '"weight_map": {"gone": "model-00001-of-00002.safetensors", '))
    with pytest.raises(CorruptError, match=r"want the tensor gone that .* says it holds"):
        opened(folder)
    index.write_text(plain)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CorruptError, match=r"model-00002-of-00002\.safetensors: want a weight file, found none"):
        opened(folder)


def test_an_index_that_points_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "b", tensors())
    (folder / "model.safetensors").rename(tmp_path / "else.safetensors")
    where = dict.fromkeys(tensors(), "../else.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}), encoding="utf-8")
    with pytest.raises(CorruptError, match="want files of this folder"):
        opened(folder)


def without(name: str) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    return lambda found: {k: v for k, v in found.items() if k != name}


@pytest.mark.parametrize(
    "name",
    ["embeddings.word_embeddings.weight", "encoder.layer.1.attention.self.key.bias", "embeddings.LayerNorm.weight"],
)
def test_a_missing_tensor_is_named_with_its_shape(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, without(name)(tensors()))
    with pytest.raises(CorruptError, match=f"want a tensor {name} of shape .* found none"):
        opened(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vocab_size": 12}, r"embeddings\.word_embeddings\.weight of shape \(12, 8\) .*, found \(11, 8\)"),
        ({"hidden_size": 6}, r"embeddings\.word_embeddings\.weight of shape \(11, 6\) .*, found \(11, 8\)"),
        ({"intermediate_size": 13}, r"intermediate\.dense\.weight of shape \(13, 8\) .*, found \(12, 8\)"),
        ({"max_position_embeddings": 15}, r"position_embeddings\.weight of shape \(15, 8\) .*, found \(16, 8\)"),
        ({"num_hidden_layers": 3}, r"want a tensor encoder\.layer\.2\."),
        ({"num_hidden_layers": 1}, "want 1 blocks as config.json says, found 2 in the weights"),
    ],
)
def test_a_config_that_disagrees_with_the_weights_is_said_with_both_shapes(
    tmp_path: Path, change: dict[str, int], says: str
) -> None:
    folder = folder_of(tmp_path, tensors(), {**CONFIG, **change})
    with pytest.raises(CorruptError, match=says):
        opened(folder)


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_file_is_corrupt_and_named(tmp_path: Path, kept: float) -> None:
    folder = folder_of(tmp_path, tensors())
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(CorruptError, match=r"model\.safetensors: want .* found"):
        opened(folder)


def test_bytes_that_are_no_safetensors_are_corrupt(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, tensors())
    (folder / "model.safetensors").write_bytes(b"PK\x03\x04" * 100)
    with pytest.raises(CorruptError, match="cut short, or none"):
        opened(folder)
    (folder / "model.safetensors").write_bytes((20).to_bytes(8, "little") + b"not a header at all!")
    with pytest.raises(CorruptError, match="want a safetensors header"):
        opened(folder)


def test_a_tensor_of_whole_numbers_is_no_weight(tmp_path: Path) -> None:
    found: dict[str, np.ndarray] = {**tensors(), "embeddings.LayerNorm.bias": np.zeros(8, np.int64)}
    with pytest.raises(CorruptError, match=r"embeddings\.LayerNorm\.bias in one of F64, F32, F16, BF16, found I64"):
        opened(folder_of(tmp_path, found))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model.bin.index.json"])
def test_pickled_weights_are_never_opened_and_the_way_out_is_told(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, tensors())
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(OptionError, match=r"so they never are here; .*convert it once"):
        opened(folder)


def test_a_folder_without_weights_is_corrupt(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, tensors())
    (folder / "model.safetensors").unlink()
    with pytest.raises(CorruptError, match=r"want model\.safetensors or .*, found neither"):
        opened(folder)


def test_digest_is_that_of_the_files_bytes_and_not_of_the_config(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, tensors())
    first = weights_digest(folder)
    assert first == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=8), encoding="utf-8")
    assert weights_digest(folder) == first
    changed = load_file(folder / "model.safetensors")
    changed["embeddings.LayerNorm.bias"] = changed["embeddings.LayerNorm.bias"] + 1
    save_file(changed, folder / "model.safetensors")
    assert weights_digest(folder) != first


def test_digest_of_shards_depends_on_each(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, tensors())
    where = shard(folder, tensors())
    digests = {weights_digest(folder)}
    for file in sorted(set(where.values())):
        changed = load_file(folder / file)
        name = next(iter(changed))
        changed[name] = changed[name] + 1
        save_file(changed, folder / file)
        digests.add(weights_digest(folder))
    assert len(digests) == 3


def test_a_head_is_found_where_there_is_one_and_half_a_head_is_corrupt(tmp_path: Path) -> None:
    head = {
        "cls.predictions.transform.dense.weight": np.ones((8, 8), np.float32),
        "cls.predictions.transform.dense.bias": np.ones(8, np.float32),
        "cls.predictions.transform.LayerNorm.weight": np.ones(8, np.float32),
        "cls.predictions.transform.LayerNorm.bias": np.ones(8, np.float32),
        "cls.predictions.bias": np.ones(11, np.float32),
    }
    assert not opened(folder_of(tmp_path / "a", tensors("bert."))).speaks
    assert opened(folder_of(tmp_path / "b", {**tensors("bert."), **head})).speaks
    renamed = {k.replace("predictions.bias", "predictions.decoder.bias"): v for k, v in head.items()}
    assert opened(folder_of(tmp_path / "c", {**tensors("bert."), **renamed})).speaks
    head.pop("cls.predictions.transform.dense.weight")
    with pytest.raises(CorruptError, match=r"cls\.predictions\.transform\.dense\.weight"):
        opened(folder_of(tmp_path / "d", {**tensors("bert."), **head}))
