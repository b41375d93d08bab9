"""Files that are whole or absent, and what goes wrong on a disk in Semascope's own errors."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from semascope.errors import CorruptError, FullError, LockedError, ReadOnlyError, SemascopeError, StoreError

PART = ".part"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def guarded(doing: str) -> Generator[None]:
    """Turn what the system or SQLite says while `doing` something into FullError, ReadOnlyError, CorruptError, ...."""
    try:
        yield
    except SemascopeError:
        raise
    except sqlite3.Error as error:
        raise _from_sqlite(error, doing) from error
    except OSError as error:
        raise _from_system(error, doing) from error


def _from_system(error: OSError, doing: str) -> StoreError:
    why = error.strerror or str(error)
    if error.errno in _FULL:
        return FullError(f"cannot {doing}: {why}. What was committed before is whole; free some space and run it again")
    if error.errno in _READ_ONLY:
        return ReadOnlyError(f"cannot {doing}: {why}. Choose another place, or ask for the right to write there")
    return StoreError(f"cannot {doing}: {why}")


def _from_sqlite(error: sqlite3.Error, doing: str) -> StoreError:
    # The low byte is the family; the rest says more about it, such as which call failed.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return FullError(
            f"cannot {doing}: {error}. What was committed before is whole; free some space and run it again"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return ReadOnlyError(f"cannot {doing}: {error}. Choose another place, or ask for the right to write there")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CorruptError(f"cannot {doing}: {error}. Build it anew from its source, or restore a copy")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LockedError(f"cannot {doing}: {error}")
    return StoreError(f"cannot {doing}: {error}")


@contextmanager
def whole(path: Path, *, mark: str = "") -> Generator[BinaryIO]:
    """A file to write to that is at `path` once the block has ended, flushed to the disk; nothing is there where it fails.

    Its name is on the disk for good after `settle(path.parent)`.

    Args:
        path: Of the file.
        mark: Part of the name of the file aside, so that two who write the same at once have one each.

    Raises:
        ReadOnlyError, FullError: the disk; what was there before is whole.
    """
    aside = path.with_name(f"{path.name}{mark}{PART}")
    with guarded(f"write {path}"):
        try:
            with aside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError:
            with suppress(OSError):
                aside.unlink()
            raise


def write_text(path: Path, text: str) -> None:
    """Write a small file of text that is whole or absent."""
    with whole(path) as file:
        file.write(text.encode("utf-8"))
    settle(path.parent)


def settle(folder: Path) -> None:
    """Flush the names in `folder` to the disk, so that a rename outlives a power cut."""
    with guarded(f"write to {folder}"):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
