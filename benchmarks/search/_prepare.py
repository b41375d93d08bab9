"""The material every peer reads: 40,000 sentences of Python documentation as vectors of the bundled encoder, and queries.

Documents are docstring sentences of what is installed with this interpreter. Queries are 1,000 sentences held out from
them and the questions of tests/data/questions_python.jsonl. The true neighbours come from a plain float64 product.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
from search._measure import work_folder

import semascope

DOCUMENTS, HELD_OUT, K = 40_000, 1_000, 10
QUESTIONS = Path(__file__).resolve().parents[2] / "tests" / "data" / "questions_python.jsonl"


def sentences() -> list[str]:
    found: dict[str, None] = {}
    for document in semascope.Corpus.python_docs():
        for part in re.split(r"(?<=[.!?])\s+|\n\s*\n", document.text):
            text = " ".join(part.split())
            if 25 <= len(text) <= 300:
                found[text] = None
    out = sorted(found)
    random.Random(0).shuffle(out)
    return out


def main() -> None:
    work = work_folder()
    texts = sentences()[: DOCUMENTS + HELD_OUT]
    if len(texts) < DOCUMENTS + HELD_OUT:
        print(f"only {len(texts):,} sentences here: the table is of fewer documents")
    documents, held = texts[:-HELD_OUT], texts[-HELD_OUT:]
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    encoder = semascope.Encoder("default")
    x, q = encoder.encode(documents), encoder.encode(held + questions, kind="query")
    near = np.argsort(-(q.astype(np.float64) @ x.T.astype(np.float64)), axis=1, kind="stable")[:, :K]
    np.save(work / "documents.npy", x)
    np.save(work / "queries.npy", q)
    np.save(work / "near.npy", near)
    print(
        f"{len(x):,} documents, {len(held):,} held-out sentences and {len(questions)} questions, {x.shape[1]} columns"
    )


if __name__ == "__main__":
    main()
