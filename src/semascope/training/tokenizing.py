"""Tokenizers of the small models, trained on their text: byte-level BPE, WordPiece, and one that has every token in two languages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import need
from semascope.training.cipher import encipher
from semascope.training.plans import Plan

PAD, END, SEPARATOR, UNKNOWN, MASK, FIRST, LAST = "<pad>", "<eos>", "<sep>", "<unk>", "[MASK]", "[CLS]", "[SEP]"
SPANS = 32  # names for taken-out spans that a denoising model knows
_WORDS = r" ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # letters, digits and signs apart, a space with what follows
_CHUNK = 4096
_ASCII = ["\n", *map(chr, range(32, 127))]


@dataclass(frozen=True)
class Ids:
    """Token ids of texts, one after the other, text i at `offsets[i]:offsets[i + 1]`; no special tokens.

    Args:
        flat: (tokens,) int32.
        offsets: (n + 1,) int64.
    """

    flat: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, (n,)."""
        return np.diff(self.offsets)

    def text(self, i: int) -> NDArray[np.int32]:
        """The ids of text i."""
        return self.flat[self.offsets[i] : self.offsets[i + 1]]


def train_tokenizer(plan: Plan, texts: Sequence[str]) -> Any:
    """A `tokenizers.Tokenizer` for a plan; the same texts give the same one.

    A ciphered plan's tokenizer is trained on English alone and gets the same merges once more, enciphered: every text has
    then exactly as many tokens in either language, and token by token they correspond.
    """
    tokenizers = need("tokenizers", extra="hf")
    if plan.objective == "masked":
        made = _wordpiece(tokenizers, plan, texts)
    elif plan.ciphered:
        made = _doubled(tokenizers, plan, texts)
    else:
        made = _bytewise(tokenizers, plan, texts)
    return made


def special_tokens(plan: Plan) -> dict[str, str]:
    """Role -> special token, as a Hugging Face tokenizer_config.json names them."""
    if plan.objective == "masked":
        return {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": FIRST, "sep_token": LAST, "mask_token": MASK}
    found = {"pad_token": PAD, "eos_token": END}
    if plan.objective == "causal":
        found |= {"bos_token": END}
    if plan.ciphered:
        found |= {"unk_token": UNKNOWN}
    return found


def encode(tokenizer: Any, texts: Sequence[str]) -> Ids:
    """The ids of texts without special tokens.

    Raises:
        InputError: not one token in all of them.
    """
    rows: list[NDArray[np.int32]] = []
    for start in range(0, len(texts), _CHUNK):
        found = tokenizer.encode_batch_fast(list(texts[start : start + _CHUNK]), add_special_tokens=False)
        rows.extend(np.asarray(row.ids, dtype=np.int32) for row in found)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    if not offsets[-1]:
        raise InputError("texts: want at least one token, got none")
    return Ids(np.concatenate(rows), offsets)


def _wordpiece(tokenizers: Any, plan: Plan, texts: Iterable[str]) -> Any:
    special = ["[PAD]", "[UNK]", FIRST, LAST, MASK]
    first = _uncased(tokenizers, tokenizers.models.WordPiece(unk_token="[UNK]"))  # noqa: S106 - a token, not a password
    alphabet = _alphabet((first.normalizer.normalize_str(text) for text in texts), 256)
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=plan.vocabulary,
        # Letters inside a word are named here, or the library numbers them in an order of chance, and then breaks ties by it.
        special_tokens=[*special, *(f"##{letter}" for letter in alphabet)],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    first.train_from_iterator(texts, trainer)
    vocabulary = json.loads(first.to_str())["model"]["vocab"]
    made = _uncased(tokenizers, tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    made.add_special_tokens(special)
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}",
        pair=f"{FIRST} $A {LAST} $B:1 {LAST}:1",
        special_tokens=[(name, made.token_to_id(name)) for name in (FIRST, LAST)],
    )
    return made


def _uncased(tokenizers: Any, model: Any) -> Any:
    made = tokenizers.Tokenizer(model)
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.decoder = tokenizers.decoders.WordPiece()
    return made


def _bytewise(tokenizers: Any, plan: Plan, texts: Iterable[str]) -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(_WORDS), "isolated"),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = tokenizers.decoders.ByteLevel()
    # It takes the spaces around it, so that both x of "x <sep> x" begin with the same token.
    separator = tokenizers.AddedToken(SEPARATOR, lstrip=True, rstrip=True, special=True)
    special = [PAD, END, separator] if plan.objective == "causal" else [PAD, END]
    if plan.objective == "denoising":
        special += [f"<extra_id_{place}>" for place in range(SPANS)]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=plan.vocabulary,
        special_tokens=special,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    if plan.objective == "denoising":
        made.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[(END, made.token_to_id(END))]
        )
    return made


def _doubled(tokenizers: Any, plan: Plan, texts: Iterable[str]) -> Any:
    first = tokenizers.Tokenizer(tokenizers.models.BPE())
    first.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(_WORDS), "isolated")
    alphabet = sorted({*_ASCII, *_alphabet(texts, 128)})
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=plan.vocabulary,
        special_tokens=[PAD, END, UNKNOWN],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    first.train_from_iterator(texts, trainer)
    model = json.loads(first.to_str())["model"]
    english = sorted(model["vocab"], key=model["vocab"].__getitem__)
    known = [token for token in english if encipher(token) not in model["vocab"]]
    tokens = [*english, *(encipher(token) for token in known if token not in (PAD, END, UNKNOWN))]
    merges = [tuple(pair) for pair in model["merges"]]
    there = set(merges)
    merges += [pair for pair in ((encipher(a), encipher(b)) for a, b in merges) if pair not in there]
    made = tokenizers.Tokenizer(
        tokenizers.models.BPE({token: place for place, token in enumerate(tokens)}, merges, unk_token=UNKNOWN)
    )
    made.pre_tokenizer = first.pre_tokenizer
    made.decoder = tokenizers.decoders.Fuse()
    made.add_special_tokens([PAD, END, UNKNOWN])
    return made


def _alphabet(texts: Iterable[str], most: int) -> list[str]:
    """The commonest characters, by count and then by code: the library leaves the order of equal counts to chance."""
    counts = Counter[str]()
    for text in texts:
        counts.update(text)
    return sorted(sorted(counts), key=lambda c: -counts[c])[:most]
