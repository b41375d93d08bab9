"""all-MiniLM-L6-v2 behind Sentence Transformers and FastAPI, as one writes it in ten minutes: the peer of this suite."""

from __future__ import annotations

import base64
import sys
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer


class Asked(BaseModel):
    model: str
    input: str | list[str]
    encoding_format: str = "float"


app = FastAPI()
model: Any = None


@app.post("/v1/embeddings")
def embeddings(asked: Asked) -> dict[str, Any]:
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    rows = model.encode(texts, show_progress_bar=False).astype("<f4")
    return {
        "object": "list",
        "model": asked.model,
        "data": [
            {
                "object": "embedding",
                "index": place,
                "embedding": base64.b64encode(np.ascontiguousarray(row)).decode()
                if asked.encoding_format == "base64"
                else row.tolist(),
            }
            for place, row in enumerate(rows)
        ],
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }


if __name__ == "__main__":
    folder, port = sys.argv[1:]
    model = SentenceTransformer(folder)
    model.encode(["warm"])
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
