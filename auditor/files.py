"""Reading of files up to a size limit, and atomic writing."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, Self

from auditor.errors import InputError

MAX_BYTES: Final = 2 * 1024**3
"""Size limit of an unpacked file, about thirty times a snapshot of 10,000 virtual machines."""

PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
READABLE: Final = 0o644
"""The mode of a file that other users may read."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
_CHUNK: Final = 1024**2


def relative(path: Path) -> str:
    """Return a path relative to the working folder if it is below, as a repository names its files, else in full."""
    absolute = path.absolute()
    return (absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute).as_posix()


def read(path: Path) -> bytes:
    """Return the content of a file, unpacked where it is gzip.

    Raises:
        InputError: the file is unreadable, damaged, or larger than `MAX_BYTES`.
    """
    return b"".join(pieces(path))


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the content of a file in pieces of at least a megabyte, but for the last, unpacked where it is gzip.

    Raises:
        InputError: the file is unreadable, damaged, or larger than `MAX_BYTES`.
    """
    with _reading(path), path.open("rb") as stream:
        yield from _unpacked(iter(partial(stream.read, _CHUNK), b""), str(path))


def read_packed(path: Path) -> bytes:
    """Return the bytes of a file as they are, of one larger than `MAX_BYTES` the first.

    Raises:
        InputError: the file is unreadable.
    """
    with _reading(path), path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def unpack(data: bytes, file: str) -> bytes:
    """Return the content of a file's bytes, unpacked where they are gzip; `file` names it in errors.

    Raises:
        InputError: it is damaged, or larger than `MAX_BYTES`.
    """
    return b"".join(_unpacked((data,), file))


def _unpacked(chunks: Iterable[bytes], file: str) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked where they are gzip, in pieces of at least `_CHUNK` but for the last."""
    begin = b""
    chunks = iter(chunks)
    while len(begin) < len(_GZIP_MAGIC) and (chunk := next(chunks, b"")):
        begin += chunk
    chunks = chain((begin,), chunks)
    held: list[bytes] = []
    size = yielded = 0
    for piece in _members(chunks, file) if begin.startswith(_GZIP_MAGIC) else chunks:
        size += len(piece)
        if size > MAX_BYTES:
            message = f"is larger than {MAX_BYTES // 1024**3} GiB"
            raise InputError(message, file)
        held.append(piece)
        if size - yielded >= _CHUNK:
            yield b"".join(held)
            held, yielded = [], size
    yield b"".join(held)


def _members(chunks: Iterable[bytes], file: str) -> Iterator[bytes]:
    """Yield what the members of a gzip file have; a piece has a limit, so that a small file cannot fill the memory."""
    member = zlib.decompressobj(wbits=_GZIP_WINDOW)
    for chunk in chunks:
        packed = chunk
        while packed:
            if member.eof:
                member = zlib.decompressobj(wbits=_GZIP_WINDOW)
            try:
                yield member.decompress(packed, _CHUNK)
            except zlib.error:
                message = "is a damaged gzip file"
                raise InputError(message, file) from None
            packed = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        message = "is a truncated gzip file"
        raise InputError(message, file)


def make_folder(path: Path) -> None:
    """Make a folder, for the user alone, unless it is there.

    Raises:
        InputError: it cannot be made.
    """
    try:
        path.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        message = f"cannot be made: {error.strerror}"
        raise InputError(message, str(path)) from None


def write(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Write a file atomically, as `NewFile` does.

    Raises:
        InputError: the path cannot be written.
    """
    with NewFile(path, (data,), mode) as file:
        file.publish()


class NewFile:
    """A file that is written to a temporary one beside its path, and is not at its path until it is published.

    A link is followed. Special files, such as `/dev/null` or a pipe, are written to and not replaced. As a context
    manager it removes the temporary file.
    """

    def __init__(self, path: Path, pieces: Iterable[bytes], mode: int = PRIVATE) -> None:
        """Write the content, piece by piece; that of a special file is kept until it is published.

        Raises:
            InputError: the path cannot be written.
        """
        self._path = path
        self._temporary = ""
        self._data = b""
        try:
            with _naming(path):
                self._write(pieces, mode)
        except BaseException:
            self._remove()
            raise

    def _write(self, pieces: Iterable[bytes], mode: int) -> None:
        if self._path.exists() and not self._path.is_file():
            self._data = b"".join(pieces)
            return
        import tempfile  # noqa: PLC0415 - a scan that only prints writes no file

        target = Path(os.path.realpath(self._path))
        handle, self._temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:200]}.")
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(pieces)
            stream.flush()
            Path(self._temporary).chmod(mode)
            os.fsync(stream.fileno())

    def publish(self) -> None:
        """Put the file at its path.

        Raises:
            InputError: the path cannot be written.
        """
        with _naming(self._path):
            if self._temporary:
                Path(self._temporary).replace(os.path.realpath(self._path))
            else:
                self._path.write_bytes(self._data)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the temporary file if it was not published."""
        self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            Path(self._temporary).unlink(missing_ok=True) if self._temporary else None


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that names a path that is read."""
    try:
        yield
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(path)) from None


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that names a path that is written."""
    try:
        yield
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise InputError(message, str(path)) from None
