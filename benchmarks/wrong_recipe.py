"""What does a wrong recipe cost? nDCG@10 of documents and queries read as the encoder should be, and by first tokens cut at 128.

python benchmarks/wrong_recipe.py --data FOLDER [--encoder minilm]

FOLDER holds corpus.jsonl, queries.jsonl and qrels (see BEIR). Exact cosine search; every figure has a 95 % bootstrap interval over the
queries, and the difference is paired.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from retrieval import ndcg

from semascope import Corpus, Encoder
from semascope.encoders import CutTextWarning, read_otherwise
from semascope.encoders.head import Head
from semascope.ops import bootstrap, cosine, top_k


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="minilm")
    args = parser.parse_args()
    warnings.simplefilter("ignore", CutTextWarning)
    corpus = Corpus.read(args.data)
    documents = list(corpus)
    texts = [f"{one.title} {one.text}" if one.title else one.text for one in documents]
    ids = [one.id for one in documents]
    judged = {name: text for name, text in corpus.queries.items() if corpus.judgements.get(name)}
    own = Encoder(args.encoder)
    wrong = read_otherwise(own, max_length=128, head=Head(("first",)))
    rows = {"its own": own.encode(texts), "first tokens cut at 128": wrong.encode(texts)}
    asked = {
        "its own": own.encode(list(judged.values()), kind="query"),
        "first tokens cut at 128": wrong.encode(list(judged.values()), kind="query"),
    }
    values = {}
    for documents_by, queries_by in (
        ("its own", "its own"),
        ("first tokens cut at 128", "first tokens cut at 128"),
        ("first tokens cut at 128", "its own"),
    ):
        found = [top_k(row, 10) for row in cosine(asked[queries_by], rows[documents_by])]
        scores = [ndcg([ids[i] for i in row], corpus.judgements[name]) for row, name in zip(found, judged, strict=True)]
        values[documents_by, queries_by] = np.array(scores)
    base = values["its own", "its own"]
    for (documents_by, queries_by), scores in values.items():
        print(
            f"documents: {documents_by}; queries: {queries_by}: nDCG@10 {bootstrap(scores)}; "
            f"minus the encoder's own {bootstrap(scores - base)}"
        )


if __name__ == "__main__":
    main()
