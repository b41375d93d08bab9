"""Models by their hub name: from the Hugging Face cache on this disk, or fetched where the network is allowed."""

from __future__ import annotations

import errno
import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

from semascope.backbones.weights import INDEX, SINGLE
from semascope.encoders.huggingface import read_folder
from semascope.encoders.huggingface.modules import read_modules
from semascope.errors import (
    AccessError,
    CorruptError,
    FullError,
    OptionError,
    ReadOnlyError,
    RemoteError,
    SemascopeError,
    UnknownNameError,
)
from semascope.ops import need

# Data alone: never code (*.py), never pickles (*.bin, *.pt), never other programs' copies of the weights.
WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
UNWANTED = ("onnx/*", "openvino/*", "*.bin", "*.py", "optimizer*", "checkpoint-*/*")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# What decides a vector; of the repository's files those that must be there before a copy of it counts as whole.
_DECIDING = re.compile(
    r"(modules|config|config_sentence_transformers|sentence_[\w-]+_config|tokenizer|tokenizer_config|special_tokens_map"
    r"|model\.safetensors\.index)\.json|model(-\d+-of-\d+)?\.safetensors"
)
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt")


class UnsureCacheWarning(UserWarning):
    """A copy in the cache may lack files that the model has on the hub."""


def cache_folder() -> Path:
    """Where the Hugging Face libraries keep what they fetched, as their environment variables say."""
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if named:
        return _place(named)
    home = os.environ.get("HF_HOME")
    if home:
        return _place(home) / "hub"
    return _place(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def _place(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser()


def fetch(name: str, *, network: bool = False, revision: str | None = None) -> Path:
    """The folder of a model by its hub name, such as "sentence-transformers/all-mpnet-base-v2".

    A whole copy in the cache is taken as it is, without any network call. Else, where the network is allowed, its
    configuration, tokenizer and safetensors files are fetched into that cache. Where that was cut off, the files that came
    whole are kept, and calling again fetches the others.

    Args:
        name: As on the hub.
        network: Whether it may be fetched.
        revision: A branch, tag or commit; its main branch where None.

    Raises:
        UnknownNameError: it is not in the cache and the network is not allowed; or the hub has no such model or revision.
        OptionError: it has no weights as safetensors; pickled ones are never fetched.
        MissingExtraError: huggingface_hub is not installed.
        RemoteError: the hub cannot be reached, or broke off. AccessError: it wants a key.
        StoreError: the cache cannot be written to.
    """
    if not _NAME.fullmatch(name) or ".." in name or "--" in name:
        raise UnknownNameError(f"encoder: want a hub name such as 'intfloat/e5-small-v2', got {name!r}")
    wanted = revision or "main"
    if ".." in wanted or not re.fullmatch(r"[\w./-]+", wanted):
        raise OptionError(f"revision: want a branch, tag or commit, got {revision!r}")
    store = cache_folder() / f"models--{name.replace('/', '--')}"
    found = _cached(store, wanted)
    if found is not None and not _lacking(found, store):
        if _known_whole(found, store):
            return found
        if not network:
            warnings.warn(
                f"{name}: its copy in the cache holds no modules.json, and nothing tells whether the model has one; if it "
                "has, its own pooling is not used here. Encoder(NAME, network=True) looks",
                UnsureCacheWarning,
                stacklevel=2,
            )
            return found
    if not network:
        half = "" if found is None else f" whole (it lacks {_lacking(found, store)[0]})"
        raise UnknownNameError(
            f"encoder: {name!r} is not in the Hugging Face cache{half} ({cache_folder()}), and the network is used only when "
            f"asked for: Encoder({name!r}, network=True), or set SEMASCOPE_NETWORK=1"
        )
    return _fetched(name, wanted, store)


def _cached(store: Path, revision: str) -> Path | None:
    """The snapshot of a revision, if there is one."""
    commit = revision
    if not _COMMIT.fullmatch(revision):
        try:
            commit = (store / "refs" / revision).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
    if not _COMMIT.fullmatch(commit):
        return None
    folder = store / "snapshots" / commit
    return folder if folder.is_dir() else None


def _listing(folder: Path, store: Path) -> dict[str, int] | None:
    """The repository's files and their sizes, where huggingface_hub kept its list."""
    try:
        files: Any = json.loads((store / "trees" / f"{folder.name}.json").read_text(encoding="utf-8"))["files"]
        return {str(path): int(item.get("lfs_size") or item["size"]) for path, item in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _known_whole(folder: Path, store: Path) -> bool:
    """Whether it is known that no file that decides a vector is missing."""
    if (folder / "modules.json").is_file() or _listing(folder, store) is not None:
        return True
    return (store / ".no_exist" / folder.name / "modules.json").exists()


def _lacking(folder: Path, store: Path) -> list[str]:
    """What a copy in the cache lacks of what decides a vector."""
    listing = _listing(folder, store)
    if listing is not None:
        inner = {Path(path).parent.as_posix() for path in _module_files(folder, listing)}
        missing = [
            path
            for path, size in listing.items()
            if Path(path).parent.as_posix() in inner and _decides(path, listing) and not _is_there(folder / path, size)
        ]
        if missing:
            return missing
    try:
        layout = read_folder(folder)
        shards = _shards(layout.transformer)
    except CorruptError as error:
        return [str(error)]
    except OptionError:  # refused for what it is when it is opened; or only pickled weights were kept
        return [] if any([*folder.glob("*.safetensors"), *folder.glob("0_*/*.safetensors")]) else [SINGLE]
    if not any((layout.transformer / name).is_file() for name in _TOKENIZERS):
        return [_TOKENIZERS[0]]
    return [name for name in shards if not (layout.transformer / name).is_file()]


def _module_files(folder: Path, listing: dict[str, int]) -> list[str]:
    """One file of the root and of every module's folder."""
    files = ["config.json"]
    if "modules.json" in listing and (folder / "modules.json").is_file():
        try:
            files += [(m.path / "x").relative_to(folder).as_posix() for m in read_modules(folder)]
        except SemascopeError:  # said better when the folder is opened
            return files
    return files


def _decides(path: str, listing: dict[str, int]) -> bool:
    name = Path(path).name
    if name in _TOKENIZERS[1:]:
        return str(Path(path).with_name(_TOKENIZERS[0]).as_posix()) not in listing
    return bool(_DECIDING.fullmatch(name))


def _is_there(file: Path, size: int) -> bool:
    try:
        return file.stat().st_size == size
    except OSError:
        return False


def _shards(folder: Path) -> list[str]:
    if (folder / SINGLE).is_file() or not (folder / INDEX).is_file():
        return []
    try:
        return sorted(set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(f"{folder / INDEX}: cannot be read ({error!r})") from error


def _fetched(name: str, revision: str, store: Path) -> Path:
    hub = need("huggingface_hub", extra="hf")
    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        folder = Path(
            hub.snapshot_download(
                name,
                revision=revision,
                cache_dir=str(store.parent),
                allow_patterns=list(WANTED),
                ignore_patterns=list(UNWANTED),
                endpoint=endpoint,
                library_name="semascope",
            )
        )
    except Exception as error:  # huggingface_hub lets through whatever its HTTP library raises, which changed twice
        raise _said(name, revision, store, endpoint or "https://huggingface.co", error) from error
    listing = _listing(folder, store)
    if listing is not None and not any(path.endswith(".safetensors") for path in listing):
        raise OptionError(
            f"encoder: want a model with weights as safetensors, got {name!r}, which has none (pickled weights can run code "
            "and are never fetched)"
        )
    lacking = _lacking(folder, store)
    if lacking:
        raise RemoteError(
            f"encoder: {name!r} was not fetched whole, it lacks {lacking[0]}; call again, what came whole is kept"
        )
    return folder


def _said(name: str, revision: str, store: Path, endpoint: str, error: Exception) -> SemascopeError:
    """The error of ours that says what went wrong."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    said = f"({type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'})"
    if "GatedRepoError" in kinds:
        return AccessError(
            f"encoder: {name!r} is given only to those who agreed to its terms on {endpoint}; then set HF_TOKEN"
        )
    if "RepositoryNotFoundError" in kinds:
        return UnknownNameError(f"encoder: {endpoint} has no model {name!r}, or it is private (then set HF_TOKEN)")
    if "RevisionNotFoundError" in kinds:
        return UnknownNameError(f"revision: {name!r} has no revision {revision!r} on {endpoint}")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FullError(f"encoder: no room left in {store} for {name!r} {said}")
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return ReadOnlyError(f"encoder: cannot write {name!r} to {store} {said}")
    if "LocalEntryNotFoundError" in kinds:
        return RemoteError(
            f"encoder: cannot reach {endpoint} for {name!r} {said}; look at the connection, at HF_ENDPOINT, and that "
            "HF_HUB_OFFLINE is not set"
        )
    return RemoteError(
        f"encoder: fetching {name!r} from {endpoint} broke off {said}; call again, what came whole is kept"
    )
