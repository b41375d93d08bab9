"""The tokenizer of a Hugging Face folder: from tokenizer.json, vocab.txt, or vocab.json with merges.txt."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semascope.errors import CorruptError, OptionError, SemascopeError

NAMES = ("pad", "eos", "bos", "cls", "sep", "mask", "unk")

_END = "<|endoftext|>"
_FAMILIES: dict[str, frozenset[str]] = {
    "bert": frozenset(
        ("Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert", "LayoutLM", "Lxmert", "RetriBert")
    ),
    "mpnet": frozenset(("MPNet",)),
    "roberta": frozenset(("Roberta", "Bart", "Longformer", "LED", "MVP")),
    "gpt2": frozenset(("GPT2", "CodeGen")),
    "neox": frozenset(("GPTNeoX",)),
    "qwen2": frozenset(("Qwen2",)),
}
# What is declared where no class is of its own.
_PLAIN = frozenset(("", "PreTrained", "TokenizersBackend"))
_BY_MODEL = {
    **dict.fromkeys(
        ("bert", "distilbert", "electra", "mobilebert", "convbert", "squeezebert", "layoutlm", "nomic_bert", "ernie"),
        "Bert",
    ),
    **dict.fromkeys(("roberta", "bart", "longformer", "led", "mvp", "data2vec-text"), "Roberta"),
    **dict.fromkeys(("gpt2", "codegen", "gptj"), "GPT2"),
    **dict.fromkeys(("qwen2", "qwen3", "qwen2_moe", "qwen3_moe"), "Qwen2"),
    "mpnet": "MPNet",
    "gpt_neox": "GPTNeoX",
}
_MARKS = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>"}
# The special tokens of a family where the folder does not name its own.
_USUAL: dict[str, dict[str, Any]] = {
    "bert": {f"{name.lower()}_token": f"[{name}]" for name in ("UNK", "SEP", "PAD", "CLS", "MASK")},
    "mpnet": _MARKS | {"unk_token": "[UNK]", "mask_token": {"content": "<mask>", "lstrip": True}},
    "roberta": _MARKS | {"unk_token": "<unk>", "mask_token": "<mask>"},
    "gpt2": {"unk_token": _END, "bos_token": _END, "eos_token": _END},
    "neox": {"unk_token": _END, "bos_token": _END, "eos_token": _END, "pad_token": "<|padding|>"},
    "qwen2": {"unk_token": _END, "eos_token": _END, "pad_token": _END},
}
_QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CONVERT = (
    "open it once with transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER), "
    "which writes a tokenizer.json, and open the folder again"
)


@dataclass(frozen=True, eq=False)
class TokenizerFiles:
    """What a folder says of its tokenizer.

    Args:
        tokenizer: A `tokenizers.Tokenizer` that neither cuts nor pads.
        config: tokenizer_config.json, with what special_tokens_map.json says of special tokens.
        special: Ids of the named special tokens ("pad", "eos", "bos", "cls", "sep", "mask", "unk") that it has.
        specials: Ids of all its special tokens.
    """

    tokenizer: Any
    config: Mapping[str, Any]
    special: Mapping[str, int]
    specials: frozenset[int]


def read_tokenizer_files(folder: Path) -> TokenizerFiles:
    """Read the tokenizer of a folder as the transformers library (5.23) would.

    Raises:
        CorruptError: there is no tokenizer, or a file of it cannot be read.
        OptionError: it is of a kind that cannot be read here; says what to do.
    """
    try:
        return _read(folder)
    except SemascopeError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        said = str(error).splitlines()[0] if str(error) else repr(error)
        raise CorruptError(f"{folder / 'tokenizer_config.json'}: a value in it cannot be ({said})") from error


def _read(folder: Path) -> TokenizerFiles:
    config = _config(folder)
    kind = _kind(folder, config)
    config = _USUAL.get(_family(kind), {}) | config
    if (folder / "tokenizer.json").is_file():
        tokenizer = _from_json(folder / "tokenizer.json")
        _as_configured(tokenizer, config, kind)
    elif (folder / "vocab.txt").is_file():
        config = _USUAL[_family(kind) or "bert"] | config
        tokenizer = _from_word_pieces(folder, config, kind)
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        config = _USUAL[_family(kind) or "gpt2"] | config
        tokenizer = _from_merges(folder, config, kind)
    else:
        raise _no_tokenizer(folder)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = bool(config.get("split_special_tokens"))
    special = _special_ids(tokenizer, config)
    more = {tokenizer.token_to_id(token) for token in _more_special(config)}
    return TokenizerFiles(tokenizer, config, special, frozenset(more - {None} | set(special.values())))


def _no_tokenizer(folder: Path) -> Exception:
    models = sorted(file.name for file in folder.glob("*.model"))
    if models:
        return OptionError(f"tokenizer: {folder} holds only a SentencePiece model ({models[0]}); {_CONVERT}")
    return CorruptError(
        f"{folder}: has no tokenizer: want tokenizer.json, vocab.txt, or vocab.json and merges.txt; "
        "copy them from where the model comes from"
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path}: cannot be read ({error})") from error


def _object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    plain = _json(path)
    if not isinstance(plain, dict):
        raise CorruptError(f"{path}: want a JSON object, got {type(plain).__name__}")
    return plain  # pyright: ignore[reportUnknownVariableType]


def _config(folder: Path) -> dict[str, Any]:
    config = _object(folder / "tokenizer_config.json")
    if "added_tokens_decoder" in config:  # newer folders keep everything in one file, and the map may be stale
        return config
    return config | _object(folder / "special_tokens_map.json")


def _kind(folder: Path, config: Mapping[str, Any]) -> str:
    """The class that is declared ("Bert"), else the one that is usual for the model type of config.json, else ""."""
    model_type = str(_object(folder / "config.json").get("model_type") or "")
    if model_type == "qwen2":  # whatever is declared: many such folders declare a wrong one
        return "Qwen2"
    declared = str(config.get("tokenizer_class") or "").removesuffix("Fast").removesuffix("Tokenizer")
    if declared == "Llama" and "tral" in model_type:  # mistral, mixtral, ministral: read as tokenizer.json has it
        return ""
    return declared or _BY_MODEL.get(model_type, "")


def _family(kind: str) -> str:
    return next((family for family, kinds in _FAMILIES.items() if kind in kinds), "")


@contextmanager
def corrupt_tokenizer(where: Any) -> Generator[None]:
    """Turn what the tokenizers library raises at a damaged tokenizer into a CorruptError; its panics are no Exceptions."""
    try:
        yield
    except (SemascopeError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        raise CorruptError(f"{where}: cannot be used as a tokenizer ({error})") from error


def _from_json(path: Path) -> Any:
    from tokenizers import Tokenizer

    with corrupt_tokenizer(path):
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))


def _as_configured(tokenizer: Any, config: Mapping[str, Any], kind: str) -> None:
    """Where a class of transformers sets its own rules, whatever tokenizer.json holds.

    Folders that were written by such a class hold the same rules; only others are changed by this.
    """
    from tokenizers import normalizers, pre_tokenizers, processors

    family, bytewise = _family(kind), type(tokenizer.pre_tokenizer).__name__ == "ByteLevel"
    space = bool(config.get("add_prefix_space"))
    if family in ("bert", "mpnet") and type(tokenizer.normalizer).__name__ == "BertNormalizer":
        tokenizer.normalizer = _bert_normalizer(config)
    elif family in ("roberta", "gpt2", "neox") and bytewise:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)
    elif family == "qwen2" and bytewise:
        tokenizer.pre_tokenizer = _qwen_splits(space)
    elif kind == "Llama" and "Prepend" in str(tokenizer.normalizer):
        tokenizer.normalizer = None
        scheme = "never" if config.get("add_prefix_space") is False else "always" if config.get("legacy") else "first"
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    if family in ("neox", "qwen2") and bytewise:
        tokenizer.normalizer = normalizers.NFC()
    if family == "neox" and bytewise:
        tokenizer.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B:1", special_tokens=[])
    _add_special(tokenizer, config)


def _qwen_splits(space: bool) -> Any:
    from tokenizers import Regex, pre_tokenizers

    split = pre_tokenizers.Split(Regex(_QWEN_SPLIT), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=space, use_regex=False)])


def _bert_normalizer(config: Mapping[str, Any]) -> Any:
    from tokenizers import normalizers

    return normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)),
        strip_accents=config.get("strip_accents"),
        lowercase=bool(config.get("do_lower_case", True)),
    )


def _text(token: Any) -> str | None:
    """A special token as configs spell it: text, or an object with its content."""
    if isinstance(token, dict):
        token = token.get("content")  # pyright: ignore[reportUnknownVariableType]
    return token if isinstance(token, str) and token else None


def _more_special(config: Mapping[str, Any]) -> Iterable[str]:
    for key in ("additional_special_tokens", "extra_special_tokens"):
        found: Any = config.get(key) or []
        for token in found.values() if isinstance(found, dict) else found:  # pyright: ignore[reportUnknownVariableType]
            if (text := _text(token)) is not None:
                yield text


def _add_special(tokenizer: Any, config: Mapping[str, Any]) -> None:
    """Make special tokens be found whole in a text; one without a row in the model's table is left out."""
    from tokenizers import AddedToken

    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    new: list[Any] = []
    for token in [*(config.get(f"{name}_token") for name in NAMES), *_more_special(config)]:
        text = _text(token)
        if text is None or text in added or tokenizer.token_to_id(text) is None:
            continue
        strip: Mapping[str, Any] = token if isinstance(token, dict) else {}
        new.append(
            AddedToken(
                text,
                lstrip=bool(strip.get("lstrip")),
                rstrip=bool(strip.get("rstrip")),
                single_word=bool(strip.get("single_word")),
                normalized=bool(strip.get("normalized")),
                special=True,
            )
        )
    if new:
        tokenizer.add_special_tokens(new)


def _special_ids(tokenizer: Any, config: Mapping[str, Any]) -> dict[str, int]:
    found = {name: _text(config.get(f"{name}_token")) for name in NAMES}
    found["unk"] = found["unk"] or getattr(tokenizer.model, "unk_token", None)
    ids = {name: tokenizer.token_to_id(text) for name, text in found.items() if text is not None}
    return {name: int(token) for name, token in ids.items() if token is not None}


def _lines(path: Path) -> list[str]:
    try:
        # Only the newline ends a line: some vocabularies hold other separators as tokens.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path}: cannot be read ({error})") from error
    return lines[:-1] if lines[-1] == "" else lines


def _from_word_pieces(folder: Path, config: Mapping[str, Any], kind: str) -> Any:
    """BERT's tokenizer, or MPNet's, from a list of word pieces."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    if _family(kind) not in ("bert", "mpnet") and kind not in _PLAIN:
        raise OptionError(f"tokenizer: {folder} wants {kind}Tokenizer, which is not made of vocab.txt here; {_CONVERT}")
    vocabulary = {token: place for place, token in enumerate(_lines(folder / "vocab.txt"))}
    cls, sep, unknown = (_text(config.get(f"{name}_token")) or "" for name in ("cls", "sep", "unk"))
    for token in (cls, sep, unknown):
        if token not in vocabulary:
            raise CorruptError(f"{folder / 'vocab.txt'}: want the special token {token!r} in it, which is missing")
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    tokenizer.normalizer = _bert_normalizer(config)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.BertProcessing((sep, vocabulary[sep]), (cls, vocabulary[cls]))
    _add_special(tokenizer, config)
    return tokenizer


def _from_merges(folder: Path, config: Mapping[str, Any], kind: str) -> Any:
    """Byte-level BPE as GPT-2, RoBERTa, GPT-NeoX and Qwen2 have it, from its vocabulary and merges."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    family = _family(kind)
    if family not in ("roberta", "gpt2", "neox", "qwen2") and kind not in _PLAIN:
        raise OptionError(f"tokenizer: {folder} wants {kind}Tokenizer, which is not made of merges here; {_CONVERT}")
    lines = _lines(folder / "merges.txt")
    merges: Any = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    with corrupt_tokenizer(f"{folder}: vocab.json with merges.txt"):
        tokenizer = Tokenizer(models.BPE(_object(folder / "vocab.json"), merges, fuse_unk=False))
    space = bool(config.get("add_prefix_space"))
    tokenizer.pre_tokenizer = (
        _qwen_splits(space) if family == "qwen2" else pre_tokenizers.ByteLevel(add_prefix_space=space)
    )
    if family in ("qwen2", "neox"):
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    _add_special(tokenizer, config)
    tokenizer.post_processor = _ends(tokenizer, config, roberta=family == "roberta", space=space, folder=folder)
    return tokenizer


def _ends(tokenizer: Any, config: Mapping[str, Any], *, roberta: bool, space: bool, folder: Path) -> Any:
    """The special tokens around a text: RoBERTa's always, of others those that the config asks for."""
    from tokenizers import processors

    ids = {
        name: (token, tokenizer.token_to_id(token)) for name in NAMES if (token := _text(config.get(f"{name}_token")))
    }
    if roberta:
        sep, cls = ids.get("sep", ("", None)), ids.get("cls", ("", None))
        if sep[1] is None or cls[1] is None:
            raise CorruptError(f"{folder / 'vocab.json'}: want {cls[0]!r} and {sep[0]!r} in it, got none of that name")
        trim = bool(config.get("trim_offsets", True))
        return processors.RobertaProcessing(sep, cls, trim_offsets=trim, add_prefix_space=space)
    used = {name: ids[name] for name in ("bos", "eos") if config.get(f"add_{name}_token") and name in ids}
    used = {name: token for name, token in used.items() if token[1] is not None}
    begin, end = ([used[name][0]] if name in used else [] for name in ("bos", "eos"))
    single = [*begin, "$A", *end]
    return processors.TemplateProcessing(single=single, pair=[*single, "$B:1"], special_tokens=[*used.values()])
