"""Reads the reports of a folder, by its index where that is fresh, and chooses those of one history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from auditor.errors import InputError
from auditor.history import index as indexes
from auditor.history import kept
from auditor.history.document import LeftOut
from auditor.history.index import Entry, Index
from auditor.report import reading


class Archive(NamedTuple):
    """The reports of a folder."""

    content: Index
    reports: Sequence[tuple[str, Entry]]
    """Those of one history by the names of their files, in the order of time."""
    left_out: Sequence[LeftOut]
    """The others, and what is no report."""
    warning: str
    """Why the index could not be written, "" if it could."""


def read(folder: Path) -> Archive:
    """Return the reports of a folder, and write its index unless that is fresh.

    Raises:
        InputError: the folder cannot be read, or has no report.
    """
    files = _files(folder)
    path = folder / indexes.NAME
    stored = indexes.load(path)
    fresh = [file for file, entry in stored.reports.items() if entry.stamp == files.get(file)]
    index = stored if len(fresh) == len(stored.reports) else stored.only(fresh)
    unreadable = [*_add(index, folder, {file: stamp for file, stamp in files.items() if file not in index.reports})]
    if not index.reports:
        message = "has no report as scan -o json writes it" + "".join(
            f"; {one.file} {one.why}" for one in unreadable[:1]
        )
        raise InputError(message, str(folder))
    warning = ""
    if len(fresh) < max(len(stored.reports), len(index.reports)):
        try:
            indexes.save(path, index)
        except InputError as error:
            warning = f"{error}; every report is read again each time"
    chosen, others = _of_one_history(index.reports)
    return Archive(index, chosen, [*unreadable, *others], warning)


def _files(folder: Path) -> dict[str, str]:
    """Return the names of the files that may be reports, each with what identifies its content."""
    try:
        return {
            path.name: _stamp(path) for path in sorted(folder.iterdir()) if path.suffix == ".json" and path.is_file()
        }
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(folder)) from None


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _add(index: Index, folder: Path, files: Mapping[str, str]) -> Iterator[LeftOut]:
    """Add reports to an index, and yield those that cannot be read."""
    for file, stamp in files.items():
        try:
            document = reading.read(folder / file)
            index.add(file, stamp, kept.about(document), kept.outcomes(document))
        except InputError as error:
            yield LeftOut(file, error.message)


def _of_one_history(reports: Mapping[str, Entry]) -> tuple[list[tuple[str, Entry]], list[LeftOut]]:
    """Return the reports that are comparable with the newest one, in the order of time, and why the others are not."""
    ordered = sorted(reports.items(), key=lambda item: (item[1].about.moment, item[0]))
    newest = ordered[-1][1].about
    chosen: list[tuple[str, Entry]] = []
    others: list[LeftOut] = []
    for file, entry in ordered:
        about = entry.about
        if about.profile != newest.profile:
            others.append(
                LeftOut(file, f"is of the profile {about.profile}, and the newest report of {newest.profile}")
            )
        elif {*newest.scopes}.isdisjoint(about.scopes) and (newest.scopes or about.scopes):
            others.append(
                LeftOut(file, f"is of {_named(about.scopes)}, and the newest report of {_named(newest.scopes)}")
            )
        elif chosen and chosen[-1][1].about.moment == about.moment:
            others.append(LeftOut(file, f"is of the same time as {chosen[-1][0]}"))
        else:
            chosen.append((file, entry))
    return chosen, others


def _named(scopes: Iterable[str]) -> str:
    return ", ".join(scopes) or "no subscription"
