"""Sentence Transformers' StaticEmbedding over the same table, batches of 1,024."""

# /// script
# dependencies = ["sentence-transformers==6.2.0"]
# ///
from __future__ import annotations

from pathlib import Path
from typing import Any

from encode._measure import measure


def load(folder: Path) -> tuple[Any, Any]:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(folder), device="cpu")
    return (lambda texts: model.encode(texts, batch_size=1024, show_progress_bar=False)), model.encode


def versions() -> dict[str, str]:
    import sentence_transformers
    import torch

    return {"sentence-transformers": sentence_transformers.__version__, "torch": str(torch.__version__)}


if __name__ == "__main__":
    measure("sentence-transformers", load, versions)
