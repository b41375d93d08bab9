"""One writer at a time: a file that the kernel unlocks when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from semascope.errors import LockedError
from semascope.ops import guarded, without_passwords

NAME = "writer.lock"


class WriterLock:
    """Holds `folder`/writer.lock from construction until `release`; who holds it stands in the file.

    Raises:
        LockedError: another process, or another Space object of this one, holds it; the message says who and since when.
        ReadOnlyError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, doing: str) -> None:
        self._folder = folder
        with guarded(f"write to {folder}"):
            self._file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(self._file)
            os.close(self._file)
            raise LockedError(
                f"{folder}: want to {doing}, but {holder} is writing to it. Wait until it is done, or end it"
            ) from error
        record = {
            "pid": os.getpid(),
            "doing": doing,
            "command": without_passwords(" ".join(sys.argv))[:200] or "python",
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        # A record that cannot be written (a full disk) does not weaken the lock, which is the kernel's.
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(record).encode(), 0)
        except OSError as error:
            self.release()
            with guarded(f"write to {folder}"):
                raise error

    def release(self) -> None:
        """Let the next writer in. Releasing twice does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _holder(file: int) -> str:
    try:
        record = json.loads(os.pread(file, 4096, 0))
        return f"process {record['pid']} ({record['command']!r}: {record['doing']}, since {record['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process that has not yet said who it is"
