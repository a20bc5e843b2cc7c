"""The directories that a CPF names, and what they are for."""

from __future__ import annotations

import ntpath
import posixpath
import re
from typing import Final, NamedTuple

from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unusable
from auditor.snapshot.model import Part, Resource

INSTALLATION: Final = "installation"
DATABASE: Final = "database"
JOURNAL: Final = "journal"
ALTERNATE: Final = "alternate"
WIJ: Final = "wij"
TEMPORARY: Final = "temporary"
"""What a directory is for, in the words of `disks` in the deployment file; `temporary` is that of a database that each
start of the instance empties."""

_DATABASES: Final = "properties.databases[*]"
_MANAGER: Final = frozenset({"IRISSYS", "CACHESYS"})
"""The database in the directory of the system manager."""
_EMPTIED: Final = frozenset({"IRISTEMP", "CACHETEMP"})
_SYSTEM: Final = frozenset(
    {
        *("IRISSYS", "IRISLIB", "IRISLOCALDATA", "IRISAUDIT", "IRISSECURITY", "IRISMETRICS", "ENSLIB", "USER"),
        *("CACHESYS", "CACHELIB", "CACHE", "CACHEAUDIT", "SAMPLES", "DOCBOOK", "ENSDEMO"),
        *("HSSYS", "HSLIB", "HSCUSTOM", "HSSYSLOCALTEMP"),
        *("HSAALIB", "HSCOMMLIB", "HSPD", "HSPDLIB", "HSPILIB", "VIEWERLIB", "MPRLLIB"),
    }
)
"""The names of databases that an installation of IRIS, Caché, Ensemble or HealthShare brings.

They are those of "System Databases" in the orientation guides of IRIS and Caché, and of the reference of upgrades.
"""
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")


class Directory(NamedTuple):
    """A directory on the VM of an instance."""

    purpose: str
    path: str
    """In the form in which equal directories are equal."""
    reads: tuple[Read, ...]

    @property
    def drive(self) -> str:
        """Return the drive letter with its colon, "" on Linux."""
        return ntpath.splitdrive(self.path)[0] if _DRIVE.match(self.path) else ""


@fact("cpf.journals_apart", "guest-file", gives="boolean")
def journals_apart(_: Context, cpf: Resource) -> Answer:
    """Whether the journals and the alternate journals of the instance have different directories."""
    both = [_directory(text_at(cpf, f"properties.journal.{name}Directory"), "") for name in ("current", "alternate")]
    reads = tuple(read for found in both for read in found.reads)
    unknown = next((found for found in both if isinstance(found, Answer)), None)
    if unknown is not None:
        return Answer(unknown.value, reads)
    return Answer(len({found.path for found in both if isinstance(found, Directory)}) == len(both), reads)


def directories(cpf: Resource) -> PartialList:
    """Return the directories of an instance as `Directory`; that of another server's database is none.

    The WIJ is in the directory of the system manager if it has no other one.
    """
    found: list[Directory | Answer] = []
    databases = objects(cpf, _DATABASES)
    names: list[str] = []
    managers: list[Directory | Answer] = []
    for database in databases.of_type(Part):
        server, name = text_at(database, "server"), required(text_at(database, "name"))
        if isinstance(server.value, str):
            continue
        unknown = next((each for each in (server, name) if isinstance(each.value, Unknown)), None)
        names.append(str(name.value).upper())
        found.append(unknown or _directory(text_at(database, "directory"), _purpose(names[-1])))
        managers += found[-1:] if names[-1] in _MANAGER else []
    for purpose, key in ((JOURNAL, "currentDirectory"), (ALTERNATE, "alternateDirectory")):
        found.append(_directory(text_at(cpf, f"properties.journal.{key}"), purpose))
    wij = text_at(cpf, "properties.config.wijdir")
    if wij.value is not ABSENT:
        found.append(_directory(wij, WIJ))
    else:
        found += (each._replace(purpose=WIJ) for each in managers if isinstance(each, Directory))
    missing = databases.missing
    if missing is None and _MANAGER.isdisjoint(names):
        reason = f"{cpf.id} has no database of the system manager, so that it may not be whole"
        missing = Unknown(Cause.GUEST, reason, about=(cpf.id,))
    known = tuple(each.value if isinstance(each, Answer) else each for each in found)
    return PartialList((*known, *databases.of_type(Unknown)), missing)


def _purpose(database: str) -> str:
    if database in _EMPTIED:
        return TEMPORARY
    return INSTALLATION if database in _SYSTEM else DATABASE


def _directory(found: Answer, purpose: str) -> Directory | Answer:
    """Return a directory, or an unknown answer."""
    path = _comparable(found.value) if isinstance(found.value, str) else ""
    if path:
        return Directory(purpose, path, found.reads)
    if isinstance(found.value, str):
        read = found.reads[-1]
        reason = f"{read.resource}: {read.path} is {found.value}, which is no directory with a whole path"
        return Answer(Unknown(Cause.GUEST, reason, about=(read.resource,)), found.reads)
    return Answer(unusable(found, "a directory"), found.reads)


def _comparable(path: str) -> str:
    """Return the form of a whole path in which equal ones are equal, "" if it is none; Windows ignores case."""
    if _DRIVE.match(path):
        return ntpath.normcase(ntpath.normpath(path))
    return posixpath.normpath(f"/{path.lstrip('/')}") if path.startswith("/") else ""
