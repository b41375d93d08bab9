"""Every error Semascope raises on purpose. Catch `SemascopeError` to catch them all.

SemascopeError
  InputError         (ValueError)   the data is wrong: shape, type, NaN, length, a malformed row
    InputTypeError   (TypeError)    ... because it holds things that are not numbers at all
  OptionError        (ValueError)   an option is out of range, unknown, or a recipe text cannot be read
  UnknownNameError   (LookupError)  no method, encoder, document or column of that name; the nearest is named
  MissingExtraError  (ImportError)  an optional package is absent; the message says what to install
  PassportError      (ValueError)   two artefacts were made by different encoders; the field that differs is named
  StoreError         (OSError)      something on disk is not as it should be
    LockedError                     another writer holds the Space; the message says who
    CorruptError                    a file is truncated, altered or missing
    ReadOnlyError                   the place cannot be written to
    FullError                       the disk is full; what was committed before is whole
    IncompleteError                 a Space, or one encoding of it, was not finished; the message says how to
  DeviceMemoryError  (MemoryError)  the device has not the memory for one text alone
  RemoteError        (OSError)      an encoder behind a URL cannot be reached, or refuses what it was sent
    AccessError                     ... for want of a key that it accepts, or of a quota
    AnswerError                     ... or answers with something that is no vector for each text
"""

__all__ = [
    "AccessError",
    "AnswerError",
    "CorruptError",
    "DeviceMemoryError",
    "FullError",
    "IncompleteError",
    "InputError",
    "InputTypeError",
    "LockedError",
    "MissingExtraError",
    "OptionError",
    "PassportError",
    "ReadOnlyError",
    "RemoteError",
    "SemascopeError",
    "StoreError",
    "UnknownNameError",
]


class SemascopeError(Exception):
    """Catch this to catch them all."""


class InputError(SemascopeError, ValueError):
    """The data is wrong."""


class InputTypeError(InputError, TypeError):
    """The data holds things that are not numbers at all."""


class OptionError(SemascopeError, ValueError):
    """An option is out of range, unknown or unreadable."""


class UnknownNameError(SemascopeError, LookupError):
    """Nothing has that name."""


class MissingExtraError(SemascopeError, ImportError):
    """An optional package is absent."""


class PassportError(SemascopeError, ValueError):
    """Two artefacts were made by different encoders.

    Attributes:
        field: The identity field that differs, such as "weights" or "normalize".
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class StoreError(SemascopeError, OSError):
    """Something on disk is not as it should be."""


class LockedError(StoreError):
    """Another writer holds the Space."""


class CorruptError(StoreError):
    """A file is truncated, altered or missing."""


class ReadOnlyError(StoreError):
    """The place cannot be written to."""


class FullError(StoreError):
    """The disk is full."""


class IncompleteError(StoreError):
    """A Space, or one encoding of it, was not finished."""


class RemoteError(SemascopeError, OSError):
    """An encoder behind a URL cannot be reached, or refuses what it was sent.

    Attributes:
        status: The HTTP status of its last answer; None where none came.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AccessError(RemoteError):
    """It wants a key that it accepts, or the quota is used up."""


class AnswerError(RemoteError):
    """Its answer is not one vector for each text."""


class DeviceMemoryError(SemascopeError, MemoryError):
    """The device has not the memory for what was to be computed at once."""
