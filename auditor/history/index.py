"""The index of a folder of reports: an SQLite file with what the history needs of each one.

It is a copy that is never the truth. A row is used only if its report is still the same file, and if the row is as it
was written; otherwise the report is read again. The file is replaced as a whole, so that runs at the same time at most
do some work twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import __version__, files
from auditor.history.kept import Kept, Subject

NAME: Final = "auditor-trend.sqlite"
"""The name of the file, in the folder of the reports."""

_LAYOUT: Final = """\
CREATE TABLE subjects (number INTEGER PRIMARY KEY, key TEXT NOT NULL, content BLOB NOT NULL, seal BLOB NOT NULL);
CREATE TABLE reports (file TEXT PRIMARY KEY, stamp TEXT NOT NULL, about BLOB NOT NULL, codes BLOB NOT NULL,
    seal BLOB NOT NULL);
"""


class Entry(msgspec.Struct, frozen=True):
    """A report in the index."""

    stamp: str
    """What identifies the content of its file."""
    about: Kept
    codes: bytes
    """The code of each subject, by its number; those behind the end are absent."""


class Index(msgspec.Struct, frozen=True):
    """What the reports of a folder say."""

    numbers: dict[str, int]
    """The number of each subject, by fingerprint."""
    subjects: list[Subject]
    """The subjects by number."""
    reports: dict[str, Entry]
    """By the name of the file."""

    @classmethod
    def empty(cls) -> Index:
        """Return an index of no report."""
        return cls({}, [], {})

    def add(self, file: str, stamp: str, about: Kept, outcomes: Mapping[str, tuple[Subject, int]]) -> None:
        """Add a report, or replace one."""
        for key, (subject, _) in outcomes.items():
            if self.numbers.setdefault(key, len(self.subjects)) == len(self.subjects):
                self.subjects.append(subject)
        codes = bytearray(len(self.subjects))
        for key, (_, code) in outcomes.items():
            codes[self.numbers[key]] = code
        self.reports[file] = Entry(stamp, about, bytes(codes))

    def only(self, reports: Collection[str]) -> Index:
        """Return an index without other reports, and without the subjects that only they name."""
        kept = {file: entry for file, entry in self.reports.items() if file in reports}
        named = 0
        for entry in kept.values():
            named |= int.from_bytes(entry.codes, "little")
        used = [number for number, code in enumerate(named.to_bytes(len(self.subjects), "little")) if code]
        size = len(self.subjects)
        keys = list(self.numbers)
        return Index(
            {keys[number]: position for position, number in enumerate(used)},
            [self.subjects[number] for number in used],
            {
                file: msgspec.structs.replace(entry, codes=bytes(map(entry.codes.ljust(size, b"\0").__getitem__, used)))
                for file, entry in kept.items()
            },
        )


def load(path: Path) -> Index:
    """Return an index; an empty one if there is none, if it is damaged, or of another version."""
    # MemoryError: sqlite3 raises it for an empty file.
    with contextlib.suppress(OSError, sqlite3.Error, MemoryError, _DamagedError, msgspec.DecodeError):
        return _decode(path.read_bytes())
    return Index.empty()


def save(path: Path, index: Index) -> None:
    """Write an index, mode 0600.

    Raises:
        InputError: it cannot be written.
    """
    encode = msgspec.msgpack.encode
    subjects = (
        (number, key, encode(subject))
        for (key, number), subject in zip(index.numbers.items(), index.subjects, strict=True)
    )
    reports = ((file, entry.stamp, encode(entry.about), entry.codes) for file, entry in index.reports.items())
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(_LAYOUT)
        with database:
            database.executemany("INSERT INTO subjects VALUES (?, ?, ?, ?)", ((*row, _seal(row)) for row in subjects))
            database.executemany("INSERT INTO reports VALUES (?, ?, ?, ?, ?)", ((*row, _seal(row)) for row in reports))
        files.write(path, database.serialize())


class _DamagedError(Exception):
    """A row is not as it was written."""


def _decode(data: bytes) -> Index:
    index = Index.empty()
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(data)
        for *row, seal in database.execute("SELECT number, key, content, seal FROM subjects ORDER BY number"):
            number, key, content = _intact(row, seal)
            if number != len(index.subjects):
                raise _DamagedError
            index.numbers[key] = number
            index.subjects.append(msgspec.msgpack.decode(content, type=Subject))
        for *row, seal in database.execute("SELECT file, stamp, about, codes, seal FROM reports"):
            file, stamp, about, codes = _intact(row, seal)
            if len(codes) > len(index.subjects):
                raise _DamagedError
            index.reports[file] = Entry(stamp, msgspec.msgpack.decode(about, type=Kept), codes)
    return index


def _intact(row: list[Any], seal: object) -> list[Any]:
    """Return a row whose seal is its own.

    Raises:
        _DamagedError: it is not.
    """
    if _seal(tuple(row)) != seal:
        raise _DamagedError
    return row


def _seal(row: tuple[object, ...]) -> bytes:
    """Return the hash of a row and of the version that wrote it."""
    return hashlib.sha256(msgspec.msgpack.encode((__version__, _LAYOUT, row))).digest()
