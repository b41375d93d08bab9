"""Hub names: the cache without any network call, a fake hub on this machine, and every way that fetching can fail."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_folders import sentence_transformer, transformer_folder

from semascope.encoders import Encoder
from semascope.encoders.huggingface import read_folder
from semascope.encoders.huggingface.hub import UnsureCacheWarning, cache_folder, fetch
from semascope.errors import (
    AccessError,
    FullError,
    MissingExtraError,
    OptionError,
    ReadOnlyError,
    RemoteError,
    UnknownNameError,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "someone/tiny-model"


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as it lies on the hub, with files that nobody should fetch."""
    place = tmp_path_factory.mktemp("hub")
    model = sentence_transformer(transformer_folder(place / "bare", "bert"), after=("tanh", "unit"))
    model.save_pretrained(str(place / "model"))
    (place / "model" / "pytorch_model.bin").write_bytes(b"pickled")
    (place / "model" / "modeling_custom.py").write_text("raise SystemExit('was run')")
    (place / "model" / "onnx").mkdir()
    (place / "model" / "onnx" / "config.json").write_text("{}")
    return place / "model"


class FakeHub:
    """Serves one folder as the hub does, and does what `trouble` says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str, str | None]] = []
        self.trouble = ""
        self.cuts = 0
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                return

            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def do_GET(self) -> None:
                hub.answer(self, body=True)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, to: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = to.path.split("?")[0]
        self.asked.append((to.command, path, to.headers.get("Range")))
        if self.trouble in ("missing", "gated"):
            code = {"missing": "RepoNotFound", "gated": "GatedRepo"}[self.trouble]
            return _reply(to, 404 if self.trouble == "missing" else 403, b"{}", {"X-Error-Code": code}, body=body)
        if self.trouble == "down":
            return _reply(to, 500, b"{}", {}, body=body)
        if path.startswith(f"/api/models/{NAME}"):
            return self._api(to, path)
        prefix = f"/{NAME}/resolve/{COMMIT}/"
        file = self.folder / path.removeprefix(prefix)
        if not path.startswith(prefix) or not file.is_file():
            return _reply(to, 404, b"{}", {"X-Error-Code": "EntryNotFound"}, body=body)
        return self._file(to, file, body=body)

    def _api(self, to: BaseHTTPRequestHandler, path: str) -> None:
        if "/tree/" in path:
            return _reply(to, 200, json.dumps([_entry(self.folder, file) for file in self.files()]).encode(), {})
        if path.rsplit("/", 1)[-1] not in ("main", "tiny-model", COMMIT):
            return _reply(to, 404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        siblings = [{"rfilename": file.relative_to(self.folder).as_posix()} for file in self.files()]
        info = {"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
        return _reply(to, 200, json.dumps(info).encode(), {})

    def files(self) -> list[Path]:
        return sorted(file for file in self.folder.rglob("*") if file.is_file())

    def _file(self, to: BaseHTTPRequestHandler, file: Path, *, body: bool) -> None:
        data = file.read_bytes()
        headers = {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        start = int((to.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        part = data[start:]
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if body and file.name == "model.safetensors" and file.parent == self.folder and self.trouble == "cut":
            self.cuts += 1
            to.send_response(206 if start else 200)
            for name, value in {**headers, "Content-Length": str(len(part))}.items():
                to.send_header(name, value)
            to.end_headers()
            to.wfile.write(b"" if start else part[: len(part) // 2])
            to.wfile.flush()
            to.close_connection = True
            to.connection.shutdown(socket.SHUT_RDWR)
            return
        _reply(to, 206 if start else 200, part, headers, body=body)


def _oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _entry(folder: Path, file: Path) -> dict[str, Any]:
    data = file.read_bytes()
    return {"type": "file", "oid": _oid(data), "size": len(data), "path": file.relative_to(folder).as_posix()}


def _reply(to: BaseHTTPRequestHandler, code: int, data: bytes, headers: dict[str, str], *, body: bool = True) -> None:
    to.send_response(code)
    for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}.items():
        to.send_header(name, value)
    to.end_headers()
    if body:
        to.wfile.write(data)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "hub"


@pytest.fixture
def hub(saved: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    library = pytest.importorskip("huggingface_hub")
    folder = shutil.copytree(saved, tmp_path / "served")
    served = FakeHub(folder)
    monkeypatch.setenv("HF_ENDPOINT", served.url)
    monkeypatch.setattr(library.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(library.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr("time.sleep", lambda _: None)  # huggingface_hub waits before it tries again
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield served
        served.close()


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)


def _in_cache(cache: Path, saved: Path, *, but: tuple[str, ...] = (), ref: str = "main") -> Path:
    store = cache / "models--someone--tiny-model"
    snapshot = store / "snapshots" / COMMIT
    shutil.copytree(saved, snapshot)
    for name in but:
        (snapshot / name).unlink()
    (store / "refs").mkdir()
    (store / "refs" / ref).write_text(COMMIT)
    return snapshot


def test_a_model_is_fetched_and_then_found_without_the_network(hub: FakeHub, cache: Path) -> None:
    folder = fetch(NAME, network=True)
    assert folder == cache / "models--someone--tiny-model" / "snapshots" / COMMIT
    assert read_folder(folder).poolings == ("mean",)
    asked = len(hub.asked)
    assert fetch(NAME) == fetch(NAME, network=True) == fetch(NAME, revision=COMMIT) == folder
    assert len(hub.asked) == asked


def test_code_pickles_and_copies_for_other_programs_are_never_fetched(hub: FakeHub) -> None:
    folder = fetch(NAME, network=True)
    got = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"config.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/model.safetensors"} <= got
    assert not {name for name in got if name.endswith((".bin", ".py")) or name.startswith("onnx")}
    assert not [path for _, path, _ in hub.asked if path.endswith((".bin", ".py")) or "/onnx/" in path]


def test_the_cache_is_read_without_a_socket(cache: Path, saved: Path, no_sockets: None) -> None:
    snapshot = _in_cache(cache, saved)
    assert fetch(NAME) == snapshot
    assert fetch(NAME, network=True) == snapshot


def test_a_name_that_is_not_in_the_cache_says_how_to_allow_the_network(cache: Path, no_sockets: None) -> None:
    with pytest.raises(
        UnknownNameError, match=r"Encoder\('someone/tiny-model', network=True\), or set SEMASCOPE_NETWORK=1"
    ):
        fetch(NAME)


def test_nothing_of_the_hubs_library_is_imported_for_the_cache(cache: Path, saved: Path) -> None:
    _in_cache(cache, saved)
    code = (
        "import sys; from semascope.encoders.huggingface.hub import fetch; fetch('someone/tiny-model');"
        "bad = {'huggingface_hub', 'httpx', 'requests', 'torch', 'transformers'} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "but", ["model.safetensors", "config.json", "1_Pooling/config.json", "2_Dense/model.safetensors"]
)
def test_a_copy_that_lacks_a_file_is_not_taken_as_whole(but: str, cache: Path, saved: Path) -> None:
    _in_cache(cache, saved, but=(but,))
    with pytest.raises(UnknownNameError, match=r"cache whole \(it lacks"):
        fetch(NAME)


def test_a_copy_without_any_tokenizer_or_weights_is_not_whole(cache: Path, saved: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(saved, tmp_path / "copy")
    for name in ("tokenizer.json", "vocab.txt"):
        (copy / name).unlink(missing_ok=True)
    snapshot = _in_cache(cache, copy)
    with pytest.raises(UnknownNameError, match=r"it lacks tokenizer\.json"):
        fetch(NAME)
    shutil.copy(saved / "tokenizer.json", snapshot)
    assert fetch(NAME) == snapshot
    (snapshot / "model.safetensors").unlink()  # the pickled copy of other programs stays
    with pytest.raises(UnknownNameError, match=r"it lacks .*safetensors"):
        fetch(NAME)


def test_shards_are_counted(cache: Path, saved: Path) -> None:
    snapshot = _in_cache(cache, saved)
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    (snapshot / "model.safetensors").rename(snapshot / names[0])
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UnknownNameError, match=r"it lacks model-00002-of-00002\.safetensors"):
        fetch(NAME)
    shutil.copy(snapshot / names[0], snapshot / names[1])
    assert fetch(NAME) == snapshot
    (snapshot / "model.safetensors.index.json").write_text("{")
    with pytest.raises(UnknownNameError, match=r"it lacks .*index\.json"):
        fetch(NAME)


def test_what_is_missing_is_fetched_where_the_network_is_allowed(hub: FakeHub, cache: Path, saved: Path) -> None:
    _in_cache(cache, saved, but=("1_Pooling/config.json",))
    folder = fetch(NAME, network=True)
    assert (folder / "1_Pooling" / "config.json").is_file()


def test_a_copy_that_other_programs_left_without_modules_is_completed_or_warned_of(
    hub: FakeHub, cache: Path, saved: Path
) -> None:
    snapshot = _in_cache(cache, saved, but=("modules.json",))
    with pytest.warns(UnsureCacheWarning, match=r"holds no modules\.json"):
        assert fetch(NAME) == snapshot
    assert (fetch(NAME, network=True) / "modules.json").is_file()


def test_a_model_known_to_be_bare_is_not_warned_of(cache: Path, saved: Path, no_sockets: None) -> None:
    snapshot = _in_cache(cache, saved, but=("modules.json",))
    marks = snapshot.parents[1] / ".no_exist" / COMMIT
    marks.mkdir(parents=True)
    (marks / "modules.json").touch()
    assert fetch(NAME) == snapshot


def test_a_file_of_another_size_than_the_hub_lists_is_not_whole(hub: FakeHub, cache: Path) -> None:
    folder = fetch(NAME, network=True)
    listing = cache / "models--someone--tiny-model" / "trees" / f"{COMMIT}.json"
    if not listing.is_file():
        pytest.skip("this release of huggingface_hub keeps no list of files")
    for name in ("model.safetensors", "config_sentence_transformers.json"):
        blob = (folder / name).resolve()
        data = blob.read_bytes()
        blob.write_bytes(data[:-1])
        with pytest.raises(UnknownNameError, match=f"it lacks {name}"):
            fetch(NAME)
        blob.write_bytes(data)
    assert fetch(NAME) == folder


def test_a_fetch_that_breaks_off_leaves_nothing_that_looks_whole_and_is_resumed(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 4_096)  # what comes in pieces of is kept
    hub.trouble = "cut"
    with pytest.raises(RemoteError, match=r"'someone/tiny-model' from http://127\.0\.0\.1.* broke off .*call again"):
        fetch(NAME, network=True)
    weights = f"/{NAME}/resolve/{COMMIT}/model.safetensors"
    starts = [int((r or "bytes=0-")[6:].split("-")[0]) for how, path, r in hub.asked if (how, path) == ("GET", weights)]
    assert len(starts) > 1
    assert min(starts[1:]) > 4_096
    with pytest.raises(UnknownNameError, match=r"it lacks .*safetensors"):
        fetch(NAME)
    folder = cache / "models--someone--tiny-model" / "snapshots" / COMMIT
    kept = {f"/{NAME}/resolve/{COMMIT}/{file.relative_to(folder).as_posix()}" for file in folder.rglob("*.json")}
    hub.trouble = ""
    hub.asked.clear()
    folder = fetch(NAME, network=True)
    assert (folder / "model.safetensors").read_bytes() == (hub.folder / "model.safetensors").read_bytes()
    assert not [path for how, path, _ in hub.asked if how == "GET" and path in kept]


def test_no_such_model_no_such_revision_and_no_leave_are_told_apart(hub: FakeHub) -> None:
    with pytest.raises(UnknownNameError, match="has no revision 'v9'"):
        fetch(NAME, network=True, revision="v9")
    hub.trouble = "missing"
    with pytest.raises(UnknownNameError, match=r"has no model 'someone/tiny-model', or it is private"):
        fetch(NAME, network=True)
    hub.trouble = "gated"
    with pytest.raises(AccessError, match="HF_TOKEN"):
        fetch(NAME, network=True)
    hub.trouble = "down"
    with pytest.raises(RemoteError, match="someone/tiny-model"):
        fetch(NAME, network=True)


def test_a_hub_that_cannot_be_reached_is_a_remote_error(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(RemoteError, match=rf"cannot reach http://127\.0\.0\.1:{port} for 'someone/tiny-model'"):
        fetch(NAME, network=True)


def test_offline_mode_of_the_library_is_respected_and_named(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RemoteError, match="HF_HUB_OFFLINE is not set"):
        fetch(NAME, network=True)
    assert not hub.asked


def test_a_model_without_safetensors_is_refused(hub: FakeHub) -> None:
    for file in hub.folder.rglob("*.safetensors"):
        file.unlink()
    with pytest.raises(OptionError, match="want a model with weights as safetensors"):
        fetch(NAME, network=True)
    assert not [path for _, path, _ in hub.asked if path.endswith(".bin")]


def test_a_full_or_read_only_disk_is_named(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    import huggingface_hub

    for number, kind in ((errno.ENOSPC, FullError), (errno.EACCES, ReadOnlyError), (errno.EIO, RemoteError)):

        def fail(*_: Any, number: int = number, **__: Any) -> str:
            raise OSError(number, "the disk says no")

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
        with pytest.raises(kind, match="the disk says no"):
            fetch(NAME, network=True)


def test_without_the_hubs_library_the_error_says_what_to_install(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"semascope\[hf\]"):
        fetch(NAME, network=True)


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b/c", "/etc/passwd", "a/../b", "a b/c", "a--b/c", "https://x/y", ".x/y"]
)
def test_what_is_no_hub_name_is_refused(name: str, cache: Path, no_sockets: None) -> None:
    with pytest.raises(UnknownNameError, match="want a hub name"):
        fetch(name, network=True)


@pytest.mark.parametrize("revision", ["../main", "a b", "x/../../y"])
def test_what_is_no_revision_is_refused(revision: str, cache: Path, no_sockets: None) -> None:
    with pytest.raises(OptionError, match="revision: want a branch"):
        fetch(NAME, network=True, revision=revision)


def test_a_damaged_ref_is_as_none(cache: Path, saved: Path) -> None:
    _in_cache(cache, saved, ref="main")
    for said in (b"\xff\xfe", b"../../elsewhere", b"f" * 40):
        (cache / "models--someone--tiny-model" / "refs" / "main").write_bytes(said)
        with pytest.raises(UnknownNameError, match="is not in the Hugging Face cache"):
            fetch(NAME)


def test_the_cache_lies_where_the_libraries_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub")
    names = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")
    for set_here in ((), ("XDG_CACHE_HOME",), ("HF_HOME", "XDG_CACHE_HOME"), ("HF_HUB_CACHE", "HF_HOME"), names):
        for name in names:
            monkeypatch.delenv(name, raising=False)
        for name in set_here:
            monkeypatch.setenv(name, str(tmp_path / name))
        code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
        done = subprocess.run(
            [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=True
        )
        assert str(cache_folder()) == done.stdout.strip()


def test_an_encoder_is_opened_by_its_hub_name(
    hub: FakeHub, saved: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEMASCOPE_NETWORK", raising=False)
    texts = ["a cat", "numbers and words"]
    want = Encoder(saved).encode(texts)
    with pytest.raises(UnknownNameError, match="SEMASCOPE_NETWORK=1"):
        Encoder(NAME)
    assert not hub.asked
    found = Encoder(NAME, network=True)
    np.testing.assert_array_equal(found.encode(texts), want)
    asked = len(hub.asked)
    np.testing.assert_array_equal(Encoder(NAME).encode(texts), want)
    np.testing.assert_array_equal(Encoder(f'"{NAME}" | truncate(8)').encode(texts).shape, (2, 8))
    assert len(hub.asked) == asked
    shutil.rmtree(cache)
    monkeypatch.setenv("SEMASCOPE_NETWORK", "1")
    np.testing.assert_array_equal(Encoder(NAME).encode(texts), want)
    assert len(hub.asked) > asked
