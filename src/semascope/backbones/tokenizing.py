"""Texts to token ids and the places of the tokens in their text, as the transformers library cuts them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from semascope.backbones.tokenizer_files import TokenizerFiles, corrupt_tokenizer, read_tokenizer_files
from semascope.errors import CorruptError, OptionError
from semascope.ops import digest, integer, option
from semascope.ops import texts as checked_texts
from semascope.types import Tokens

Side = Literal["right", "left"]

_UNLIMITED = 10**20  # transformers writes 1e30 where a tokenizer has no longest text
_PROBES = ("a", "the", "1", "。", "!", "A b")
_TRIAL = ("a text of words", "我 😀 \u0301", "x" * 200, "")  # read when a tokenizer is opened: a broken one fails here
_PROMPTS = 256  # whose lengths are remembered
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, eq=False)
class Read:
    """What a tokenizer read of n texts.

    Args:
        tokens: Ids, offsets and spans; a span counts characters of the text without its prompt, and is (-1, -1) for special
            tokens, for those of the prompt, and everywhere where spans were not asked for.
        cut: Tokens of each text (and its prompt) that were dropped, (n,).
        cut_at: The character of each text where reading stopped, (n,): its length where all was read. With side "left" the
            character where reading starts: 0 where all was read. -1 where a text was cut and spans were not asked for.
        prompt: Tokens in front that belong to the prompt, leading special ones included, (n,): the number of tokens of the
            prompt alone without its closing special one, which is how Sentence Transformers counts them. 0 without a prompt.
    """

    tokens: Tokens
    cut: NDArray[np.int64]
    cut_at: NDArray[np.int64]
    prompt: NDArray[np.int64]


class TextTokenizer:
    """Cuts texts into the tokens of a model. Nothing in it changes while it reads, so several threads may share one.

    Args:
        files: What a folder says of its tokenizer.
        max_length: Tokens read of a text with special ones; None where the model sets no limit.
        lower_case: Whether letters are lowered first, in tokenizers that do not do so themselves.
    """

    def __init__(self, files: TokenizerFiles, *, max_length: int | None = None, lower_case: bool = False) -> None:
        self._tokenizer = files.tokenizer
        self.special: Mapping[str, int] = files.special
        self.specials = files.specials
        self.max_length = max_length
        self.truncation_side: Side = "left" if files.config.get("truncation_side") == "left" else "right"
        if lower_case:
            _lower(self._tokenizer)
        self._before, self._after = _around(self._tokenizer)
        self._tokenizer.encode_batch(list(_TRIAL), add_special_tokens=False)
        self._prompts: dict[tuple[str, bool, int | None, Side], int] = {}

    @classmethod
    def open(cls, folder: str | Path, *, max_length: int | None = None, lower_case: bool = False) -> TextTokenizer:
        """The tokenizer of a Hugging Face folder.

        Args:
            folder: Holds tokenizer.json, vocab.txt, or vocab.json with merges.txt.
            max_length: Tokens read of a text; None takes model_max_length of tokenizer_config.json, but not more than
                max_position_embeddings of config.json.
            lower_case: do_lower_case of sentence_bert_config.json.

        Raises:
            CorruptError: there is no tokenizer, or a file of it cannot be read.
            OptionError: it is of a kind that cannot be read here, such as a bare SentencePiece model; says what to do.
        """
        folder = Path(folder)
        files = read_tokenizer_files(folder)
        if max_length is None:
            max_length = _longest(folder, files.config)
        else:
            max_length = integer(max_length, name="max_length", least=1)
        with corrupt_tokenizer(folder):
            return cls(files, max_length=max_length, lower_case=lower_case)

    def __repr__(self) -> str:
        return f"TextTokenizer({self.vocabulary} tokens, max_length={self.max_length})"

    @property
    def vocabulary(self) -> int:
        """Token ids there are."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    @property
    def around(self) -> int:
        """Special tokens put around a text."""
        return len(self._before) + len(self._after)

    @property
    def json(self) -> str:
        """The tokenizer as tokenizer.json holds it, without cutting and padding."""
        return str(self._tokenizer.to_str())

    @cached_property
    def digest(self) -> str:
        """sha256 of what it does to a text, whatever files it was read from and however they were written."""
        plain = json.loads(self.json)
        for key in ("version", "truncation", "padding"):
            plain.pop(key, None)
        return digest(json.dumps(plain, sort_keys=True, ensure_ascii=False))

    def decode(self, ids: Iterable[int], *, skip_special: bool = False) -> str:
        """The text of token ids."""
        return str(self._tokenizer.decode([int(token) for token in ids], skip_special_tokens=skip_special))

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The vocabulary's entry of every id, "" where there is none."""
        return [self._tokenizer.id_to_token(int(token)) or "" for token in ids]

    def read(
        self,
        texts: Sequence[str],
        *,
        special: bool = True,
        prefix: str = "",
        max_length: int | None = None,
        side: Side = "right",
        spans: bool = True,
    ) -> Read:
        """Ids and places of the tokens of texts, with the same ids as transformers' own.

        Args:
            texts: A list of str; lone surrogates are read as U+FFFD.
            special: Whether the model's special tokens are put around each text.
            prefix: A prompt, put before every text.
            max_length: Tokens read of a text at most, special ones and prompt included; None reads all.
            side: Which end is cut off.
            spans: Whether places are wanted; without them it is faster.

        Raises:
            InputError: `texts` is no list of str.
            OptionError: `max_length` leaves no room for the special tokens.
        """
        items = [_clean(text) for text in checked_texts(texts)]
        option(side, ("right", "left"), name="side")
        room = self._room(special, max_length)
        prefix = _clean(prefix)
        encoded = self._encode([prefix + text for text in items] if prefix else items, spans=spans)
        lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
        kept = lengths if room is None else np.minimum(lengths, room)
        tokens, ends = self._assemble(encoded, kept, side, special=special, spans=spans, skip=len(prefix))
        cut = lengths - kept
        whole = np.fromiter(map(len, items), dtype=np.int64, count=len(items)) if side == "right" else 0 * cut
        count = self._prompt_length(prefix, special, max_length, side) if prefix else 0
        return Read(
            tokens=tokens,
            cut=cut,
            cut_at=np.where(cut > 0, ends, whole),
            prompt=np.full(len(items), count, dtype=np.int64),
        )

    def read_ids(
        self,
        rows: Sequence[Sequence[int]],
        *,
        prefix: str = "",
        max_length: int | None = None,
        side: Side = "right",
    ) -> Read:
        """What `read` gives, of texts that come as token ids: the prompt's ids and the special tokens are put around them.

        A row may carry the special tokens already: where they stand at both its ends, as `read` puts them, they are not
        doubled. The prompt is tokenized by itself, which gives other tokens than `read` where a tokenizer joins its end
        with the text's first word.

        Args:
            rows: Lists of ids.
            prefix: A prompt, put before every text.
            max_length: Tokens read of a text at most, special ones and prompt included; None reads all.
            side: Which end is cut off.
        """
        option(side, ("right", "left"), name="side")
        room = self._room(True, max_length)
        front = list(self._encode([_clean(prefix)], spans=False)[0].ids) if prefix else []
        plain = [front + self._bare([int(token) for token in row]) for row in rows]
        lengths = np.array([len(row) for row in plain], dtype=np.int64)
        kept = (
            [row[max(len(row) - room, 0) :] if side == "left" else row[:room] for row in plain]
            if room is not None
            else plain
        )
        tokens = Tokens.of([[*self._before, *row, *self._after] for row in kept])
        cut = lengths - np.array([len(row) for row in kept], dtype=np.int64)
        count = self._prompt_length(prefix, True, max_length, side) if prefix else 0
        return Read(tokens, cut, np.where(cut > 0, -1, 0), np.full(len(plain), count, dtype=np.int64))

    def _bare(self, row: list[int]) -> list[int]:
        """Ids without the special tokens around them."""
        first, last = len(self._before), len(row) - len(self._after)
        around = first <= last and row[:first] == list(self._before) and row[last:] == list(self._after)
        return row[first:last] if around else row

    def _room(self, special: bool, max_length: int | None) -> int | None:
        if max_length is None:
            return None
        around = self.around if special else 0
        return integer(max_length, name="max_length", least=max(around, 1)) - around

    def _encode(self, items: list[str], *, spans: bool) -> list[Any]:
        # Older releases of tokenizers have the slower way only.
        encode = None if spans else getattr(self._tokenizer, "encode_batch_fast", None)
        with corrupt_tokenizer("tokenizer"):
            return (encode or self._tokenizer.encode_batch)(items, add_special_tokens=False)

    def _assemble(
        self, encoded: list[Any], kept: NDArray[np.int64], side: Side, *, special: bool, spans: bool, skip: int
    ) -> tuple[Tokens, NDArray[np.int64]]:
        """Flat tokens, and where in each text reading stopped (or started), -1 where that is not known."""
        before, after = (self._before, self._after) if special else ((), ())
        flat: list[int] = []
        places: list[tuple[int, int]] = []
        ends = np.full(len(encoded), -1, dtype=np.int64)
        for row, (encoding, keep) in enumerate(zip(encoded, kept.tolist(), strict=True)):
            first = len(encoding) - keep if side == "left" else 0
            flat += before
            flat += encoding.ids[first : first + keep]
            flat += after
            if spans:
                mine = encoding.offsets[first : first + keep]
                places += [(-1, -1)] * len(before)
                places += mine
                places += [(-1, -1)] * len(after)
                ends[row] = max(_edge(mine, encoding, side) - skip, 0)
        offsets = np.concatenate([[0], np.cumsum(kept + len(before) + len(after))]).astype(np.int64)
        where = np.full((len(flat), 2), -1, dtype=np.int32)
        if spans and flat:
            where[:] = places
            _shift(where, skip)
        return Tokens(np.asarray(flat, dtype=np.int32), offsets, where), ends

    def _prompt_length(self, prompt: str, special: bool, max_length: int | None, side: Side) -> int:
        key = (prompt, special, max_length, side)
        if key not in self._prompts:
            if len(self._prompts) >= _PROMPTS:  # whoever sends ever new prompts shall not fill the memory
                self._prompts.clear()
            alone = self.read([prompt], special=special, max_length=max_length, side=side, spans=False).tokens.ids
            self._prompts[key] = len(alone) - int(len(alone) > 0 and int(alone[-1]) in self.specials)
        return self._prompts[key]


def _clean(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _edge(kept: list[tuple[int, int]], encoding: Any, side: Side) -> int:
    """Where what is kept ends (or starts)."""
    if kept:
        return kept[0][0] if side == "left" else kept[-1][1]
    return encoding.offsets[-1][1] if side == "left" and len(encoding) else 0


def _shift(where: NDArray[np.int32], skip: int) -> None:
    """Places in prompt and text to places in the text, in place; what lies in the prompt alone gets (-1, -1)."""
    if not skip:
        return
    prompt = (where[:, 0] >= 0) & (where[:, 1] <= skip)
    text = (where[:, 0] >= 0) & ~prompt
    where[text] = np.maximum(where[text] - skip, 0)
    where[prompt] = -1


def _longest(folder: Path, config: Mapping[str, Any]) -> int | None:
    file = folder / "config.json"
    limits = [config.get("model_max_length") or config.get("max_len")]
    if file.is_file():
        try:
            model = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CorruptError(f"{file}: cannot be read ({error})") from error
        limits.append(model.get("max_position_embeddings") if isinstance(model, dict) else None)  # pyright: ignore[reportUnknownMemberType]
    known = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _UNLIMITED]
    return min(known) if known else None


def _lower(tokenizer: Any) -> None:
    """Lower letters first, unless a normaliser of the tokenizer is there for just that."""
    from tokenizers import normalizers

    own = tokenizer.normalizer
    if own is None:
        tokenizer.normalizer = normalizers.Lowercase()
        return
    parts = json.loads(tokenizer.to_str())["normalizer"]
    listed = parts["normalizers"] if parts["type"] == "Sequence" else [parts]
    if not any(part["type"] == "Lowercase" for part in listed):
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), own])


def _around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text, learnt from how it treats a short one."""
    for probe in _PROBES:
        bare = tokenizer.encode(probe, add_special_tokens=False).ids
        if not bare:
            continue
        full = tokenizer.encode(probe).ids
        for start in range(len(full) - len(bare) + 1):
            if full[start : start + len(bare)] == bare:
                return full[:start], full[start + len(bare) :]
        break
    else:
        if not tokenizer.num_special_tokens_to_add(False):
            return [], []
    raise OptionError(
        "tokenizer: want one that puts special tokens before and after a text, got one whose post-processor does something else"
    )
