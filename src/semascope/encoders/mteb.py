"""Our encoders as mteb wants them: any recipe runs its benchmarks.

import mteb
from semascope.encoders.mteb import MtebEncoder
mteb.evaluate(MtebEncoder("minilm[1,-1] | mean"), mteb.get_tasks(tasks=["STSBenchmark"]))
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from semascope.encoders.adapters import as_encoder
from semascope.errors import InputError
from semascope.ops import cosine, need, unit, vectors
from semascope.types import Kind, Vectors


class MtebEncoder:
    """An encoder behind mteb's `EncoderProtocol`. Queries are encoded as queries and all else as documents.

    A task's own prompts are not put in front: what an encoder puts there is part of it (see its passport).

    Args:
        encoder: What `semascope.as_encoder` takes: a recipe text, a name, a folder, an encoder. One that has to learn first is
            fitted before: `Encoder("minilm | mean | whiten").fit(texts)`.
        name: What results are filed under, "organisation/model"; made of the encoder's own name where empty.
    """

    def __init__(self, encoder: Any, *, name: str = "") -> None:
        self.encoder = as_encoder(encoder)
        self.name = name or f"semascope/{slug(said(self.encoder))}"

    def __repr__(self) -> str:
        return f"MtebEncoder({self.encoder!r})"

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any = None,
        hf_split: str = "",
        hf_subset: str = "",
        prompt_type: Any = None,
        **how: Any,
    ) -> Vectors:
        """Rows float32 (n, dim) of the texts of batches, in their order.

        Args:
            inputs: Batches, each with a list of str under "text".
            task_metadata: Not looked at.
            hf_split: Not looked at.
            hf_subset: Not looked at.
            prompt_type: mteb's "query" or "document", or None.
            how: Options of encoding; batches are made as suits the model, so that none is looked at.

        Raises:
            InputError: a batch holds no texts.
        """
        del task_metadata, hf_split, hf_subset, how
        texts: list[str] = []
        for place, batch in enumerate(inputs):
            found = batch.get("text")
            if not isinstance(found, list | tuple) or not all(isinstance(text, str) for text in found):
                raise InputError(
                    f"inputs: want a list of str under 'text' in every batch, got {found!r:.60} in {place}"
                )
            texts += found
        return self.encoder.encode(texts, kind=kind_of(prompt_type))

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine of all pairs of rows, a torch tensor float32 (n, m) as mteb wants it; one vector alone counts as one row."""
        return _tensor(cosine(_rows(embeddings1), _rows(embeddings2)))

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine of rows with the same place, a torch tensor float32 (n,)."""
        return _tensor(np.einsum("ij,ij->i", unit(_rows(embeddings1)), unit(_rows(embeddings2))))

    @cached_property
    def mteb_model_meta(self) -> Any:
        """What mteb knows it by: the name, the passport's id as the revision, width and length."""
        return model_meta(self.encoder, self.name)


def model_meta(encoder: Any, name: str, **more: Any) -> Any:
    """What mteb files results under: `ModelMeta` of an encoder.

    Raises:
        MissingExtraError: mteb is not installed.
    """
    meta = need("mteb.models.model_meta", extra="mteb")
    return meta.ModelMeta.create_empty(
        {
            "name": name,
            "revision": encoder.passport.id,
            "embed_dim": int(encoder.dim),
            "max_tokens": getattr(encoder, "max_length", None),
            "similarity_fn_name": meta.ScoringFunction.COSINE,
            "use_instructions": bool(getattr(encoder, "prompts", None)),
            **more,
        }
    )


def kind_of(prompt_type: Any) -> Kind:
    """Ours for mteb's `PromptType`, or None."""
    return "query" if str(getattr(prompt_type, "value", prompt_type)) == "query" else "document"


def said(encoder: Any) -> str:
    """What an encoder is called."""
    return str(getattr(encoder, "recipe", "") or getattr(encoder, "name", "") or encoder.passport.name or "encoder")


def slug(name: str) -> str:
    """As a part of a path: letters, digits, points and dashes."""
    return re.sub(r"[^\w.]+", "-", name).strip("-") or "encoder"


def _tensor(x: Vectors) -> Any:
    return need("torch", extra="mteb").from_numpy(x)


def _rows(x: Any) -> Vectors:
    found = np.asarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x, np.float32)
    return vectors(found[None] if found.ndim == 1 else found, name="embeddings")
