"""Fit the table: a text's vector must stand to its neighbours as the teacher's does.

Batches are chunks of neighbouring texts (one cluster of the teacher's vectors, groups of near texts kept together)
from many clusters, so that every row of the similarity matrix has close and distant texts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from default_encoder.student import TYPOS, Bags


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Args:
        dim: width of the table.
        batch: texts a step.
        chunk: neighbouring texts that go together; 1 for none.
        epochs: passes over the texts.
        rate: Adam's step size at its highest.
        tau: temperature of the softmax over the teacher's row, and the student's.
        matrix: weight of the squared difference of the similarity matrices.
        direct: weight of one minus the cosine to the teacher's own vector (in its principal axes).
        typos: share of texts in which one word is misspelt.
        clusters: number of clusters.
        drop: leading principal components of the teacher left out at the start.
        seed: of everything.
    """

    dim: int = 256
    batch: int = 512
    chunk: int = 1
    epochs: int = 4
    rate: float = 2e-3
    tau: float = 0.1
    matrix: float = 0.0
    direct: float = 20.0
    typos: float = 0.1
    clusters: int = 1024
    drop: int = 0
    seed: int = 0


def axes(vectors: np.ndarray, dim: int, drop: int) -> np.ndarray:
    """Principal axes [dim, width] of unit vectors about the origin, the leading `drop` left out."""
    x = vectors[:: max(1, len(vectors) // 60_000)].astype(np.float64)
    _, basis = np.linalg.eigh(x.T @ x)
    basis = basis[:, ::-1].T
    signs = np.sign(basis[np.arange(len(basis)), np.abs(basis).argmax(1)])
    return (basis * signs[:, None])[drop : drop + dim].astype(np.float32)


def clusters(vectors: np.ndarray, k: int, seed: int, steps: int = 6) -> np.ndarray:
    """Spherical k-means on a sample; the cluster of every vector."""
    import torch

    rng = np.random.default_rng(seed)
    sample = torch.from_numpy(vectors[np.sort(rng.permutation(len(vectors))[: 40 * k])].astype(np.float32))
    centres = sample[torch.from_numpy(rng.permutation(len(sample))[:k].copy())]
    for _ in range(steps):
        nearest = (sample @ centres.T).argmax(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, sample)
        centres = torch.nn.functional.normalize(torch.where(sums.norm(dim=1, keepdim=True) > 0, sums, centres), dim=1)
    found = np.empty(len(vectors), np.int32)
    for i in range(0, len(vectors), 16_384):
        block = torch.from_numpy(vectors[i : i + 16_384].astype(np.float32))
        found[i : i + 16_384] = (block @ centres.T).argmax(1).numpy()
    return found


def epoch_order(rng: np.random.Generator, cluster: np.ndarray, group: np.ndarray, chunk: int) -> np.ndarray:
    """All texts once: sorted by cluster and shuffled group, cut into chunks, chunks shuffled."""
    n = len(cluster)
    if chunk <= 1:
        return rng.permutation(n)
    shuffled = rng.permutation(int(group.max()) + 1)
    order = np.lexsort((rng.random(n), shuffled[group], cluster))
    whole = n // chunk
    chunks = order[: whole * chunk].reshape(whole, chunk)[rng.permutation(whole)]
    return np.concatenate([chunks.reshape(-1), order[whole * chunk :]])


def misspelt(rng: np.random.Generator, bags: Bags, words: np.ndarray, starts: np.ndarray, share: float) -> np.ndarray:
    """One random word of a share of the texts exchanged for one of its misspellings."""
    if share <= 0:
        return words
    lengths = np.diff(np.append(starts, len(words)))
    chosen = np.flatnonzero((rng.random(len(starts)) < share) & (lengths > 0))
    at = starts[chosen] + (rng.random(len(chosen)) * lengths[chosen]).astype(np.int64)
    words = words.copy()
    words[at] = bags.typos[words[at], rng.integers(0, TYPOS, len(at))]
    return words


def start_table(
    bags: Bags, tokens: np.ndarray, counts: np.ndarray, basis: np.ndarray, mean: np.ndarray, seed: int
) -> np.ndarray:
    """Contextual token means in the teacher's axes, weighted by a/(a+p), and small random n-gram rows."""
    rng = np.random.default_rng(seed)
    x = (tokens - mean) @ basis.T
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
    p = counts / max(counts.sum(), 1)
    x *= (1e-3 / (1e-3 + p))[:, None]
    grams = rng.standard_normal((bags.buckets, basis.shape[0])) * (0.3 / np.sqrt(basis.shape[0]))
    return np.concatenate([x, grams]).astype(np.float32)


def embed(table, bags: Bags, words: np.ndarray, starts: np.ndarray):
    """Sums of word vectors for texts given as words end to end (torch, differentiable in the table)."""
    import torch
    from torch.nn.functional import embedding_bag

    unique, inverse = np.unique(words, return_inverse=True)
    rows, begins = bags.rows.take(unique)
    weights, _ = bags.weights.take(unique)
    vectors = embedding_bag(torch.from_numpy(rows.astype(np.int64)), table, torch.from_numpy(begins), mode="sum",
                            per_sample_weights=torch.from_numpy(weights))  # fmt: skip
    return embedding_bag(torch.from_numpy(inverse.astype(np.int64)), vectors, torch.from_numpy(starts), mode="sum")


def loss_parts(s, t, target, recipe: Recipe):
    """Cross entropy of the similarity rows, squared difference of the matrices, distance to the teacher's vector."""
    import torch

    n = len(s)
    same = torch.eye(n, dtype=torch.bool)
    students, teachers = s @ s.T, t @ t.T
    wanted = torch.softmax((teachers / recipe.tau).masked_fill(same, -torch.inf), 1)
    logs = torch.log_softmax((students / recipe.tau).masked_fill(same, -1e4), 1)
    rows = -(wanted * logs).sum(1).mean()
    # The entropy of the target does not move the gradient; taken off so that a perfect student scores zero.
    rows = rows + (wanted * wanted.clamp_min(1e-30).log()).sum(1).mean()
    matrix = ((students - teachers) ** 2).masked_fill(same, 0).sum() / (n * (n - 1))
    return rows, matrix, (1 - (s * target).sum(1)).mean()


def batches(order: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Whole batches of rows, in order; what is left over is left out."""
    for i in range(0, len(order) - size + 1, size):
        yield order[i : i + size]


def train(
    table: np.ndarray, bags: Bags, vectors: np.ndarray, basis: np.ndarray, group: np.ndarray, cluster: np.ndarray, recipe: Recipe, report: Callable[[int, np.ndarray], None] | None = None,
) -> np.ndarray:  # fmt: skip
    """Adam with a linear start and a cosine end; returns the table."""
    import torch
    from torch.nn.functional import normalize

    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(recipe.seed)
    weight = torch.from_numpy(table.copy()).requires_grad_()
    adam = torch.optim.Adam([weight], lr=recipe.rate, betas=(0.9, 0.99), fused=True)
    basis_t = torch.from_numpy(basis)
    total = recipe.epochs * (len(vectors) // recipe.batch)
    step, begun, seen = 0, time.time(), np.zeros(3)
    for epoch in range(recipe.epochs):
        for rows in batches(epoch_order(rng, cluster, group, recipe.chunk), recipe.batch):
            share = step / total
            adam.param_groups[0]["lr"] = recipe.rate * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * share))
            words, starts = bags.texts.take(rows)
            words = misspelt(rng, bags, words, starts, recipe.typos)
            s = normalize(embed(weight, bags, words, starts), dim=1)
            t = torch.from_numpy(vectors[rows].astype(np.float32))
            target = normalize(t @ basis_t.T, dim=1)
            parts = loss_parts(s, t, target, recipe)
            loss = parts[0] + recipe.matrix * parts[1] + recipe.direct * parts[2]
            adam.zero_grad()
            loss.backward()
            adam.step()
            step += 1
            seen = (
                0.98 * seen + 0.02 * np.array([float(p.detach()) for p in parts])
                if step > 1
                else np.array([float(p.detach()) for p in parts])
            )
            if step % 50 == 0 or step == total:
                print(f"  {time.time()-begun:.0f}s epoch {epoch + 1} step {step}/{total} rows {seen[0]:.4f} matrix {seen[1]:.5f} direct {seen[2]:.4f}"
                      f" {step / (time.time() - begun):.1f} steps/s", file=sys.stderr, flush=True)  # fmt: skip
        if report:
            report(epoch + 1, weight.detach().numpy())
    return weight.detach().numpy()
