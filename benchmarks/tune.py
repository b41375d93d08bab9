"""What `semascope tune` costs beside encoding the same texts once: wall and processor seconds, and against encoding per recipe.

python benchmarks/tune.py                       # 10,000 docstrings of this machine's Python, minilm, one round
python benchmarks/tune.py --texts 2000 --rounds 3

Every round encodes one half of the texts with the plain recipe, tunes on all of them without a cache, and encodes the other
half, so that what else the machine does falls on both. Queries are the names of two hundred of the documents, which are to be
found by them. The bar: at least 1,000 recipes for at most 1.5 times the encoding and 60 s; per recipe at least a hundred times
cheaper than encoding.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from semascope.corpus import Corpus
from semascope.encoders import Encoder
from semascope.tasks import Retrieval
from semascope.tune import tune

CHARACTERS = 120  # of each docstring: a sentence or two, which makes the bar harder than long texts would
SUBSET, TRIED = 300, 8  # texts and recipes that encoding per recipe is measured with


def measured(work: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - wall, time.process_time() - cpu, found


def task(count: int, seed: int) -> Retrieval:
    """Documents of Python's documentation, and the names of some of them."""
    texts: dict[str, str] = {}
    names: dict[str, str] = {}
    for one in Corpus.python_docs():
        text = one.text[:CHARACTERS].strip()
        if len(text) >= 40 and text not in texts:
            texts[text], names[text] = one.id, one.title
        if len(texts) == count:
            break
    if len(texts) < count:
        raise SystemExit(f"--texts: want at most {len(texts):,}, which this Python has")
    documents = {name: text for text, name in texts.items()}
    asked = np.random.default_rng(seed).permutation(count)[:200]
    keys = list(documents)
    queries = {f"q{at}": names[documents[keys[at]]] or keys[at] for at in asked}
    return Retrieval("names", documents, queries, {f"q{at}": {keys[at]: 1.0} for at in asked}, labelled=False)


def per_recipe(found: Any, texts: list[str]) -> float:
    """Processor seconds of encoding the subset with one recipe: the mean of several."""
    rng = np.random.default_rng(0)
    every = sorted({one.vectors for one in found.searched.values})
    spent: list[float] = []
    for at in rng.permutation(len(every))[:TRIED]:
        made: Any = Encoder(every[int(at)].text(found.head))
        if hasattr(made, "fit"):
            made = made.fit(texts)
        spent.append(measured(lambda made=made: made.encode(texts))[1])
    return float(np.mean(spent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    asked = task(given.texts, 0)
    documents = list(asked.documents.values())
    encoder = Encoder(given.encoder)
    encoder.encode(documents[:50])
    rounds: list[dict[str, float]] = []
    found: Any = None
    for _ in range(given.rounds):
        one = measured(lambda: encoder.encode(documents[0::2]))
        wall, cpu, found = measured(lambda: tune(None, encoder, [asked], cache=None))
        other = measured(lambda: encoder.encode(documents[1::2]))
        read = found.seconds["reading"]
        rounds.append(
            {
                "encode wall": one[0] + other[0],
                "encode cpu": one[1] + other[1],
                "tune wall": wall,
                "tune cpu": cpu,
                "of it reading wall": read[0],
                "of it reading cpu": read[1],
            }
        )
        print({name: round(value, 1) for name, value in rounds[-1].items()}, flush=True)
    middle = {name: float(np.median([one[name] for one in rounds])) for name in rounds[0]}
    recipes = len(found.searched.values)
    encoding = per_recipe(found, documents[:SUBSET]) * given.texts / SUBSET
    own = middle["tune cpu"] / recipes
    out = {
        **middle,
        "texts": given.texts,
        "recipes": recipes,
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "allowed wall": 1.5 * middle["encode wall"] + 60,
        "allowed cpu": 1.5 * middle["encode cpu"] + 60,
        "encoding per recipe cpu": encoding,
        "tune per recipe cpu": own,
        "times cheaper": encoding / own,
        "holds": recipes >= 1000
        and middle["tune wall"] <= 1.5 * middle["encode wall"] + 60
        and middle["tune cpu"] <= 1.5 * middle["encode cpu"] + 60
        and encoding / own >= 100,
        "steps": found.seconds,
    }
    print(json.dumps(out, indent=1))
    if given.json:
        Path(given.json).write_text(json.dumps(out, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
