"""A Space as mteb searches: its retrieval and reranking tasks run over our index, by meaning, by words or by both.

import mteb
from semascope.space.mteb import MtebSearch
with MtebSearch("minilm", mode="hybrid") as search:
    mteb.evaluate(search, mteb.get_tasks(tasks=["NFCorpus"]))
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from semascope.corpus import Document
from semascope.encoders.mteb import model_meta, said, slug
from semascope.errors import InputError
from semascope.ops import option
from semascope.space.meaning import as_encoder
from semascope.space.search import MODES, Mode
from semascope.space.space import Space


class MtebSearch:
    """A Space behind mteb's `SearchProtocol`. Each corpus that a task brings becomes a Space in a temporary folder.

    Args:
        encoder: An encoder, its name, recipe text or folder; or a finished `Space`, whose documents must be the task's.
        mode: As for `Space.search`: "hybrid", "dense", "lexical" or "exact".
        weight: How much words count in a hybrid search.
        name: What results are filed under, "organisation/model".
    """

    def __init__(self, encoder: Any, *, mode: Mode = "hybrid", weight: float = 0.5, name: str = "") -> None:
        option(mode, MODES, name="mode")
        self._given = encoder if isinstance(encoder, Space) else None
        self.encoder = as_encoder(encoder) if self._given is None else self._given.encoder()
        self.mode: Mode = mode
        self.weight = weight
        self.name = name or f"semascope/{slug(said(self.encoder))}-{mode}"
        self._space: Space | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the corpus, and delete the folder it was kept in. A Space that was given stays as it is."""
        if self._space is not None and self._space is not self._given:
            self._space.close()
        self._space = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def index(
        self,
        corpus: Any,
        *,
        task_metadata: Any = None,
        hf_split: str = "",
        hf_subset: str = "",
        encode_kwargs: Any = None,
        num_proc: int | None = None,
        **how: Any,
    ) -> None:
        """Make a Space of a corpus with "id", "text" and maybe "title"; the one before it is forgotten.

        Args:
            corpus: Rows, a `datasets.Dataset`. A document without any text cannot be found and is passed over.
            task_metadata: Not looked at.
            hf_split: Not looked at.
            hf_subset: Not looked at.
            encode_kwargs: Not looked at.
            num_proc: Not looked at.
            how: Not looked at.

        Raises:
            InputError: a Space was given, and its documents are not these.
        """
        del task_metadata, hf_split, hf_subset, encode_kwargs, num_proc, how
        self.close()
        if self._given is not None:
            wanted = {str(row["id"]) for row in corpus}
            missing = wanted - self._given.present(wanted)
            if missing:
                raise InputError(
                    f"encoder: want a Space with the documents of the task, got one without {len(missing):,} of them, such as {min(missing)}"
                )
            self._space = self._given
            return
        self._folder = tempfile.TemporaryDirectory(prefix="semascope-mteb-", ignore_cleanup_errors=True)
        self._space = Space.build(list(_documents(corpus)), self.encoder, Path(self._folder.name) / "task.space")

    def search(
        self,
        queries: Any,
        *,
        task_metadata: Any = None,
        hf_split: str = "",
        hf_subset: str = "",
        top_k: int,
        encode_kwargs: Any = None,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        num_proc: int | None = None,
        **how: Any,
    ) -> dict[str, dict[str, float]]:
        """Query id -> document id -> score of the best documents of each query.

        Args:
            queries: Rows with "id", "text" (a str, or a conversation) and maybe "instruction".
            task_metadata: Not looked at.
            hf_split: Not looked at.
            hf_subset: Not looked at.
            top_k: Documents of each query.
            encode_kwargs: Not looked at.
            top_ranked: Query id -> documents to rank, where not all are.
            num_proc: Not looked at.
            how: Not looked at.

        Raises:
            InputError: nothing was indexed.
        """
        del task_metadata, hf_split, hf_subset, encode_kwargs, num_proc, how
        if self._space is None:
            raise InputError("search: want `index` called with a corpus first, got nothing to search")
        found: dict[str, dict[str, float]] = {}
        for row in queries:
            name = str(row["id"])
            text = query_text(row["text"], row.get("instruction"))
            # Of given documents every one is ranked: words alone would leave out those without a word of the query.
            within = None if top_ranked is None else [str(document) for document in top_ranked.get(name, ())]
            if not text.strip() or (within is not None and not within):
                found[name] = {}
                continue
            mode = "exact" if within is not None else self.mode
            k = top_k if within is None else min(top_k, len(within))
            hits = self._space.search(text, k, mode=mode, weight=self.weight, within=within)
            found[name] = {hit.id: float(hit.score) for hit in hits}
        return found

    @cached_property
    def mteb_model_meta(self) -> Any:
        """What mteb knows it by: the encoder's, and how it is searched."""
        settings = {"mode": self.mode, **({"weight": self.weight} if self.mode == "hybrid" else {})}
        return model_meta(self.encoder, self.name, experiment_kwargs=settings)


def query_text(text: Any, instruction: str | None = None) -> str:
    """A query as one text: a conversation's turns one after the other, an instruction behind a plain query and before a conversation.

    Args:
        text: A str, or a list of str or of {"role", "content"}.
        instruction: Or None.
    """
    if isinstance(text, str):
        return f"{text} {instruction}" if instruction else text
    turns = [turn if isinstance(turn, str) else f"{turn['role']}: {turn['content']}" for turn in text]
    return "; ".join(turns) if instruction is None else f"{instruction} {'; '.join(turns)}"


def _documents(corpus: Any) -> Iterator[Document]:
    for row in corpus:
        title, text = str(row.get("title") or ""), str(row["text"] or "")
        if text.strip() or title.strip():
            yield Document(str(row["id"]), text if text.strip() else title, title if text.strip() else "")
