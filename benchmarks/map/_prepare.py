"""The material every peer reads: up to 20,000 sentences of Python documentation as vectors of all-MiniLM-L6-v2 (384 columns).

Docstring sentences of what is installed with this interpreter; encoded once, minutes on one core.
"""

from __future__ import annotations

import numpy as np
from map._measure import work_folder
from search._prepare import sentences

import semascope

ROWS = 20_000


def main() -> None:
    place = work_folder() / "vectors.npy"
    if place.is_file():
        return
    np.save(place, semascope.Encoder("minilm").encode(sentences()[:ROWS]))


if __name__ == "__main__":
    main()
