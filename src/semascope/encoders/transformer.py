"""Transformer encoders: texts to vectors through a model whose insides can be read, whichever engine does the arithmetic."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import semascope
from semascope.backbones.engine import Engine
from semascope.backbones.tokenizing import Read, TextTokenizer
from semascope.encoders.batching import batches, groups, shrinking
from semascope.encoders.cutting import Cuts, CutTextWarning
from semascope.encoders.head import Head
from semascope.encoders.likelihood import next_tokens
from semascope.encoders.manner import Manner, Origin
from semascope.encoders.reading import learned_digest
from semascope.errors import InputError, OptionError
from semascope.ops import integer, option, vectors
from semascope.ops import texts as checked_texts
from semascope.passport import CANARIES, Passport
from semascope.types import Array, Attention, Kind, Patch, Progress, States, Tokens, Vectors

BLOCK = 4_096  # texts tokenized at once
Layers = Sequence[int] | Literal["all"]


class TransformerEncoder:
    """A transformer, its tokenizer and what makes one vector of its last states.

    `encode` gives vectors, `states` and `stream` what the model saw token by token, `run` what it sees under other attention or
    with patched layers, `generate`, `logits` and `log_likelihood` its words where it has any. Texts go through in
    batches of like length; the order comes back. A text's numbers depend on its batch by rounding alone (1e-5 of their
    scale); with `batch_invariant` every text goes alone and they do not depend on it at all.

    Args:
        engine: Does the arithmetic.
        tokenizer: Text to ids and places.
        head: Pooling and what follows it.
        manner: How texts are read.
        origin: Where it comes from.
        batch_tokens: Tokens in a batch; what suits the engine where None.
        batch_invariant: Give every text the bits that it gets alone, at the cost of speed.
        spare: Opens an engine for what the first cannot do (patches, other attention, words), at first need.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: TextTokenizer,
        *,
        head: Head | None = None,
        manner: Manner | None = None,
        origin: Origin | None = None,
        batch_tokens: int | None = None,
        batch_invariant: bool = False,
        spare: Callable[[], Engine] | None = None,
    ) -> None:
        self.engine = engine
        self.spare = spare
        self.tokenizer = tokenizer
        self.head = head or Head()
        self.manner = manner or Manner()
        self.origin = origin or Origin()
        self.batch_tokens = (
            engine.budget if batch_tokens is None else integer(batch_tokens, name="batch_tokens", least=1)
        )
        self.batch_invariant = batch_invariant

    @property
    def name(self) -> str:
        """What people call it."""
        return self.origin.name

    @property
    def found_as(self) -> str:
        """The name under which `Encoder` finds it, if it does."""
        return self.origin.found_as

    @property
    def max_length(self) -> int | None:
        """Tokens read of a text."""
        return self.manner.max_length

    @property
    def prompts(self) -> dict[str, str]:
        """Text put before documents and queries, by kind, where there is any."""
        said = {kind: self.manner.prompt(kind) for kind in ("document", "query")}
        return {kind: text for kind, text in said.items() if text}

    def __repr__(self) -> str:
        return f"TransformerEncoder({self.name!r}, dim={self.dim}, depth={self.depth}, {self.engine.precision})"

    @cached_property
    def dim(self) -> int:
        """Columns of a vector."""
        return self.head.dim(self.engine.architecture.width)

    @property
    def width(self) -> int:
        """Columns of a hidden state."""
        return self.engine.architecture.width

    @property
    def depth(self) -> int:
        """Blocks; layers are 0 (the embeddings) to depth (the last states)."""
        return self.engine.architecture.depth

    @property
    def causal(self) -> bool:
        """Whether a token usually sees only what stands before it."""
        return self.engine.architecture.causal

    @cached_property
    def inside(self) -> Engine:
        """The engine for patches, other attention and words."""
        return self.engine if self.spare is None else self.spare()

    @property
    def speaks(self) -> bool:
        """Whether it has a head over its vocabulary."""
        return self.inside.speaks

    @property
    def normalize(self) -> bool:
        """Whether its vectors have length one."""
        return self.head.normalize

    @cached_property
    def passport(self) -> Passport:
        """From its files; the canary texts are encoded at first need."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CutTextWarning)
            canaries = self.encode(CANARIES)
        return Passport(
            kind="transformer",
            dim=self.dim,
            weights=self.origin.weights,
            tokenizer=self.tokenizer.digest,
            pooling=str(self.head),
            prompts=self.prompts,
            max_length=self.max_length,
            truncation=self.manner.side if self.max_length else "",
            normalize=self.normalize,
            transforms=tuple(learned_digest(layer) for layer in self.head.layers),
            name=self.name,
            versions={"semascope": semascope.__version__, **self.engine.versions},
            dtype=self.engine.precision,
            device=self.engine.device,
            canaries=canaries,
        )

    def encode(
        self,
        texts: Iterable[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """One row for every text, float32 (n, dim). A text of which no token is left gives a zero row.

        Args:
            texts: A list of str.
            kind: Whose prompt is put in front.
            batch_size: Texts in a batch, in place of the token budget.
            progress: Told after every batch.

        Raises:
            InputError: `texts` is no list of str.
            DeviceMemoryError: not even one text alone fits into the device's memory.
        """
        option(kind, ("document", "query"), name="kind")
        items = checked_texts(texts)
        if batch_size is not None:
            integer(batch_size, name="batch_size", least=1)
        out = np.zeros((len(items), self.dim), dtype=np.float32)
        cut = done = 0
        for start in range(0, len(items), BLOCK):
            read = self._read(items[start : start + BLOCK], kind=kind, spans=False)
            cut += int(np.count_nonzero(read.cut))
            for places, hidden in self._batches(read.tokens, (self.depth,), batch_size=batch_size):
                out[start + places] = self.head(_states(read.tokens.take(places), hidden, (-1,)), read.prompt[places])
                done += len(places)
                if progress is not None:
                    progress(done, len(items))
        self._tell(cut, len(items))
        return out

    def cuts(self, texts: Iterable[str], *, kind: Kind = "document") -> Cuts:
        """What `encode` would not read of texts, and where it would stop. Runs the tokenizer alone."""
        items = checked_texts(texts)
        parts = [self._read(items[i : i + BLOCK], kind=kind, spans=True) for i in range(0, len(items), BLOCK)]
        return Cuts(
            tokens=np.concatenate([np.zeros(0, np.int64), *(part.cut for part in parts)]),
            at=np.concatenate([np.zeros(0, np.int64), *(part.cut_at for part in parts)]),
            characters=np.array([len(text) for text in items], np.int64),
            side=self.manner.side,
            max_length=self.max_length,
        )

    def states(self, texts: Iterable[str], *, layers: Layers = (-1,), kind: Kind = "document") -> States:
        """Token states, ids and character spans of texts, ragged, in their order; (-1, -1) where a token has no place.

        Hidden states are float32 (layers, tokens, d): 0 the embeddings, l the output of block l, -1 or depth the last, after
        the model's final norm. All of them are held at once: `stream` gives them in parts. Raises as `encode` does, and:

        Raises:
            OptionError: there is no such layer.
        """
        option(kind, ("document", "query"), name="kind")
        read = self._read(checked_texts(texts), kind=kind, spans=True)
        self._tell(int(np.count_nonzero(read.cut)), len(read.cut))
        return self.run(read.tokens, layers=layers)

    def stream(
        self,
        texts: Iterable[str],
        *,
        layers: Layers = (-1,),
        kind: Kind = "document",
        texts_at_once: int = 256,
        progress: Progress | None = None,
    ) -> Iterator[States]:
        """`states` of any number of texts, also of a generator's, so many at a time and in their order."""
        integer(texts_at_once, name="texts_at_once", least=1)
        if isinstance(texts, str | bytes):
            raise InputError("texts: want texts one after the other, got one text; write [text]")
        done = 0
        for part in groups(texts, texts_at_once):
            yield self.states(part, layers=layers, kind=kind)
            done += len(part)
            if progress is not None:
                progress(done, None)

    def chunks(
        self, texts: Iterable[str], *, size: int | None = None, overlap: int = 0, late: bool = False, **how: Any
    ) -> Any:
        """Vectors of the pieces of long texts with their character spans; see `semascope.encoders.windows.chunks`."""
        from semascope.encoders.windows import chunks

        return chunks(self, texts, size=size, overlap=overlap, late=late, **how)

    def tokenize(self, texts: Iterable[str], *, special: bool = True) -> Tokens:
        """Ids and character spans without any prompt, cut at `max_length`; with the model's special tokens or without."""
        return self.tokenizer.read(
            checked_texts(texts), special=special, max_length=self.max_length, side=self.manner.side
        ).tokens

    def detokenize(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        return self.tokenizer.decode([int(i) for i in ids])

    def run(
        self,
        tokens: Tokens,
        *,
        layers: Layers = (-1,),
        attention: Attention | None = None,
        patch: Patch | None = None,
    ) -> States:
        """The states of tokens, under the model's own attention or another, with what `patch` makes of every layer.

        Raises:
            OptionError: there is no such layer, or the engine cannot patch or attend like this.
            InputError: an id is not in the vocabulary, or a text is longer than the model's positions.
        """
        wanted = self._layers(layers)
        self._check(tokens)
        out = np.zeros((len(wanted), len(tokens.ids), self.width), dtype=np.float32)
        for places, hidden in self._batches(tokens, wanted, attention=attention, patch=patch):
            rows = tokens.rows(places)
            out[:, rows] = hidden
        return _states(tokens, out, self._named(layers))

    def logits(self, hidden: Array) -> Vectors:
        """What last-layer states (m, d) say of the next token, or of the masked one: float32 (m, vocabulary)."""
        return self.inside.logits(vectors(hidden, dim=self.width, least=0, name="hidden"))

    def log_likelihood(self, tokens: Tokens) -> NDArray[np.float32]:
        """Log p of every token given those before it, float32 (tokens,), in nats; 0 for the first of each text.

        Raises:
            OptionError: the model does not read from left to right.
        """
        if not self.causal:
            raise OptionError(f"{self.name}: want a causal model for the likelihood of a next token, got {self._kind}")
        self._check(tokens)
        out = np.zeros(len(tokens.ids), dtype=np.float32)
        for places, hidden in self._batches(tokens, (self.depth,)):
            out[tokens.rows(places)] = next_tokens(tokens.take(places), hidden[0], self.logits)
        return out

    def generate(
        self, tokens: Tokens, *, most: int, temperature: float = 1.0, top_p: float = 1.0, seed: int = 0
    ) -> Tokens:
        """At most `most` further tokens of each text, sampled (temperature 0: the likeliest); the prompts are left out."""
        self._check(tokens)
        rng = np.random.default_rng(seed)
        rows = self.inside.generate(tokens, most=most, temperature=temperature, top_p=top_p, rng=rng)
        return Tokens.of(rows)

    def save(self, path: Any, *, format: str = "semascope") -> None:  # noqa: A002 - the field's word for it
        """Write as a folder: ours (`Encoder(path)` opens it), or "sentence-transformers"."""
        from semascope.encoders.saved import save

        save(self, path, format=format)

    @property
    def _kind(self) -> str:
        return self.engine.architecture.kind

    def _read(self, items: list[str], *, kind: Kind, spans: bool) -> Read:
        return self.tokenizer.read(
            items, prefix=self.prompts.get(kind, ""), max_length=self.max_length, side=self.manner.side, spans=spans
        )

    def _tell(self, cut: int, count: int) -> None:
        if cut:
            said = f"{cut:,} of {count:,} texts were cut at {self.max_length} tokens: encoder.cuts(texts) says where"
            warnings.warn(said, CutTextWarning, stacklevel=3)

    def _named(self, layers: Layers) -> tuple[int, ...]:
        return tuple(range(self.depth + 1)) if layers == "all" else tuple(int(layer) for layer in layers)

    def _layers(self, layers: Layers) -> tuple[int, ...]:
        if isinstance(layers, str) and layers != "all":
            raise OptionError(f'layers: want layer numbers or "all", got {layers!r}')
        named = self._named(layers)
        wrong = [layer for layer in named if not -self.depth - 1 <= layer <= self.depth]
        if wrong or not named:
            raise OptionError(
                f"layers: want numbers from {-self.depth - 1} to {self.depth} (0 are the embeddings), got {list(named)}"
            )
        return tuple(layer % (self.depth + 1) for layer in named)

    def _check(self, tokens: Tokens) -> None:
        most = self.engine.architecture.longest
        if most is not None and int(tokens.lengths.max(initial=0)) > most:
            raise InputError(f"tokens: want at most {most} in a text for {self.name}, got {int(tokens.lengths.max())}")
        if (
            len(tokens.ids)
            and not 0 <= int(tokens.ids.min()) <= int(tokens.ids.max()) < self.engine.architecture.vocabulary
        ):
            raise InputError(
                f"tokens: want ids below {self.engine.architecture.vocabulary}, got {int(tokens.ids.max())}"
            )

    def _batches(
        self,
        tokens: Tokens,
        layers: tuple[int, ...],
        *,
        batch_size: int | None = None,
        attention: Attention | None = None,
        patch: Patch | None = None,
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Places of texts, and the hidden states (layers, their tokens, d); every text comes in one batch."""
        lengths = tokens.lengths
        if self.batch_invariant:
            parted: Iterable[Array] = np.arange(len(lengths))[:, None]
        elif batch_size is not None:
            order = np.argsort(-lengths, kind="stable")
            parted = (order[i : i + batch_size] for i in range(0, len(order), batch_size))
        else:
            parted = batches(lengths, self.batch_tokens)

        engine = self.engine if patch is None and attention is None else self.inside

        def run(places: Array) -> NDArray[np.float32]:
            part = tokens.take(places)
            return engine.run(part, layers=layers, attention=attention, patch=patch, texts=places)

        for group in parted:
            yield from shrinking(group, run)


def _states(tokens: Tokens, hidden: NDArray[np.float32], layers: tuple[int, ...]) -> States:
    return States(hidden, tokens.offsets, tokens.ids, tokens.spans, layers)


def read_otherwise(encoder: TransformerEncoder, **options: Any) -> TransformerEncoder:
    """The same model with another `head`, `batch_tokens` or `batch_invariant`, or read in another manner (`max_length`, ...)."""
    manners = {f.name for f in fields(Manner)}
    others = ("head", "batch_tokens", "batch_invariant")
    unknown = sorted(set(options) - manners - set(others))
    if unknown:
        raise OptionError(f"options: want some of {', '.join([*sorted(manners), *others])}; got {', '.join(unknown)}")
    manner = replace(encoder.manner, **{name: options[name] for name in manners & set(options)})
    kept = {name: options.get(name, getattr(encoder, name)) for name in others}
    parts = {"manner": manner, "origin": encoder.origin, "spare": encoder.spare}
    return TransformerEncoder(encoder.engine, encoder.tokenizer, **parts, **kept)
