"""How many of five guessed words are right, of texts whose vectors alone are known? The attack, its time, and one bit a number.

python benchmarks/leak.py --data FILE [--encoder minilm] [--vectors FILE.npy] [--known 4000] [--hidden 2000] [--seeds 3] [--json]

FILE is anything `semascope build` reads (AG News as JSONL, say); --vectors saves encoding it where its rows are at hand. The
attacker knows the texts of --known rows; --hidden others are asked for, those of them left out of which he has a near copy.
Intervals of 95 % by bootstrap over texts. Time is of the processor: learning from the known rows, reading the hidden ones.
Guessing names the five words that are in most known texts; neither guesses articles and the like.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np

from semascope import Corpus, Encoder
from semascope.compression.one_bit import OneBit
from semascope.inversion.word_inversion import WordInversion
from semascope.leak.splits import split
from semascope.ops import bootstrap
from semascope.ops.words import words
from semascope.types import Vectors


def attacked(
    x: Vectors, texts: list[str], known: np.ndarray, hidden: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Share of five guesses in each hidden text, the same for the commonest five, and processor seconds."""
    began = time.process_time()
    attack = WordInversion().fit(x[known], [texts[i] for i in known])
    guesses = attack.guesses(x[hidden], 5)
    spent = time.process_time() - began
    held = [set(words(texts[i])) for i in hidden]
    times = Counter(word for i in known for word in set(words(texts[i])) & set(attack.learned_.names))
    common = [word for word, _ in times.most_common(5)]
    got = np.array([np.mean([word in found for word in guess]) for guess, found in zip(guesses, held, strict=True)])
    return got, np.array([np.mean([word in found for word in common]) for found in held]), spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--known", type=int, default=4000)
    parser.add_argument("--hidden", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    texts = [document.text for document in Corpus.read(args.data, title=None)]
    x = Encoder(args.encoder).encode(texts) if args.vectors is None else np.load(args.vectors)
    cut = [words(text) for text in texts]
    rows: dict[str, list[np.ndarray]] = {"float32": [], "one bit": [], "commonest five": []}
    spent = []
    for seed in range(args.seeds):
        drawn = split(cut, known=args.known, hidden=args.hidden, seed=seed)
        bits = OneBit(random_state=seed).fit_transform(x)
        for name, stored in (("float32", x), ("one bit", bits)):
            got, guess, seconds = attacked(stored, texts, drawn.known, drawn.unseen)
            rows[name].append(got)
            spent += [seconds] * (name == "float32")
        rows["commonest five"].append(guess)
    found = {name: bootstrap(np.concatenate(values)) for name, values in rows.items()}
    if args.json:
        print(json.dumps({**{name: one._asdict() for name, one in found.items()}, "CPU-seconds": spent}))
        return
    for name, one in found.items():
        print(f"{name:16} {one}")
    print(f"{'CPU-seconds':16} {np.median(spent):.1f} (each split: {', '.join(f'{one:.1f}' for one in spent)})")


if __name__ == "__main__":
    main()
