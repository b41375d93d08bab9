"""Transformers of random weights with tokenizers trained on a few lines, as the libraries write them to disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

WIDTH = 32
TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "a cat",
    "Numbers 1,024 and words; naïve café, 我们明天 😀",
    "read " * 40 + "the end",
    "How do I undo the last commit without losing my changes?",
    "def add(a: int, b: int = 0) -> int: return a + b",
]
_LINES = [
    *TEXTS,
    "query: document: passage: search for a text that answers this question",
    "cats and dogs read words",
] * 4


def tokenizer_of(kind: str) -> tuple[Tokenizer, dict[str, Any]]:
    if kind in ("bert", "mpnet"):
        marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        if kind == "mpnet":
            marks = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        tokenizer.train_from_iterator(_LINES, trainers.WordPieceTrainer(vocab_size=200, special_tokens=marks))
        cls, sep = ("<s>", "</s>") if kind == "mpnet" else ("[CLS]", "[SEP]")
        tokenizer.post_processor = processors.BertProcessing(
            (sep, tokenizer.token_to_id(sep)), (cls, tokenizer.token_to_id(cls))
        )
        named = {"cls": cls, "sep": sep, "unk": "[UNK]", "pad": marks[kind == "mpnet"], "mask": marks[4]}
        if kind == "mpnet":
            named |= {"bos": "<s>", "eos": "</s>"}
        name = {"bert": "BertTokenizer", "mpnet": "MPNetTokenizer"}[kind]
    else:
        marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if kind == "roberta" else ["<|endoftext|>"]
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=marks, initial_alphabet=alphabet)
        tokenizer.train_from_iterator(_LINES, trainer)
        if kind == "roberta":
            tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
            named = dict(zip(("bos", "pad", "eos", "unk", "mask"), marks, strict=True)) | {"cls": "<s>", "sep": "</s>"}
            name = "RobertaTokenizer"
        else:
            tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
            named = dict.fromkeys(("bos", "eos", "unk", "pad"), marks[0])
            name = {"gpt2": "GPT2Tokenizer", "qwen2": "Qwen2Tokenizer"}.get(kind, "PreTrainedTokenizerFast")
    return tokenizer, {"tokenizer_class": name, **{f"{mark}_token": text for mark, text in named.items()}}


def config_of(kind: str, vocabulary: int) -> dict[str, Any]:
    usual = {"vocab_size": vocabulary, "model_type": kind}
    if kind == "gpt2":
        return usual | {
            "architectures": ["GPT2LMHeadModel"],
            "n_embd": WIDTH,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": 64,
            "n_inner": 64,
            "bos_token_id": 0,
            "eos_token_id": 0,
        }
    sizes = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    if kind == "qwen2":
        return usual | sizes | {
            "architectures": ["Qwen2ForCausalLM"],
            "num_key_value_heads": 2,
            "max_position_embeddings": 64,
            "tie_word_embeddings": True,
        }  # fmt: skip
    names = {"bert": "BertModel", "roberta": "RobertaModel", "mpnet": "MPNetModel"}
    longest = {"bert": 64, "roberta": 66, "mpnet": 66}[kind]
    padding = 0 if kind == "bert" else 1
    return usual | sizes | {
        "architectures": [names[kind]],
        "max_position_embeddings": longest,
        "pad_token_id": padding,
        "type_vocab_size": 2 if kind == "bert" else 1,
    }  # fmt: skip


def transformer_folder(place: Path, kind: str, *, seed: int = 0, max_length: int | None = None) -> Path:
    """A bare Hugging Face folder."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    place.mkdir(parents=True)
    tokenizer, said = tokenizer_of(kind)
    tokenizer.save(str(place / "tokenizer.json"))
    if max_length is not None:
        said["model_max_length"] = max_length
    (place / "tokenizer_config.json").write_text(json.dumps(said))
    options = config_of(kind, tokenizer.get_vocab_size())
    config = transformers.AutoConfig.for_model(options.pop("model_type"), **options)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = transformers.AutoModel.from_config(config)
        for parameter in model.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    model.config.architectures = options["architectures"]
    model.eval().save_pretrained(place)
    saved = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(saved | {"architectures": options["architectures"]}))
    return place


def sentence_transformer(
    source: Path,
    pooling: Any = "mean",
    *,
    include_prompt: bool = True,
    after: Any = (),
    prompts: dict[str, str] | None = None,
    default: str | None = None,
    max_length: int | None = None,
) -> Any:
    """A Sentence Transformers model around a bare folder, modules given by name: "tanh", "identity", "norm", "unit", "dropout"."""
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("sentence_transformers")
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm, Pooling

    modules = [Transformer(str(source)), Pooling(WIDTH, pooling_mode=pooling, include_prompt=include_prompt)]
    if max_length is not None:
        modules[0].max_seq_length = max_length
    width = WIDTH * (1 if isinstance(pooling, str) else len(pooling))
    activations = {
        "tanh": torch.nn.Tanh(),
        "identity": torch.nn.Identity(),
        "gelu": torch.nn.GELU(),
        "relu": torch.nn.ReLU(),
        "sigmoid": torch.nn.Sigmoid(),
    }
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for name in after:
            if name in activations:
                bias = name != "identity"
                modules.append(Dense(width, 24, bias=bias, activation_function=activations[name]))
                width = 24
            elif name == "norm":
                modules.append(LayerNorm(width))
                modules[-1].norm.weight.data += 0.1 * torch.randn(width)
                modules[-1].norm.bias.data += 0.1 * torch.randn(width)
            else:
                modules.append({"unit": Normalize, "dropout": Dropout}[name]())
    return peer.SentenceTransformer(
        modules=modules, device="cpu", prompts=prompts, default_prompt_name=default, similarity_fn_name="dot"
    ).eval()


def vectors(model: Any, kind: str, texts: list[str] | None = None) -> Any:
    return np.asarray(getattr(model, f"encode_{kind}")(texts or TEXTS, show_progress_bar=False, convert_to_numpy=True))
