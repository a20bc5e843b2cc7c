"""Files that are read within bounds, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from pathlib import Path
from typing import Final

from auditor.model import InputError

MAX_BYTES: Final = 2 * 1024**3
"""What an inventory may have when unpacked: thirty times that of 10,000 machines."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31


def read(path: Path) -> bytes:
    """Return the content of a file, unpacked where it is gzip.

    Raises:
        InputError: it cannot be opened, is damaged, or is larger than `MAX_BYTES`.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(path)) from None
    if data[:2] == _GZIP_MAGIC:
        data = _unpack(data, str(path))
    if len(data) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES // 1024**3} GiB"
        raise InputError(message, str(path))
    return data


def _unpack(data: bytes, file: str) -> bytes:
    """Unpack every member of a gzip file; the output is capped so that a small file cannot fill the memory."""
    unpacked: list[bytes] = []
    size = 0
    while data:
        member = zlib.decompressobj(wbits=_GZIP_WINDOW)
        try:
            piece = member.decompress(data, MAX_BYTES - size + 1)
        except zlib.error:
            message = "is a damaged gzip file"
            raise InputError(message, file) from None
        size += len(piece)
        unpacked.append(piece)
        if size > MAX_BYTES:
            break
        if not member.eof:
            message = "is a truncated gzip file"
            raise InputError(message, file)
        data = member.unused_data
    return b"".join(unpacked)


def write(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it: under a temporary name beside it, mode 0600, then renamed.

    Raises:
        InputError: the place cannot be written to.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise InputError(message, str(path)) from None
    finally:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True) if temporary else None
