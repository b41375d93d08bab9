"""model2vec's StaticModel over the same table, its own batch size (1,024)."""

# /// script
# dependencies = ["model2vec==0.10.0"]
# ///
from __future__ import annotations

from pathlib import Path
from typing import Any

from encode._measure import measure


def load(folder: Path) -> tuple[Any, Any]:
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder)
    # Its worker processes would hide their time from the clock of this one.
    return (lambda texts: model.encode(texts, use_multiprocessing=False)), model.encode


def versions() -> dict[str, str]:
    import model2vec

    return {"model2vec": model2vec.__version__}


if __name__ == "__main__":
    measure("model2vec", load, versions)
