"""The material every peer reads: up to 20,000 sentences of Python documentation as vectors of all-MiniLM-L6-v2 (384 columns).

Docstring sentences of what is installed with this interpreter; encoded once, minutes on one core.
"""

from __future__ import annotations

import random
import re

import numpy as np
from map._measure import work_folder

import semascope

ROWS = 20_000


def main() -> None:
    place = work_folder() / "vectors.npy"
    if place.is_file():
        return
    found: dict[str, None] = {}
    for document in semascope.Corpus.python_docs():
        for part in re.split(r"(?<=[.!?])\s+|\n\s*\n", document.text):
            text = " ".join(part.split())
            if 25 <= len(text) <= 300:
                found[text] = None
    texts = sorted(found)
    random.Random(0).shuffle(texts)
    np.save(place, semascope.Encoder("minilm").encode(texts[:ROWS]))


if __name__ == "__main__":
    main()
