"""What every worker of this suite does: group the texts of two sets with labels, name the groups, and measure both.

Adjusted mutual information with the labels is over all rows; what a peer puts in no group (-1) counts as a group of its own.
Coherence is normalised pointwise mutual information of the ten first words of each group but -1 (phrases cut into words), over
windows of ten words, after gensim's c_npmi (within 0.012 of it on these sets, mostly above); words that no text holds are left
out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SETS = {"AG News": ("ag-news", ("label",)), "TREC": ("trec-train", ("label", "fine"))}
SEEDS = (0, 1, 2)
Grouper = Callable[[Sequence[str], Any, int], tuple[Sequence[int], Sequence[Sequence[str]]]]


def data() -> Path:
    return Path(os.environ.get("SEMASCOPE_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"


def rows(name: str) -> list[dict[str, str]]:
    lines = (data() / "classification" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def tokens(texts: Sequence[str]) -> list[list[str]]:
    return [re.findall(r"\b\w\w+\b", text.lower()) for text in texts]


def coherence(texts: Sequence[Sequence[str]], topics: Sequence[Sequence[str]], width: int = 10) -> float:
    """The mean over topics of the mean over pairs of their words."""
    from scipy.sparse import csr_array

    names = sorted({word for topic in topics for word in topic})
    at = {word: place for place, word in enumerate(names)}
    windows: list[int] = []
    columns: list[int] = []
    base = 0
    for text in texts:
        count = max(1, len(text) - width + 1)
        for place, word in enumerate(text):
            if word in at:
                first, last = max(0, place - width + 1), min(place, count - 1)
                windows.extend(range(base + first, base + last + 1))
                columns.extend([at[word]] * (last - first + 1))
        base += count
    held = csr_array((np.ones(len(windows)), (windows, columns)), shape=(base, len(names)))
    held.sum_duplicates()
    held.data[:] = 1
    both = (held.T @ held).toarray() / base
    alone = np.diag(both)
    found = []
    for topic in topics:
        places = [at[word] for word in topic if alone[at[word]] > 0]
        pairs = [(a, b) for a in places for b in places if a != b]
        if pairs:
            seen = np.array([both[pair] for pair in pairs]) + 1e-12
            chance = np.array([alone[a] * alone[b] for a, b in pairs])
            found.append(float((np.log(seen / chance) / -np.log(seen)).mean()))
    return statistics.fmean(found)


def measure(peer: str, group: Grouper, versions: dict[str, str]) -> None:
    """Group each set with each seed, and print. The first call of all is timed apart: it pays for what is loaded or compiled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    work: Path = parser.parse_args().work
    from sklearn.metrics import adjusted_mutual_info_score

    numbers: dict[str, float] = {}
    said: dict[str, Any] = {}
    for title, (name, kinds) in SETS.items():
        held = rows(name)
        texts = [row["text"] for row in held]
        cut = tokens(texts)
        vocabulary = {word for text in cut for word in text}
        x = np.load(work / f"{name}.npy")
        found: dict[str, list[float]] = {}
        for seed in SEEDS:
            start = time.process_time()
            labels, named = group(texts, x, seed)
            seconds = time.process_time() - start
            if not numbers:
                numbers["CPU-seconds of the first call, AG News"] = seconds
            else:
                found.setdefault("CPU-seconds, once loaded and compiled", []).append(seconds)
            topics = [
                list(dict.fromkeys(w for word in words for w in word.split() if w in vocabulary)) for words in named
            ]
            topics = [topic[:10] for topic in topics if len(topic) > 1]
            found.setdefault("coherence (NPMI) of ten words", []).append(coherence(cut, topics))
            found.setdefault("groups", []).append(len(named))
            found.setdefault("share of rows in no group", []).append(float(np.mean(np.asarray(labels) < 0)))
            for kind in kinds:
                agreement = adjusted_mutual_info_score([row[kind] for row in held], labels)
                found.setdefault(f"adjusted mutual information with {kind}", []).append(agreement)
            said[f"{name}-{seed}"] = topics
        for what, values in found.items():
            numbers[f"{title}: {what}"] = statistics.fmean(values)
    (work / f"topics-{peer}.json").write_text(json.dumps(said))
    print(json.dumps({"peer": peer, "numbers": numbers, "versions": versions}))
