"""How long does it take to find every duplicate among 100,000 texts, exact and near?

python benchmarks/duplicates.py [--data TEXTS.jsonl]

CPU-seconds of one call, on one thread, on generated texts (words by Zipf's law, with one word changed in a copy of each twentieth; few
words; a template filled in), and on copies of the texts of a JSON Lines file with two words changed in each.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Sequence

from semascope import Corpus
from semascope.look.duplicates import find_duplicates

ROWS = 100_000


def changed(text: str, rng: random.Random, times: int = 1) -> str:
    words = text.split()
    for _ in range(times):
        words[rng.randrange(len(words))] = "otherwise"
    return " ".join(words)


def generated(rng: random.Random) -> dict[str, list[str]]:
    words = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(20_000)]
    zipf = list(itertools.accumulate(1 / (place + 1) for place in range(len(words))))
    base = [" ".join(rng.choices(words, cum_weights=zipf, k=rng.randint(15, 60))) for _ in range(ROWS - 10_000)]
    copies = [changed(text, rng) if place % 2 else text for place, text in enumerate(base[:10_000])]
    filled = [
        f"Ticket {place}: order {rng.randrange(10**6)} of customer {rng.choice(words)} did not arrive on the promised day, please look "
        "into it as soon as you can"
        for place in range(ROWS)
    ]
    return {
        "20,000 words by Zipf's law, 5,000 texts twice and 5,000 nearly": base + copies,
        "500 words, ten in a text": [" ".join(rng.choices(words[:500], k=10)) for _ in range(ROWS)],
        "a template filled in": filled,
    }


def show(name: str, texts: Sequence[str]) -> None:
    start = time.process_time()
    found = find_duplicates(texts)
    spent = time.process_time() - start
    print(f"| {name} | {len(texts):,} | {spent:.1f} | {len(found.exact):,} | {len(found.near):,} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="")
    args = parser.parse_args()
    rng = random.Random(0)
    print("| texts | rows | CPU-seconds | exact groups | near groups |\n| --- | ---: | ---: | ---: | ---: |")
    for name, texts in generated(rng).items():
        show(name, texts)
    if args.data:
        own = [one.text for one in Corpus.read(args.data)]
        copies = [changed(text, rng, 2) for _ in range(ROWS // len(own)) for text in own]
        show("copies of real texts, two words changed in each", copies)


if __name__ == "__main__":
    main()
