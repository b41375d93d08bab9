"""Small tasks of every kind with rows that answer them perfectly. The texts say what they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from semascope.tasks import (
    Analogy,
    Classification,
    Clustering,
    PairMatching,
    Reranking,
    Retrieval,
    Similarity,
    WordSimilarity,
)
from semascope.testing.judging import Asked

N, LABELS, DIM = 60, 4, 64


def axis(at: int, dim: int = DIM) -> Any:
    out = np.zeros(dim, np.float32)
    out[at % dim] = 1
    return out


def rows_by(task: Any, vector: Any) -> dict[str, Any]:
    """Rows of which each follows from its text."""
    return {name: np.array([vector(text) for text in texts], np.float32) for name, (texts, _) in task.inputs().items()}


def retrieval() -> Asked:
    """Query i wants document i, and half as much document i + N."""
    documents = {f"d{i}": f"document {i}" for i in range(3 * N)}
    queries = {f"q{i}": f"query {i}" for i in range(N)}
    judged = {f"q{i}": {f"d{i}": 2, f"d{i + N}": 1} for i in range(N)}

    def vector(text: str) -> Any:
        kind, number = text.split()
        i = int(number)
        if kind == "query":
            return axis(i, 2 * N)
        return (
            axis(i, 2 * N)
            if i < N
            else 0.6 * axis(i - N, 2 * N) + 0.8 * axis(N + i % N, 2 * N)
            if i < 2 * N
            else axis(2 * N - 1, 2 * N)
        )

    return Asked(
        Retrieval("finding", documents, queries, judged), lambda task: rows_by(task, vector), guess=0.03, room=0.1
    )


def _angles(task: Any, wanted: dict[str, float]) -> dict[str, Any]:
    """Rows whose cosine to the other of their pair is as wanted of it: the first of each pair lies on an axis of its own."""

    def vector(text: str) -> Any:
        which, number = text.split()[:2]
        i = int(number)
        cosine = 1.0 if which == "left" else wanted[number]
        return cosine * axis(i, 2 * N) + np.sqrt(1 - cosine**2) * axis(i + N, 2 * N)

    return rows_by(task, vector)


def similarity() -> Asked:
    scores = np.random.default_rng(0).permutation(N) / N
    task = Similarity("likeness", [(f"left {i}", f"right {i}") for i in range(N)], scores.tolist())
    return Asked(task, lambda part: _angles(part, {str(i): float(scores[i]) for i in range(N)}), room=0.3)


def word_similarity() -> Asked:
    scores = np.random.default_rng(1).permutation(N) / N
    task = WordSimilarity("words", [(f"left {i}", f"right {i}") for i in range(N)], scores.tolist())
    return Asked(task, lambda part: _angles(part, {str(i): float(scores[i]) for i in range(N)}), room=0.3)


def pair_matching() -> Asked:
    match = np.random.default_rng(2).permutation(N) < N // 3
    task = PairMatching("pairs", [(f"left {i}", f"right {i}") for i in range(N)], match.tolist())
    return Asked(
        task, lambda part: _angles(part, {str(i): 0.9 if match[i] else 0.1 for i in range(N)}), guess=1 / 3, room=0.2
    )


def _labels() -> list[str]:
    return [f"label {i % LABELS}" for i in np.random.default_rng(4).permutation(N)]


def _by_label(task: Any) -> dict[str, Any]:
    label = dict(zip(task.texts, task.labels, strict=True))
    return rows_by(task, lambda text: axis(int(label[text].split()[1])) + 0.05 * axis(8 + int(text.split()[1]) % 40))


def classification(method: str) -> Asked:
    others = tuple(name for name in ("linear", "knn", "centre") if name != method)
    task = Classification("labels", [f"text {i}" for i in range(N)], _labels(), method=method, also=others, k=3)
    return Asked(task, _by_label, guess=1 / LABELS, room=0.2)


def clustering() -> Asked:
    return Asked(Clustering("groups", [f"text {i}" for i in range(N)], _labels()), _by_label, guess=0.08, room=0.1)


def reranking() -> Asked:
    """Query i has ten candidates, two of which are relevant."""
    candidates = [[f"candidate {i} {j}" for j in range(10)] for i in range(N)]
    task = Reranking("order", [f"query {i}" for i in range(N)], candidates, [[1, 2] + [0] * 8] * N)

    def vector(text: str) -> Any:
        fields = text.split()
        i = int(fields[1])
        if fields[0] == "query":
            return axis(i, 2 * N)
        near = {"0": 0.8, "1": 0.9}.get(fields[2], 0.1)
        return near * axis(i, 2 * N) + np.sqrt(1 - near**2) * axis(N + i, 2 * N)

    return Asked(task, lambda part: rows_by(part, vector), guess=0.34, room=0.15)


def analogy(method: str) -> Asked:
    """Word i j: of kind i, in form j; the form is an offset."""
    rng = np.random.default_rng(5)
    questions = []
    while len(questions) < N:
        i, k = rng.permutation(12)[:2]
        j, m = rng.permutation(3)[:2]
        questions.append((f"word {i} {j}", f"word {i} {m}", f"word {k} {j}", f"word {k} {m}"))

    def vector(text: str) -> Any:
        _, i, j = text.split()
        return axis(int(i)) + axis(20 + int(j))

    return Asked(
        Analogy("analogies", questions, method=method), lambda part: rows_by(part, vector), guess=1 / 33, room=0.1
    )


ALL = {
    "retrieval": retrieval,
    "similarity": similarity,
    "word similarity": word_similarity,
    "pair matching": pair_matching,
    "classification, linear": lambda: classification("linear"),
    "classification, knn": lambda: classification("knn"),
    "classification, centre": lambda: classification("centre"),
    "clustering": clustering,
    "reranking": reranking,
    "analogy, add": lambda: analogy("add"),
    "analogy, mul": lambda: analogy("mul"),
}
