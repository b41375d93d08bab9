"""Real texts that every machine has: docstrings of the standard library, and their vectors by the encoders at hand."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np

from semascope.corpus import Corpus
from semascope.encoders import Encoder


@cache
def docstrings(count: int) -> list[str]:
    """Titles and texts of the first documents, no two alike."""
    found = dict.fromkeys(f"{one.title} {one.text}" for one in Corpus.python_docs(limit=count + 200))
    return list(found)[:count]


@cache
def made(encoder: str, count: int) -> np.ndarray:
    """Vectors of these texts; of a transformer's, of their first 160 characters, which costs less."""
    texts = docstrings(count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = Encoder(encoder).encode(texts if encoder == "default" else [text[:160] for text in texts])
    out.flags.writeable = False
    return out
