"""Folders of Sentence Transformers and Hugging Face say what makes a vector; what cannot be done is refused by name."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_folders import TEXTS, WIDTH, sentence_transformer, transformer_folder, vectors

from semascope.backbones.tokenizing import TextTokenizer
from semascope.encoders.head import DenseLayer, Head, NormLayer
from semascope.encoders.huggingface import Layout, read_folder
from semascope.errors import CorruptError, OptionError
from semascope.types import States

BERT = "sentence_transformers.models"


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    place = tmp_path_factory.mktemp("bare")
    return lambda kind: place / kind if (place / kind).exists() else transformer_folder(place / kind, kind)


@pytest.fixture
def folder(bare: Callable[[str], Path], tmp_path: Path) -> Path:
    """A Sentence Transformers folder of the old form, to be damaged."""
    place = shutil.copytree(bare("bert"), tmp_path / "model")
    modules = [{"idx": i, "name": str(i), "path": p, "type": f"{BERT}.{t}"} for i, (p, t) in enumerate(
        [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    )]  # fmt: skip
    _write(place / "modules.json", modules)
    _write(place / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})
    _write(place / "config_sentence_transformers.json", {"__version__": {}})
    _write(place / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True})
    return place


def _write(path: Path, plain: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(plain))


def _change(path: Path, **changes: Any) -> None:
    _write(path, json.loads(path.read_text()) | changes)


def _states(model: Any, layout: Layout, prefix: str) -> tuple[States, Any]:
    """The states that the peer's own transformer gives for what our tokenizer read."""
    import torch

    tokenizer = TextTokenizer.open(layout.transformer, lower_case=layout.lower_case)
    read = tokenizer.read(TEXTS, prefix=prefix, max_length=layout.max_length, side=layout.side)
    hidden = []
    with torch.inference_mode():
        for start, end in zip(read.tokens.offsets[:-1], read.tokens.offsets[1:], strict=True):
            ids = torch.tensor(read.tokens.ids[start:end][None].astype(np.int64))
            hidden.append(model[0].auto_model(input_ids=ids).last_hidden_state[0].numpy())
    tokens = read.tokens
    return States(np.concatenate(hidden)[None], tokens.offsets, tokens.ids, tokens.spans, (-1,)), read.prompt


CASES: list[dict[str, Any]] = [
    {"pooling": "mean"},
    {"pooling": "cls", "after": ("unit",)},
    {"pooling": "max"},
    {"pooling": "weightedmean", "kind": "gpt2"},
    {"pooling": "lasttoken", "kind": "qwen2", "after": ("unit",)},
    {"pooling": ("mean", "max", "cls"), "after": ("dropout", "unit")},
    {"pooling": "mean_sqrt_len_tokens", "after": ("unit",)},
    {"pooling": "mean", "after": ("tanh", "norm", "identity", "unit"), "kind": "roberta"},
    {"pooling": "mean", "after": ("gelu", "relu", "sigmoid")},
    {"pooling": "mean", "include_prompt": False, "prompts": {"query": "search for: ", "document": "passage: "}},
    {"pooling": "cls", "include_prompt": False, "prompts": {"query": "query: "}, "kind": "roberta"},
    {"pooling": "lasttoken", "prompts": {"query": "query: ", "passage": "passage: "}, "default": "passage"},
    {"pooling": "mean", "max_length": 16, "kind": "mpnet"},
    {"pooling": "mean", "after": ("unit", "tanh", "unit", "norm", "unit", "unit")},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["pooling"]))
@pytest.mark.parametrize("side", ["document", "query"])
def test_vectors_are_those_of_sentence_transformers(
    case: dict[str, Any], side: str, bare: Callable[[str], Path], tmp_path: Path
) -> None:
    case = dict(case)
    model = sentence_transformer(bare(case.pop("kind", "bert")), **case)
    model.save_pretrained(str(tmp_path / "saved"))
    layout = read_folder(tmp_path / "saved")
    head = Head(layout.poolings, layout.include_prompt, layout.layers, layout.normalize)
    states, prompt = _states(model, layout, layout.prompts.get(side, ""))
    want = vectors(model, side)
    np.testing.assert_allclose(head(states, prompt), want, atol=2e-6 * max(1, np.abs(want).max()))
    assert layout.similarity == "dot"
    assert layout.default_prompt == (case.get("default") or "")


def test_minilm_is_read(minilm_folder: Path) -> None:
    layout = read_folder(minilm_folder)
    assert (layout.poolings, layout.normalize, layout.max_length) == (("mean",), True, 256)
    assert (layout.prompts, layout.layers, layout.notes, layout.side) == ({}, (), (), "right")
    assert (layout.pooling, layout.dense) == ("mean", ())


def test_a_bare_folder_is_pooled_as_sentence_transformers_pools_it(bare: Callable[[str], Path], tmp_path: Path) -> None:
    peer = pytest.importorskip("sentence_transformers")
    for kind, pooling, length in (
        ("bert", "mean", 64),
        ("gpt2", "mean", 64),
        ("qwen2", "last", 64),
        ("roberta", "mean", 64),
    ):
        layout = read_folder(bare(kind))
        assert (layout.poolings, layout.normalize, layout.max_length) == ((pooling,), False, length)
        assert "no modules.json" in layout.notes[0]
        model = peer.SentenceTransformer(str(bare(kind)), device="cpu")
        assert {"lasttoken": "last"}.get(model[1].pooling_mode, model[1].pooling_mode) == pooling
    bidirectional = shutil.copytree(bare("qwen2"), tmp_path / "qwen2")
    _change(bidirectional / "config.json", is_causal=False)
    assert read_folder(bidirectional).poolings == ("mean",)


@pytest.mark.parametrize(
    "written",
    [
        {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        {"embedding_dimension": WIDTH, "pooling_mode": "cls", "include_prompt": True},
        {"embedding_dimension": WIDTH, "pooling_mode": ["cls"]},
        {
            "embedding_dimension": WIDTH,
            "word_embedding_dimension": WIDTH,
            "pooling_mode": "cls",
            "pooling_mode_cls_token": True,
            "pooling_mode_mean_tokens": False,
        },
    ],
)
@pytest.mark.parametrize(
    ("transformer", "pooling", "normalize"),
    [
        (f"{BERT}.Transformer", f"{BERT}.Pooling", f"{BERT}.Normalize"),
        (f"{BERT}.transformer.Transformer", f"{BERT}.pooling.Pooling", f"{BERT}.normalize.Normalize"),
        (
            "sentence_transformers.base.modules.transformer.Transformer",
            "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
            "sentence_transformers.base.modules.normalize.Normalize",
        ),
    ],
)
def test_old_and_new_keys_and_class_paths_say_the_same(
    written: dict[str, Any], transformer: str, pooling: str, normalize: str, folder: Path
) -> None:
    _write(folder / "1_Pooling" / "config.json", written)
    kinds = (transformer, pooling, normalize)
    paths = ("", "1_Pooling", "2_Normalize")
    _write(folder / "modules.json", [{"type": kind, "path": path} for kind, path in zip(kinds, paths, strict=True)])
    layout = read_folder(folder)
    assert (layout.poolings, layout.normalize, layout.max_length) == (("first",), True, 48)


def test_pooling_keys_that_disagree_are_corrupt_and_both_are_named(folder: Path) -> None:
    file = folder / "1_Pooling" / "config.json"
    _write(file, {"pooling_mode": "cls", "pooling_mode_mean_tokens": True, "word_embedding_dimension": WIDTH})
    with pytest.raises(CorruptError, match=r"pooling_mode says cls, the booleans pooling_mode_\* say mean"):
        read_folder(folder)
    _write(file, {"pooling_mode": "middle"})
    with pytest.raises(CorruptError, match="got 'middle'"):
        read_folder(folder)
    _write(file, {"word_embedding_dimension": WIDTH})
    with pytest.raises(CorruptError, match="got neither"):
        read_folder(folder)
    _write(file, {"pooling_mode": "cls", "embedding_dimension": 768})
    with pytest.raises(CorruptError, match=r"says 768 columns, the transformer has 32"):
        read_folder(folder)


@pytest.mark.parametrize(
    "kind",
    [
        "Router", "Asym", "CLIPModel", "WordEmbeddings", "CNN", "LSTM", "BoW", "WordWeights",
        "WeightedLayerPooling", "StaticEmbedding",
    ],
)  # fmt: skip
def test_modules_that_cannot_be_done_are_named(kind: str, folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.insert(2, {"type": f"{BERT}.{kind}", "path": f"2_{kind}"})
    _write(folder / "modules.json", modules)
    with pytest.raises(OptionError, match=rf"got sentence_transformers\.models\.{kind} in '2_{kind}'"):
        read_folder(folder)


@pytest.mark.parametrize("kind", ["custom_st.Transformer", "os.system", "sentence_transformers_evil.models.Pooling"])
def test_code_of_a_folder_is_refused_and_never_imported(kind: str, folder: Path) -> None:
    (folder / "custom_st.py").write_text("raise SystemExit('was run')")
    _write(folder / "modules.json", [{"type": kind, "path": "x"}])
    with pytest.raises(OptionError, match=rf"code of its own, which is never run here: module {kind} in 'x'"):
        read_folder(folder)


@pytest.mark.parametrize("path", ["../x", "/etc", "1_Pooling/../../x", "C:\\x", "..\\x", "\\\\host\\x", 3, "a\0b"])
def test_paths_out_of_the_folder_are_refused(path: Any, folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["path"] = path
    _write(folder / "modules.json", modules)
    with pytest.raises(CorruptError, match="want paths inside the folder"):
        read_folder(folder)


def test_remote_code_in_the_config_is_refused(folder: Path) -> None:
    _change(folder / "config.json", auto_map={"AutoModel": "modeling_custom.CustomModel"})
    with pytest.raises(OptionError, match=r"never run here: auto_map AutoModel 'modeling_custom.CustomModel'"):
        read_folder(folder)


class _Bomb:
    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('was run')",))


def test_pickled_weights_are_refused_with_advice(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Bomb()))
    read_folder(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(OptionError, match=r"pytorch_model\.bin: pickled weights .*save_pretrained"):
        read_folder(folder)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(CorruptError, match=r"model\.safetensors: is missing"):
        read_folder(folder)


def _with_dense(folder: Path, **said: Any) -> Path:
    from safetensors.numpy import save_file

    place = folder / "2_Dense"
    modules = json.loads((folder / "modules.json").read_text())[:2]
    _write(folder / "modules.json", [*modules, {"type": f"{BERT}.Dense", "path": "2_Dense"}])
    usual = {
        "in_features": WIDTH,
        "out_features": 5,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    _write(place / "config.json", usual | said)
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(5, WIDTH)).astype(np.float32), np.arange(5, dtype=np.float32)
    save_file({"linear.weight": weight, "linear.bias": bias}, str(place / "model.safetensors"))
    return place


def test_a_dense_layer_is_read(folder: Path) -> None:
    _with_dense(folder)
    (layer,) = read_folder(folder).dense
    x = np.random.default_rng(1).normal(size=(3, WIDTH)).astype(np.float32)
    assert layer.bias is not None
    np.testing.assert_array_equal(layer(x), x @ layer.weight.T + np.arange(5, dtype=np.float32))


def test_what_a_dense_layer_may_not_be_is_named(folder: Path) -> None:
    place = _with_dense(folder, activation_function="os.system")
    with pytest.raises(OptionError, match=r"activation_function .* got 'os\.system'"):
        read_folder(folder)
    _with_dense(folder, module_input_name="token_embeddings")
    with pytest.raises(
        OptionError, match="want modules of one vector a text, got module_input_name 'token_embeddings'"
    ):
        read_folder(folder)
    _with_dense(folder, activation_function="torch.nn.modules.activation.Tanh", use_residual=True)
    with pytest.raises(OptionError, match="use_residual"):
        read_folder(folder)
    _with_dense(folder, out_features=6)
    with pytest.raises(CorruptError, match=r"want linear\.weight of shape \(6, 32\)"):
        read_folder(folder)
    _with_dense(folder, bias=None)
    (place / "model.safetensors").write_bytes(b"half")
    with pytest.raises(CorruptError, match=r"2_Dense.model\.safetensors"):
        read_folder(folder)
    (place / "model.safetensors").unlink()
    (place / "pytorch_model.bin").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(OptionError, match=r"2_Dense.pytorch_model\.bin: pickled weights"):
        read_folder(folder)
    (place / "pytorch_model.bin").unlink()
    with pytest.raises(CorruptError, match=r"2_Dense.model\.safetensors: is missing, which modules\.json names"):
        read_folder(folder)
    shutil.rmtree(place)
    with pytest.raises(CorruptError, match=r"2_Dense.config\.json: is missing"):
        read_folder(folder)


def test_a_residual_without_activation_is_one_matrix(bare: Callable[[str], Path], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from sentence_transformers.base.modules import Dense

    for width in (WIDTH, 20):
        model = sentence_transformer(bare("bert"))
        model.append(Dense(WIDTH, width, activation_function=torch.nn.Identity(), use_residual=True))
        model.save_pretrained(str(tmp_path / str(width)))
        (layer,) = read_folder(tmp_path / str(width)).dense
        x = np.random.default_rng(1).normal(size=(3, WIDTH)).astype(np.float32)
        want = model[2]({"sentence_embedding": torch.tensor(x)})["sentence_embedding"].detach().numpy()
        np.testing.assert_allclose(layer(x), want, atol=1e-6)


def test_layers_that_do_not_fit_each_other_are_corrupt(folder: Path) -> None:
    _with_dense(folder)
    modules = json.loads((folder / "modules.json").read_text())
    _write(folder / "modules.json", [*modules, {"type": f"{BERT}.Dense", "path": "2_Dense"}])
    with pytest.raises(CorruptError, match="layer 1 behind the pooling wants 32 columns, gets 5"):
        read_folder(folder)


@pytest.mark.parametrize(
    "names", [["Pooling", "Transformer"], ["Transformer"], [], ["Transformer", "Pooling", "Pooling"], ["Pooling"]]
)
def test_modules_in_another_order_are_corrupt(names: list[str], folder: Path) -> None:
    _write(folder / "modules.json", [{"type": f"{BERT}.{name}", "path": "1_Pooling"} for name in names])
    with pytest.raises(CorruptError, match="want a Transformer, then one Pooling"):
        read_folder(folder)


@pytest.mark.parametrize(
    "name",
    ["modules.json", "config.json", "1_Pooling/config.json", "sentence_bert_config.json",
     "config_sentence_transformers.json", "tokenizer_config.json"],
)  # fmt: skip
@pytest.mark.parametrize("damage", ["{", '"text"', "\x00", "[3]"])
def test_damaged_files_are_named(name: str, damage: str, folder: Path) -> None:
    (folder / name).write_text(damage)
    with pytest.raises(CorruptError, match=name.replace(".", r"\.")):
        read_folder(folder)


def test_missing_files_are_named(folder: Path) -> None:
    (folder / "1_Pooling" / "config.json").unlink()
    with pytest.raises(CorruptError, match=r"1_Pooling.config\.json: is missing"):
        read_folder(folder)
    (folder / "config.json").unlink()
    with pytest.raises(CorruptError, match=r"model.config\.json: is missing"):
        read_folder(folder)
    (folder / "modules.json").unlink()
    with pytest.raises(CorruptError, match=r"want modules\.json or config\.json in it, got neither"):
        read_folder(folder)
    with pytest.raises(CorruptError, match="want a folder, got none there"):
        read_folder(folder / "absent")


def test_the_transformer_may_lie_in_a_folder_of_its_own(folder: Path) -> None:
    inner = folder / "0_Transformer"
    inner.mkdir()
    for file in list(folder.iterdir()):
        if file.is_file() and file.name not in ("modules.json", "config_sentence_transformers.json"):
            file.rename(inner / file.name)
    (inner / "sentence_bert_config.json").rename(inner / "sentence_roberta_config.json")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    _write(folder / "modules.json", modules)
    layout = read_folder(folder)
    assert (layout.transformer, layout.max_length) == (inner, 48)


@pytest.mark.parametrize(
    ("name", "said", "match"),
    [
        ("config_sentence_transformers.json", {"model_type": "SparseEncoder"}, "got SparseEncoder"),
        ("sentence_bert_config.json", {"transformer_task": "fill-mask"}, "got 'fill-mask'"),
        ("sentence_bert_config.json", {"modality_config": {"message": {}}}, "that reads bare text"),
        ("sentence_bert_config.json", {"query_expansion": {"strategy": "min"}}, "want no query_expansion"),
        ("sentence_bert_config.json", {"query_length": 32}, "want no query_length, got 32"),
        (
            "sentence_bert_config.json",
            {"processing_kwargs": {"text": {"stride": 3}}},
            "processing_kwargs.text .* stride",
        ),
        ("sentence_bert_config.json", {"config_args": {"is_causal": False}}, "config_args .* is_causal"),
        ("adapter_config.json", {}, "holds an adapter"),
    ],
)
def test_what_changes_vectors_and_is_not_done_is_refused(name: str, said: Any, match: str, folder: Path) -> None:
    _write(folder / name, said)
    with pytest.raises(OptionError, match=match):
        read_folder(folder)


def test_prompts_that_cannot_be_are_corrupt(folder: Path) -> None:
    file = folder / "config_sentence_transformers.json"
    for said in ({"prompts": ["query: "]}, {"prompts": {"query": 3}}, {"default_prompt_name": "absent"}):
        _write(file, said)
        with pytest.raises(CorruptError, match="prompt"):
            read_folder(folder)
    _write(file, {"prompts": {"query": "query: ", "passage": "passage: ", "document": None}})
    layout = read_folder(folder)
    assert layout.prompts == {"query": "query: ", "passage": "passage: ", "document": ""}
    assert "'passage' is not put before documents" in layout.notes[0]


def test_a_weighted_mean_that_leaves_out_its_prompt_is_refused(folder: Path) -> None:
    _write(folder / "1_Pooling" / "config.json", {"pooling_mode": "weightedmean", "include_prompt": False})
    assert read_folder(folder).poolings == ("weighted",)
    _write(folder / "config_sentence_transformers.json", {"prompts": {"query": "query: "}})
    with pytest.raises(OptionError, match="want include_prompt with weightedmean"):
        read_folder(folder)


def test_a_mean_by_the_root_of_the_length_is_refused_where_lengths_count(folder: Path) -> None:
    _write(folder / "1_Pooling" / "config.json", {"pooling_mode": "mean_sqrt_len_tokens"})
    assert read_folder(folder).poolings == ("mean",)
    _write(folder / "modules.json", json.loads((folder / "modules.json").read_text())[:2])
    with pytest.raises(OptionError, match="got mean_sqrt_len_tokens"):
        read_folder(folder)


@pytest.mark.parametrize("said", [None, 20, 900])
def test_the_longest_text_is_that_of_sentence_transformers(
    said: int | None, folder: Path, bare: Callable[[str], Path]
) -> None:
    peer = pytest.importorskip("sentence_transformers")
    _write(folder / "sentence_bert_config.json", {} if said is None else {"max_seq_length": said})
    want = peer.SentenceTransformer(str(folder), device="cpu").max_seq_length
    assert read_folder(folder).max_length == min(want, 64)  # more than it has positions for, it would fail on
    for kind in ("gpt2", "qwen2"):
        assert (
            read_folder(bare(kind)).max_length == peer.SentenceTransformer(str(bare(kind)), device="cpu").max_seq_length
        )


def test_cutting_on_the_left_and_lowering_are_read(folder: Path) -> None:
    _change(folder / "tokenizer_config.json", truncation_side="left")
    _write(folder / "sentence_bert_config.json", {"do_lower_case": True})
    layout = read_folder(folder)
    assert (layout.side, layout.lower_case) == ("left", True)
    _write(
        folder / "sentence_bert_config.json", {"tokenizer_args": {"truncation_side": "right", "model_max_length": 9}}
    )
    layout = read_folder(folder)
    assert (layout.side, layout.lower_case, layout.max_length) == ("right", False, 9)


def test_half_precision_layers_are_read(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    place = _with_dense(folder)
    weight = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(0)).bfloat16()
    save_file({"linear.weight": weight, "linear.bias": torch.zeros(5).half()}, str(place / "model.safetensors"))
    (layer,) = read_folder(folder).layers
    assert isinstance(layer, DenseLayer)
    np.testing.assert_array_equal(layer.weight, weight.float().numpy())


@pytest.mark.parametrize("after", [("unit",), (), ("tanh", "unit")])
@pytest.mark.parametrize("keep", [5, 24, 900])
def test_columns_are_cut_as_the_folder_says(after: Any, keep: int, bare: Callable[[str], Path], tmp_path: Path) -> None:
    model = sentence_transformer(bare("bert"), after=after)
    model.truncate_dim = keep
    model.save_pretrained(str(tmp_path / "saved"))
    layout = read_folder(tmp_path / "saved")
    head = Head(layout.poolings, layout.include_prompt, layout.layers, layout.normalize)
    want = vectors(model, "document")
    np.testing.assert_allclose(head(*_states(model, layout, "")), want, atol=4e-6)
    _change(tmp_path / "saved" / "config_sentence_transformers.json", truncate_dim=0)
    with pytest.raises(CorruptError, match="want truncate_dim to be a number of columns, got 0"):
        read_folder(tmp_path / "saved")


def test_layers_of_other_weights_have_another_passport(bare: Callable[[str], Path], tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    from semascope.encoders import Encoder

    sentence_transformer(bare("bert"), after=("tanh", "unit")).save_pretrained(str(tmp_path / "one"))
    other = shutil.copytree(tmp_path / "one", tmp_path / "other") / "2_Dense" / "model.safetensors"
    save_file({name: array * 1.01 for name, array in load_file(str(other)).items()}, str(other))
    one, two = Encoder(tmp_path / "one").passport, Encoder(tmp_path / "other").passport
    assert one.differences(two) == ["transforms"]


def test_a_norm_of_another_width_is_corrupt(folder: Path) -> None:
    from safetensors.numpy import save_file

    modules = json.loads((folder / "modules.json").read_text())[:2]
    _write(folder / "modules.json", [*modules, {"type": f"{BERT}.LayerNorm", "path": "2_LayerNorm"}])
    _write(folder / "2_LayerNorm" / "config.json", {"dimension": WIDTH})
    save_file({"norm.weight": np.ones(WIDTH, np.float32)}, str(folder / "2_LayerNorm" / "model.safetensors"))
    with pytest.raises(CorruptError, match=r"want norm\.weight and norm\.bias"):
        read_folder(folder)
    both = {name: np.ones(9, np.float32) for name in ("norm.weight", "norm.bias")}
    save_file(both, str(folder / "2_LayerNorm" / "model.safetensors"))
    with pytest.raises(CorruptError, match="want a norm of 32 columns"):
        read_folder(folder)
    both = {name: np.ones(WIDTH, np.float32) for name in ("norm.weight", "norm.bias")}
    save_file(both, str(folder / "2_LayerNorm" / "model.safetensors"))
    assert isinstance(read_folder(folder).layers[0], NormLayer)


ODD: list[Any] = [None, 3, -1, 2.5, "odd", "", [], ["odd"], {}, {"odd": 1}, True, [None]]


@pytest.mark.parametrize(
    "name",
    ["config.json", "1_Pooling/config.json", "2_Dense/config.json", "sentence_bert_config.json", "tokenizer_config.json",
     "config_sentence_transformers.json", "modules.json"],
)  # fmt: skip
def test_odd_values_are_read_or_refused_by_name(name: str, bare: Callable[[str], Path], tmp_path: Path) -> None:
    model = sentence_transformer(bare("bert"), after=("tanh", "unit"), prompts={"query": "query: "}, default="query")
    folder = tmp_path / "saved"
    model.save_pretrained(str(folder))
    file = folder / name
    whole = json.loads(file.read_text())
    more = {"sentence_bert_config.json": ("max_seq_length", "do_lower_case", "tokenizer_args", "processing_kwargs")}
    keys = range(len(whole)) if isinstance(whole, list) else [*whole, *more.get(name, ())]
    for key in keys:
        for odd in ODD:
            if isinstance(whole, list):
                changed: Any = [*whole[:key], odd, *whole[key + 1 :]]
            else:
                changed = whole | {key: odd}
            _write(file, changed)
            try:
                layout = read_folder(folder)
                assert layout.max_length is None or layout.max_length > 0
                TextTokenizer.open(layout.transformer)
            except (CorruptError, OptionError) as error:
                assert str(folder) in str(error), (key, odd)  # noqa: PT017 - both ends are right
