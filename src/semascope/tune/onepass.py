"""One pass over a model: every layer, pooled in every way while it is at hand; token states are never kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.encoders.reading import kind_for, normalizes
from semascope.encoders.transformer import TransformerEncoder
from semascope.errors import InputError
from semascope.ops import digest, guarded, unit, whole
from semascope.tune.recipes import Reading, layers_read
from semascope.types import Array, Kind, Progress, Vectors

POOLINGS = ("mean", "weighted", "first", "last", "max")
BLOCK = 1_024  # texts of one file of the cache: what a killed run loses at most
CACHED = 4_000_000_000  # bytes that the cache may hold once a run has ended
_HASH = re.compile(r"[0-9a-f]{64}")
_STATES = 128  # texts whose states a reader of another kind is asked for at once


@dataclass(frozen=True, eq=False)
class Rows:
    """What one pass left of texts: a row for every text, layer and pooling, and the encoder's own vectors.

    Args:
        place: Row of each text, by kind and text.
        own: The encoder's vectors, parts of float32 (n, d).
        pooled: Parts of float32 (poolings, layers, n, width), as the parts of `own`; empty where there are no layers.
        layers: Which layers those are, from 0, in order.
        depth: Blocks of the model; 0 where there are no layers.
        normalize: Whether rows are scaled to length one after pooling, as the encoder does it.
        cut: Texts that are longer than the model reads.
        seconds: What the pass took, without what came from the cache.
        fresh: Texts that went through the model in it.
    """

    place: Mapping[tuple[str, str], int]
    own: Sequence[Array]
    pooled: Sequence[Array] = ()
    layers: tuple[int, ...] = ()
    depth: int = 0
    normalize: bool = True
    cut: int = 0
    seconds: float = 0.0
    fresh: int = 0
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])

    def __len__(self) -> int:
        return len(self.place)

    @property
    def widths(self) -> tuple[int, ...]:
        """Columns of the encoder's own vectors, and of its pooled states where there are any."""
        return (int(self.own[0].shape[1]), *(int(part.shape[-1]) for part in self.pooled[:1]))

    @property
    def poolings(self) -> tuple[str, ...]:
        """Those that there are rows of."""
        return POOLINGS if self.pooled else ()

    def places(self, texts: Sequence[str], kind: Kind) -> NDArray[np.int64]:
        """Rows of texts, (m,)."""
        kind_ = self.kinds.get(kind, kind)
        return np.array([self.place[kind_, text] for text in texts], np.int64)

    def base(self, reading: Reading) -> Vectors:
        """A row for every text, float32 (n, d): what a recipe with this reading gives its transforms."""
        if reading.own:
            return np.concatenate(self.own)
        pooling = POOLINGS.index(reading.pooling)
        at = [self.layers.index(layer % (self.depth + 1)) for layer in reading.layers]
        x = sum(np.concatenate([part[pooling, one] for part in self.pooled]) for one in at)
        x = np.asarray(x if len(at) == 1 else x / np.float32(len(at)), np.float32)
        return unit(x) if self.normalize else x


def pool(hidden: Array, offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Every pooling of every layer of some texts: hidden (layers, tokens, d) to float32 (poolings, layers, n, d).

    As `semascope.pooling` does it one by one, to the rounding of float32; a text without tokens gives zero rows. Texts of
    one length that stand side by side, as they do in a batch, are pooled together.
    """
    lengths = np.diff(offsets).tolist()
    out = np.zeros((len(POOLINGS), len(hidden), len(lengths), hidden.shape[-1]), np.float32)
    text = 0
    for length, run in groupby(lengths):
        many = sum(1 for _ in run)
        if length:
            start = int(offsets[text])
            block = hidden[:, start : start + many * length].reshape(len(hidden), many, length, -1)
            into = out[:, :, text : text + many]
            rising = np.arange(1, length + 1, dtype=np.float64)
            weights = np.stack([np.full(length, 1 / length), rising / rising.sum()]).astype(np.float32)
            into[:2] = np.matmul(weights, block).transpose(2, 0, 1, 3)
            into[2], into[3] = block[:, :, 0], block[:, :, -1]
            block.max(axis=2, out=into[4])
        text += many
    return out


def kinds_of(encoder: Any) -> dict[str, str]:
    """Which kinds of text an encoder reads alike: each kind, and the one it stands for."""
    prompts: Mapping[str, str] | None = getattr(encoder, "prompts", None)
    same = prompts is not None and prompts.get("document", "") == prompts.get("query", "")
    same = same or type(encoder).__name__ == "StaticEncoder"
    return {"document": "document", "query": "document" if same else "query"}


def read(
    encoder: Any,
    texts: Mapping[Kind, Sequence[str]],
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Rows:
    """Run a model once over every different text, and keep what every layer and pooling makes of it.

    Args:
        encoder: Any encoder; one that gives token states is read layer by layer.
        texts: By kind; repeats are read once.
        cache: Folder where every thousand texts are kept as soon as they are read, by what made them; a killed run goes on there. Nothing is kept of
            a function, of which only the name is known.
        progress: Told after every batch.

    Raises:
        InputError: there is no text.
    """
    kinds = kinds_of(encoder)
    wanted: dict[Kind, dict[str, None]] = {}
    for kind, some in texts.items():
        wanted.setdefault(_kind(kinds[kind]), {}).update(dict.fromkeys(some))
    blocks: list[tuple[Kind, list[str]]] = [
        (kind, names[at : at + BLOCK])
        for kind, found in wanted.items()
        for names in [sorted(found, key=lambda text: (len(text), text))]
        for at in range(0, len(names), BLOCK)
    ]
    if not blocks:
        raise InputError("texts: want at least one to read, got none")
    total, done, cut, fresh = sum(len(part) for _, part in blocks), 0, 0, 0
    seconds = 0.0
    own: list[Array] = []
    pooled: list[Array] = []
    reader = _Pass(encoder)
    key = "" if cache is None else reader.key()
    folder = cache / key if cache is not None and key else None
    for kind, part in blocks:
        file = None if folder is None else folder / f"{digest(kind, *part)[:24]}.npz"
        found = _kept(file, reader.deep)
        if found is None:
            told = None if progress is None else _onward(progress, done, total)
            found = reader.block(part, kind, told)
            seconds, fresh = seconds + reader.seconds, fresh + len(part)
            if file is not None:
                _keep(file, found)
                found = _kept(file, reader.deep) or found
        own.append(found["own"])
        if "pooled" in found:
            pooled.append(found["pooled"])
        cut += int(found["cut"])
        done += len(part)
        if progress is not None:
            progress(done, total)
    if cache is not None and folder is not None and fresh:
        trim(cache)
    place = {(kind, text): row for row, (kind, text) in enumerate((k, text) for k, part in blocks for text in part)}
    return Rows(place, own, pooled, reader.layers, reader.depth, normalizes(encoder), cut, seconds, fresh, kinds)


def _kind(kind: str) -> Kind:
    return "query" if kind == "query" else "document"


def _onward(progress: Progress, done: int, total: int) -> Progress:
    def told(here: int, _: int | None) -> None:
        progress(done + here, total)

    return told


class _Pass:
    """Reads blocks of texts with one encoder."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder
        self.deep = isinstance(encoder, TransformerEncoder) or (
            hasattr(encoder, "states") and hasattr(encoder, "depth")
        )
        self.depth = int(encoder.depth) if self.deep else 0
        self.layers = layers_read(self.depth) if self.deep else ()
        self.seconds = 0.0

    def key(self) -> str:
        """A name for what makes the rows: the encoder's identity, its canaries, what computes, and what is read.

        "" where nothing says what made them: of a function only its name is known, and another one may bear it.
        """
        passport = self.encoder.passport
        if passport.kind in ("callable", "unknown") and not _HASH.fullmatch(passport.weights):
            return ""
        versions = [f"{name} {version}" for name, version in sorted(passport.versions.items()) if name != "semascope"]
        read = str(self.layers), str(POOLINGS), "2"
        made = digest(passport.id, passport.dtype, passport.device, *versions, passport.canaries, *read)
        return f"{passport.id}-{made[:12]}"

    def block(self, texts: Sequence[str], kind: Kind, progress: Progress | None) -> dict[str, Array]:
        """What is kept of some texts."""
        from time import perf_counter

        began = perf_counter()
        if isinstance(self.encoder, TransformerEncoder):
            found = self._transformer(self.encoder, texts, kind, progress)
        else:
            found = {"own": self.encoder.encode(list(texts), kind=kind), "cut": np.array(0)}
            if self.deep:
                found["pooled"] = np.concatenate(list(self._states(texts, kind)), axis=2)
        self.seconds = perf_counter() - began
        return found

    def _transformer(
        self, encoder: TransformerEncoder, texts: Sequence[str], kind: Kind, progress: Progress | None
    ) -> dict[str, Array]:
        shown = encoder.read(texts, kind=kind)
        own = np.zeros((len(texts), encoder.dim), np.float32)
        out = np.zeros((len(POOLINGS), len(self.layers), len(texts), encoder.width), np.float32)
        done = 0
        for places, hidden in encoder.in_batches(shown.tokens, self.layers):
            tokens = shown.tokens.take(places)
            out[:, :, places] = pool(hidden, tokens.offsets)
            own[places] = encoder.pooled(tokens, hidden[-1:], shown.prompt[places])
            done += len(places)
            if progress is not None:
                progress(done, len(texts))
        return {"own": own, "pooled": out, "cut": np.array(np.count_nonzero(shown.cut))}

    def _states(self, texts: Sequence[str], kind: Kind) -> Iterator[Array]:
        told = kind_for(self.encoder, kind)
        for start in range(0, len(texts), _STATES):
            states = self.encoder.states(list(texts[start : start + _STATES]), layers=self.layers, **told)
            yield pool(states.hidden, states.offsets)


def _keep(file: Path, found: Mapping[str, Array]) -> None:
    """Each array as a file of its own, so that it can be mapped."""
    with guarded(f"write {file.parent}"):
        file.parent.mkdir(parents=True, exist_ok=True)
    for name in ("pooled", "cut", "own"):
        if name in found:
            with whole(file.with_suffix(f".{name}.npy")) as out:
                np.save(out, found[name])


def trim(cache: Path, most: int = CACHED) -> None:
    """Remove what was not used for longest until the folder holds at most so many bytes."""
    with guarded(f"tidy {cache}"):
        files = [(one.stat().st_mtime, one.stat().st_size, one) for one in cache.glob("*/*.npy")]
        left = sum(size for _, size, _ in files)
        for _, size, one in sorted(files):
            if left <= most:
                return
            one.unlink(missing_ok=True)
            left -= size


def _kept(file: Path | None, deep: bool) -> dict[str, Array] | None:
    """What was kept of a block, or None where any of it is missing; says to `trim` that it was used."""
    names = ("own", "cut", "pooled") if deep else ("own", "cut")
    paths = {} if file is None else {name: file.with_suffix(f".{name}.npy") for name in names}
    if not paths or not all(path.is_file() for path in paths.values()):
        return None
    with suppress(OSError):  # a cache that can only be read serves too
        for path in paths.values():
            path.touch()
    return {name: np.load(path, mmap_mode=None if name == "cut" else "r") for name, path in paths.items()}
