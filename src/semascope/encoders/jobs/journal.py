"""What a long job has done so far, so that one that is killed goes on from there, with the same texts and the same encoder.

Beside what is being made stands a folder `NAME.part`: a lock, what the job is (`job.json`), and a line for each chunk that is
safely on the disk (`journal.jsonl`). A line holds a running digest of the texts, so that other ones are noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import replace
from itertools import chain, islice, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from semascope.errors import CorruptError, FullError, InputError, LockedError, OptionError, StoreError
from semascope.ops import guarded, settle, write_text
from semascope.passport import CANARIES, Passport

FORMAT = 1
_JOB, _JOURNAL, _LOCK = "job.json", "journal.jsonl", "lock"
OWN = (_JOB, _JOURNAL, _LOCK)


def full_passport(encoder: Any) -> Passport:
    """An encoder's passport, with the vectors of the canary texts in it."""
    passport: Passport = encoder.passport
    if len(passport.canaries) or not passport.known:
        return passport
    return replace(passport, canaries=encoder.encode(list(CANARIES)))


class Source:
    """Texts in the order they come, one pass, never held all at once; what has been read is known by a digest.

    Args:
        texts: Any iterable of str, or of things with a `text`, such as a Corpus.
        total: About how many come; their number where they have one, unless given.
    """

    def __init__(self, texts: Iterable[Any], total: int | None = None) -> None:
        if isinstance(texts, str | bytes) or not hasattr(texts, "__iter__"):
            raise InputError(f"texts: want an iterable of texts, got {type(texts).__name__}; write [text]")
        self.total = len(texts) if total is None and isinstance(texts, Sized) else total
        self.count = 0
        self._rest = iter(texts)
        self._state = b""

    @property
    def left(self) -> int | None:
        """About how many are still to come; None where nobody knows."""
        return None if self.total is None else max(0, self.total - self.count)

    @property
    def digest(self) -> str:
        """Of all texts read so far, however they were cut into chunks."""
        return self._state.hex()

    def chunk(self, most: int, characters: int) -> list[str]:
        """The next texts: at most so many, and about so many characters; none at the end."""
        out: list[str] = []
        room = characters
        while len(out) < most and room > 0:
            text = next(self._texts(), None)
            if text is None:
                break
            out.append(text)
            room -= len(text)
        return out

    def _texts(self) -> Iterator[str]:
        for item in islice(self._rest, 1):
            text = item if isinstance(item, str) else getattr(item, "text", None)
            if not isinstance(text, str):
                raise InputError(f"texts: want str, or things with a text, got {type(item).__name__} at {self.count}")
            self.count += 1
            self._state = hashlib.sha256(self._state + text.encode("utf-8", "surrogatepass")).digest()
            yield text

    def skip(self, marks: Iterable[Mapping[str, Any]], where: Path) -> None:
        """Read past what is done, and see that these are the texts that it was done with.

        Raises:
            InputError: they are not, or there are fewer.
        """
        for mark in marks:
            first = self.count
            while self.count < mark["texts"]:
                if not self.chunk(mark["texts"] - self.count, 2**62):
                    raise InputError(
                        f"texts: want the {mark['texts']:,} or more with which {where} was begun, got {self.count:,}. {ANEW}"
                    )
            if self.digest != mark["digest"]:
                raise InputError(
                    f"texts: want those with which {where} was begun, got others: the first that differs is one of texts "
                    f"{first:,} to {mark['texts'] - 1:,}. {ANEW}"
                )

    def end(self, where: Path) -> None:
        """See that nothing comes any more."""
        if self.chunk(1, 1):
            raise InputError(f"texts: want the {self.count - 1:,} with which {where} was made, got more. {ANEW}")


ANEW = "Give those, or begin anew with resume=False (--no-resume)"


class Journal:
    """The folder of a job under way; open it with `with`, which holds its lock.

    Args:
        folder: `NAME.part`.
        doing: What the job does, such as "encode".
        passport: Of what does it.
        options: What else decides what comes out.
        resume: Go on with what is there; else it is removed.

    Raises:
        LockedError: another process works on it.
        PassportError: it was begun with another encoder; the field that differs is named.
        OptionError: it was begun with other options; the first is named.
        CorruptError: it cannot be read.
        FullError, ReadOnlyError: as the disk says.
    """

    def __init__(
        self, folder: Path, doing: str, passport: Passport, options: Mapping[str, Any], *, resume: bool
    ) -> None:
        self.folder = folder
        self.marks: list[dict[str, Any]] = []
        with guarded(f"write to {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._take_lock()
            if not resume:
                self._clear()
            if (folder / _JOB).exists():
                self._compare(doing, passport, options)
                self.marks = self._read()
            else:
                self._clear()
                job = {"format": FORMAT, "doing": doing, "options": dict(options), "passport": passport.to_json()}
                write_text(folder / _JOB, json.dumps(job, indent=1, ensure_ascii=False) + "\n")
        except BaseException:
            self.close()
            raise

    @property
    def done(self) -> int:
        """Texts whose chunk is on the disk."""
        return int(self.marks[-1]["texts"]) if self.marks else 0

    @property
    def finished(self) -> bool:
        """Whether all is made, and only has to be put in its place."""
        return bool(self.marks and self.marks[-1].get("finished"))

    def mark(self, source: Source, **more: Any) -> None:
        """Write down that all texts read so far are done. What it stands for must be on the disk by now."""
        mark = {"texts": source.count, "digest": source.digest, **more}
        file = self.folder / _JOURNAL
        with guarded(f"write {file}"):
            with file.open("ab") as out:
                out.write(json.dumps(mark).encode() + b"\n")
                out.flush()
                os.fsync(out.fileno())
            if not self.marks:
                settle(self.folder)
        self.marks.append(mark)

    def close(self) -> None:
        """Let others in."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_lock(self) -> None:
        import fcntl

        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(
                f"{self.folder}: another process is at work on it; wait until it is done, or end it"
            ) from error

    def _clear(self) -> None:
        with guarded(f"clear {self.folder}"):
            for path in self.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != _LOCK:
                    path.unlink()

    def _compare(self, doing: str, passport: Passport, options: Mapping[str, Any]) -> None:
        try:
            job = json.loads((self.folder / _JOB).read_text(encoding="utf-8"))
            if job["format"] != FORMAT:
                raise CorruptError(
                    f"{self.folder}: want format {FORMAT}, got {job['format']!r}; a newer semascope may read it. {ANEW}"
                )
            begun, kept, was = Passport.from_json(job["passport"]), dict(job["options"]), str(job["doing"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, StoreError):
                raise
            raise CorruptError(f"{self.folder / _JOB}: cannot be read ({error!r}). {ANEW}") from error
        if was != doing:
            raise StoreError(f"{self.folder}: want what was begun there ({was}), got {doing}. {ANEW}")
        what = f"go on with {self.folder}"
        begun.require(passport, what=what, mend=f"{ANEW[0].lower()}{ANEW[1:]}")
        if len(passport.canaries):
            begun.verify(passport.canaries, what=what, mend=f"{ANEW[0].lower()}{ANEW[1:]}")
        plain = json.loads(json.dumps(options))
        for name, value in plain.items():
            if kept.get(name) != value:
                raise OptionError(
                    f"{name}: want {kept.get(name)!r}, with which {self.folder} was begun, got {value!r}. {ANEW}"
                )

    def _read(self) -> list[dict[str, Any]]:
        """The lines; a last one that a kill cut short is dropped."""
        file = self.folder / _JOURNAL
        with guarded(f"read {file}"):
            data = file.read_bytes() if file.exists() else b""
            whole = data[: data.rfind(b"\n") + 1]
            if len(whole) < len(data):
                os.truncate(file, len(whole))
        try:
            marks = [json.loads(line) for line in whole.splitlines()]
            counts = [0, *(int(mark["texts"]) for mark in marks)]
            if any(after < before for before, after in pairwise(counts)):
                raise ValueError("its counts go down")
            return [{**mark, "digest": str(mark["digest"])} for mark in marks]
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptError(f"{file}: cannot be read ({error!r}). {ANEW}") from error


def room_for(place: Path, wanted: int, what: str) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        FullError: names both numbers.
    """
    near = next(folder for folder in chain([place], place.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(near).free
    if wanted > free:
        raise FullError(
            f"{place}: want about {size(wanted)} for {what}, got {size(free)} free there. Nothing was written"
        )


def size(number: float) -> str:
    """`4.2 MB`, for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 and unit != "B":
            return f"{number:.1f} {unit}"
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
