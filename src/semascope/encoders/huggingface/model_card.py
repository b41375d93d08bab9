"""The model card of an encoder that is written for other libraries: what it is, and what made it."""

from __future__ import annotations

from typing import Any

import semascope
from semascope.passport import Passport

_FRONT = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- sentence-similarity
- feature-extraction
- semascope
---
"""


def model_card(encoder: Any) -> str:
    """README.md of a Sentence Transformers folder."""
    passport: Passport = encoder.passport
    name = str(getattr(encoder, "name", "") or passport.name)
    length = "of length one" if passport.normalize else "of any length"
    limit = "all of a text" if passport.max_length is None else f"{passport.max_length} tokens of a text"
    prompts = ", ".join(f"{kind} {text!r}" for kind, text in sorted(passport.prompts.items()) if text) or "none"
    rows = {
        "Recipe": f"`{getattr(encoder, 'recipe', name)}`",
        "Vectors": f"{passport.dim} numbers, {length}",
        "Reads": limit,
        "Pooling": passport.pooling or "none",
        "Prompts": prompts,
        "Weights (sha256)": f"`{passport.weights[:16]}`",
        "Tokenizer (sha256)": f"`{passport.tokenizer[:16]}`",
        "Passport": f"`{passport.id}`",
        "Written by": f"semascope {semascope.__version__}",
    }
    table = "\n".join(f"| {key} | {_cell(value)} |" for key, value in rows.items())
    return (
        f"{_FRONT}# {name}\n\nA sentence encoder, written by Semascope from its own encoder of this passport.\n\n"
        f"| | |\n| --- | --- |\n{table}\n\n"
        "```python\nfrom sentence_transformers import SentenceTransformer\n\n"
        'model = SentenceTransformer("FOLDER")\n'
        'queries = model.encode_query(["..."])\ndocuments = model.encode_document(["..."])\n```\n\n'
        "Its files keep the licences under which they came.\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "\\n")
