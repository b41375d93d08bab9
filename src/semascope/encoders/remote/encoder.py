"""Any OpenAI-compatible URL as an encoder: OpenAI, TEI, vLLM, llama.cpp, Ollama, LiteLLM and whatever speaks like them."""

from __future__ import annotations

import inspect
import json
import os
import threading
import warnings
import weakref
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import semascope
from semascope.encoders.remote.address import Address
from semascope.encoders.remote.ask import Asker, Usage
from semascope.encoders.remote.cache import Met, RemoteCache
from semascope.encoders.remote.models import only_model
from semascope.encoders.remote.options import KEYS, by_kind, key_for, seconds, types_sent
from semascope.encoders.remote.wire import Endpoint
from semascope.encoders.static import EmptyTextWarning
from semascope.errors import OptionError
from semascope.ops import cache_folder, digest, integer, option
from semascope.ops import texts as checked_texts
from semascope.passport import CANARIES, Passport
from semascope.recipe import Part
from semascope.types import Kind, Progress, Vectors

NETWORK = "SEMASCOPE_NETWORK"
_BLOCK = 8_192  # texts looked up in the cache at once
# What recipe text may say. It may come from somebody else's folder, so it never names keys or allows the network.
_WRITTEN = ("model", "dimensions", "prompts", "input_type", "max_characters", "batch_size", "known_as")


class RemoteEncoder:
    """Asks a server for vectors: in batches, several at a time, tried again where that may help, never twice for one text.

    Nothing is sent before the first need. That first costs one request more, for the canary texts: they tell whether the
    model is the one whose vectors are in the cache. Vectors come as the server gives them, in float32; a text
    without a character but white space is never sent and gets a zero row. Lone surrogates are sent as U+FFFD. Safe to use
    from several threads.

    Which key is sent: `key`; else what stands in the environment variable `key_name`; else in the one that
    $SEMASCOPE_REMOTE_KEYS names for this host ("api.example.org=EXAMPLE_KEY,localhost:8080=OTHER"); else $OPENAI_API_KEY, to
    https://api.openai.com only. It is never shown, pickled or cached.

    Args:
        url: The base of its routes, such as http://localhost:8080/v1.
        model: Its name there.
        key: What the server wants to be sent as a bearer token.
        key_name: The environment variable that holds the key.
        dimensions: Columns to ask for, of a model that can be cut.
        prompts: Text put before queries and documents, by kind.
        input_type: Whether to send the kind as `input_type`, as some servers have it; or what to send, by kind.
        max_characters: Characters sent of a text; None sends all, and the server refuses or cuts what is too long for it.
        batch_size: The most texts of one request.
        batch_bytes: About the most bytes of one request.
        concurrency: Requests under way at the same time.
        timeout: Seconds for connecting and for each answer.
        retries: How often one request is repeated after a time-out, a cut connection, 429 or 5xx.
        wait: Seconds before the first repetition; each further one doubles them (30 at most), unless the server says how long.
        cache: The folder of cached vectors; None is `remote` in the cache folder, False keeps none.
        cache_bytes: How large the cache may grow; the oldest vectors go first.
        encoding: How to ask for vectors, "base64" or "float"; whichever comes is read.
        network: Whether other machines than this one may be reached; as $SEMASCOPE_NETWORK says (1 allows it) where None.
        known_as: What stands in the passport for address and model, where one model has several addresses.

    Raises:
        OptionError: the URL or another option cannot be used, or the network is not allowed.
    """

    def __init__(  # noqa: PLR0913 - what servers differ in, each by name
        self,
        url: str,
        *,
        model: str,
        key: str | None = None,
        key_name: str | None = None,
        dimensions: int | None = None,
        prompts: Mapping[str, str] | None = None,
        input_type: bool | Mapping[str, str] = False,
        max_characters: int | None = None,
        batch_size: int = 64,
        batch_bytes: int = 400_000,
        concurrency: int = 4,
        timeout: float = 60.0,
        retries: int = 6,
        wait: float = 0.5,
        cache: Path | str | bool | None = None,
        cache_bytes: int = 2 * 10**9,
        encoding: str = "base64",
        network: bool | None = None,
        known_as: str = "",
    ) -> None:
        self.address = Address.read(url)
        if not isinstance(model, str) or not model.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"model: want the name of a model, got {model!r}")
        self.model = model
        self.key_name = key_name
        self.dimensions = None if dimensions is None else integer(dimensions, name="dimensions", least=1)
        self.prompts = by_kind(prompts or {}, "prompts")
        self.input_type = by_kind(types_sent(input_type), "input_type")
        self.max_characters = (
            None if max_characters is None else integer(max_characters, name="max_characters", least=1)
        )
        self.batch_size = integer(batch_size, name="batch_size", least=1)
        self.batch_bytes = integer(batch_bytes, name="batch_bytes", least=1)
        self.concurrency = integer(concurrency, name="concurrency", least=1, most=256)
        self.timeout = seconds(timeout, "timeout", least=0.001)
        self.retries = integer(retries, name="retries", least=0)
        self.wait = seconds(wait, "wait", least=0.0)
        self.cache = cache
        self.cache_bytes = integer(cache_bytes, name="cache_bytes", least=100_000)
        self.encoding = option(encoding, ("base64", "float"), name="encoding")
        self.network = network
        self.known_as = known_as
        self._allow()
        self._start(key_for(self.address, key, key_name))

    def _start(self, key: str | None) -> None:
        endpoint = Endpoint(self.address, key, timeout=self.timeout, retries=self.retries, wait=self.wait)
        fields: dict[str, Any] = {"model": self.model}
        if self.dimensions:
            fields["dimensions"] = self.dimensions
        self._asker = Asker(
            endpoint, fields, self.input_type, encoding=self.encoding, concurrency=self.concurrency,
            most_texts=self.batch_size, most_bytes=self.batch_bytes,
        )  # fmt: skip
        place = cache_folder() / "remote" if self.cache is None or self.cache is True else self.cache
        self._cache = None if place is False else RemoteCache(Path(str(place)), most_bytes=self.cache_bytes)
        self._lock = threading.RLock()
        self._met: Met | None = None
        self._cached = 0
        self._finalizer = weakref.finalize(self, _close, endpoint, self._cache)

    def _allow(self) -> None:
        allowed = os.environ.get(NETWORK) == "1" if self.network is None else self.network
        if not (self.address.loopback or allowed):
            raise OptionError(
                f"url: want an address of this machine (localhost), got {self.address.base}: nothing is sent over the network "
                f"unless it is allowed, with network=True or {NETWORK}=1"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._allow()
        self._start(key_for(self.address, None, self.key_name))  # a key given in person does not travel

    def __repr__(self) -> str:
        return f"RemoteEncoder({self.address.base!r}, model={self.model!r})"

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model

    @property
    def recipe(self) -> str:
        """Recipe text that `Encoder` opens; no key is in it, and no leave to use the network."""
        said = {
            "model": self.model,
            "dimensions": self.dimensions,
            "prompts": self.prompts,
            "input_type": self.input_type,
            "max_characters": self.max_characters,
            "known_as": self.known_as,
        }
        return str(Part(self.address.base, options={name: value for name, value in said.items() if value}))

    @property
    def found_as(self) -> str:
        """The name under which `Encoder` finds it."""
        return self.recipe

    @property
    def identity(self) -> str:
        """What stands in the passport for the weights, which nobody here can see: address, model, and how it is asked."""
        said = self.known_as or f"{self.address.identity} {self.model}"
        said += f" dimensions={self.dimensions}" if self.dimensions else ""
        said += f" input_type={json.dumps(self.input_type, sort_keys=True)}" if self.input_type else ""
        return said + (f" max_characters={self.max_characters}" if self.max_characters else "")

    @property
    def usage(self) -> Usage:
        """What it has cost so far."""
        asker = self._asker
        wire = asker.endpoint
        return Usage(wire.requests, wire.retries, asker.tokens, asker.characters, self._cached)

    @property
    def dim(self) -> int:
        """Columns of a vector; asks the server at first."""
        return int(self._meet().canaries.shape[1])

    @property
    def normalize(self) -> bool:
        """Whether its vectors have length one; asks the server at first."""
        return bool(np.allclose(np.linalg.norm(self._meet().canaries.astype(np.float64), axis=1), 1, atol=1e-3))

    @property
    def passport(self) -> Passport:
        """Kind "remote": known by address and model, and by its canaries' vectors; asks the server at first."""
        canaries = self._meet().canaries
        return Passport(
            kind="remote",
            dim=canaries.shape[1],
            weights=self.identity,
            prompts=self.prompts,
            normalize=self.normalize,
            truncation="right" if self.max_characters else "",
            name=self.model,
            versions={"semascope": semascope.__version__, "numpy": np.__version__},
            device=self.address.authority,
            canaries=canaries,
        )

    def close(self) -> None:
        """Close connections and cache; the next call opens them again."""
        _close(self._asker.endpoint, self._cache)

    def encode(
        self,
        texts: Iterable[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """One row for every text, float32 (n, dim).

        Args:
            texts: Any iterable of str. Blank ones get zero rows, and one warning a call says how many there are.
            kind: Decides prompt and input type.
            batch_size: The most texts of one request.
            progress: Called with (done, total) as answers come.

        Raises:
            InputError: `texts` is one bare string, or holds something else than str.
            AccessError: no key, a wrong one, or no quota.
            AnswerError: what comes back is not one vector for each text.
            RemoteError: the server cannot be reached, keeps failing, or refuses a text; the text is named.
        """
        option(kind, ("document", "query"), name="kind")
        items = checked_texts(texts)
        size = self.batch_size if batch_size is None else integer(batch_size, name="batch_size", least=1)
        met = self._meet()
        out = np.zeros((len(items), met.canaries.shape[1]), dtype=np.float32)
        empty: list[int] = []
        for start in range(0, len(items), _BLOCK):
            end, done = min(start + _BLOCK, len(items)), start
            same: dict[str, list[int]] = {}
            for place in range(start, end):
                sent = self._sent(items[place], kind)
                if sent is None:
                    empty.append(place)
                else:
                    same.setdefault(sent, []).append(place)
            for places, rows in self._rows(same, kind, met, size):
                for row, mine in zip(rows, places, strict=True):
                    out[mine] = row
                    done += len(mine)
                if progress is not None:
                    progress(done, len(items))
            if progress is not None and done < end:
                progress(end, len(items))
        if empty:
            warnings.warn(
                f"{len(empty)} of {len(items)} texts are blank (the first at {empty[0]}) and not sent: their rows are zero",
                EmptyTextWarning,
                stacklevel=2,
            )
        return out

    def _sent(self, text: str, kind: Kind) -> str | None:
        """What is sent of a text; None where there is nothing to send."""
        text = text[: self.max_characters]
        if not text or text.isspace():
            return None
        if not text.isascii():  # pairs of surrogates become letters, lone ones the sign for what cannot be read
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return self.prompts.get(kind, "") + text

    def _rows(
        self, same: Mapping[str, list[int]], kind: Kind, met: Met, size: int
    ) -> Generator[tuple[list[list[int]], Vectors]]:
        """The rows of texts that differ, each with the places it belongs to: known ones first, then as answers come."""
        wanted = list(same)
        places = [same[text] for text in wanted]
        found = self._known(wanted, kind, met)
        here = [number for number, row in enumerate(found) if row is not None]
        with self._lock:
            self._cached += sum(map(len, places)) - (len(wanted) - len(here))
        if here:
            yield [places[number] for number in here], np.stack([row for row in found if row is not None])
        missing = [number for number, row in enumerate(found) if row is None]
        texts = [wanted[number] for number in missing]
        where = [places[number][0] for number in missing]
        for part, rows in self._asker.ask(texts, where, kind, size, met.canaries.shape[1]):
            if self._cache is not None and met.state is not None:
                keys = [self._key_of(text, kind) for text in texts[part]]
                self._cache.put(met.state, dict(zip(keys, rows, strict=True)))
            yield [places[number] for number in missing[part]], rows

    def _known(self, wanted: Sequence[str], kind: Kind, met: Met) -> list[Vectors | None]:
        """Rows that need not be asked for. The canaries' are never from the cache: whoever asks wants them as they are now."""
        live: dict[str, Vectors] = {}
        if kind == "document":
            live = dict(zip([self._sent(text, kind) or "" for text in CANARIES], met.live, strict=True))
        if self._cache is None or met.state is None:
            return [live.get(text) for text in wanted]
        keys = [self._key_of(text, kind) for text in wanted]
        kept = self._cache.get(met.state, keys, met.canaries.shape[1])
        return [live.get(text, kept.get(key)) for text, key in zip(wanted, keys, strict=True)]

    def _key_of(self, sent: str, kind: Kind) -> bytes:
        return bytes.fromhex(digest(self.identity, self.input_type.get(kind, ""), sent))

    # Meeting the model

    def _meet(self) -> Met:
        """The model behind the URL, asked for once: its canaries, and whether the cache knows it."""
        with self._lock:
            if self._met is None:
                texts = [self._sent(text, "document") or "" for text in CANARIES]
                live = self._asker.ask_plainly(texts, "document", self.dimensions)
                name = digest(self.identity, json.dumps(self.prompts, sort_keys=True))
                what = f"{self.address.base}: {self.model!r}"
                self._met = Met(live, live, None) if self._cache is None else self._cache.meet(name, what, live)
            return self._met


def remote(url: str, **options: Any) -> RemoteEncoder:
    """The encoder behind a URL; options as `RemoteEncoder` has them. A server of this machine is asked for its model, if it has one.

    Raises:
        OptionError: an option that it does not have; says which there are.
    """
    known = [name for name in inspect.signature(RemoteEncoder.__init__).parameters if name not in ("self", "url")]
    _refuse_others(options, known, "")
    if "model" not in options:
        key = key_for(Address.read(url), options.get("key"), options.get("key_name"))
        options = {**options, "model": only_model(url, key)}
    return RemoteEncoder(url, **options)


def remote_from_recipe(url: str, options: Mapping[str, Any], *, network: bool | None = None) -> RemoteEncoder:
    """The encoder behind a URL as recipe text has it: `"http://localhost:8080/v1"(model="bge")`.

    Recipe text may have come from somebody else, with a Space for example, so it can neither name keys nor allow the network.

    Args:
        url: The base URL.
        options: What stands in the text.
        network: Whether other machines may be reached, as whoever opens it says.

    Raises:
        OptionError: an option that recipe text cannot give; says where it is given instead.
    """
    where = f". Keys and the network are the environment's: {KEYS}=host=VARIABLE names a key's variable, {NETWORK}=1 allows it"
    _refuse_others(options, _WRITTEN, where)
    if "model" not in options:
        options = {**options, "model": only_model(url, key_for(Address.read(url), None, None))}
    return RemoteEncoder(url, **options, network=network)


def _refuse_others(options: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in options:
        if name not in known:
            raise OptionError(f"{name}: a remote encoder takes {', '.join(known)} here{where}")


def _close(endpoint: Endpoint, cache: RemoteCache | None) -> None:
    endpoint.close()
    if cache is not None:
        cache.close()
