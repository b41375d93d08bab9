"""What a static encoder has to know about its tokenizer: where it cuts words, and what it calls unknown."""

from __future__ import annotations

import json
import re
from typing import Any

from semascope.errors import InputError


def read_tokenizer(tokenizer: Any) -> tuple[str, Any]:
    """The tokenizer's JSON as given, and the tokenizer itself without padding and truncation; InputError if it is none."""
    from tokenizers import Tokenizer

    text = tokenizer.to_str() if isinstance(tokenizer, Tokenizer) else tokenizer
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if not isinstance(text, str):
        raise InputError(f"tokenizer: want a tokenizers.Tokenizer or its JSON, got {type(tokenizer).__name__}")
    try:
        read = Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises bare Exception
        raise InputError(f"tokenizer: cannot be read ({error})") from error
    read.no_padding()
    read.no_truncation()
    return text, read


def cuts_words(tokenizer: Any) -> tuple[bool | None, re.Pattern[str] | None]:
    """Whether it lowers case, where its words are those of `words.cut` (else None), and what spells an added token."""
    normalizer = tokenizer.normalizer
    added = list(tokenizer.get_added_tokens_decoder().values())
    like_bert = (
        type(normalizer).__name__ == "BertNormalizer"
        and normalizer.clean_text
        and type(tokenizer.pre_tokenizer).__name__ == "BertPreTokenizer"
        and type(tokenizer.model).__name__ == "WordPiece"
    )
    if not like_bert or any(token.normalized for token in added):
        return None, None
    spelled = "|".join(re.escape(token.content) for token in added)
    return bool(normalizer.lowercase), re.compile(spelled) if added else None


def unknown_id(tokenizer: Any, text: str) -> int | None:
    """The id of the unknown token of a tokenizer and its JSON `text`, if it has one."""
    token = getattr(tokenizer.model, "unk_token", None)
    if token is not None:
        return tokenizer.token_to_id(token)
    if type(tokenizer.model).__name__ != "Unigram":
        return None
    return json.loads(text)["model"].get("unk_id")
