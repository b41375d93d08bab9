"""Measure the default encoder (or another folder, or the teacher) on the similarity sets and on Cranfield.

Run `python scripts/score_default_encoder.py --shared DIR [--folder DIR | --teacher]`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from default_encoder import scores, teacher
from default_encoder.reference import Reference


def main() -> None:
    """Print the scores as JSON."""
    parser = argparse.ArgumentParser(description="Measure the default encoder.")
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("--shared", type=Path, required=True, help="folder with the evaluation sets under data/")
    parser.add_argument("--folder", type=Path, default=root / "src" / "semascope" / "encoders" / "default")
    parser.add_argument("--teacher", action="store_true", help="measure all-MiniLM-L6-v2 (float32) in its place")
    args = parser.parse_args()
    if args.teacher:
        folder = teacher.find()
        weights = teacher.load(folder, "float32")

        def encode(texts: list[str]) -> np.ndarray:
            return teacher.encode(folder, texts, weights)["vectors"].astype(np.float32)
    else:
        encode = Reference(args.folder).encode
    print(json.dumps(scores.all_scores(encode, args.shared), indent=1))


if __name__ == "__main__":
    main()
