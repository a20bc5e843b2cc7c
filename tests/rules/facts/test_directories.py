"""The directories that a CPF names."""

from __future__ import annotations

import pytest

from auditor.rules.facts.directories import Directory, directories
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Resource
from tests.estate.subscription import Body
from tests.rules.facts.asking import ask, said, shown
from tests.rules.facts.guest import cpf, gap, mirror_of, vm_of

SYSTEM: Body = {"name": "IRISSYS", "directory": "/iris/sys/mgr/"}


def apart(current: object, alternate: object) -> object:
    journal = {"currentDirectory": current, "alternateDirectory": alternate}
    built = mirror_of(cpf("a", journal={name: value for name, value in journal.items() if value is not None}))
    (file,) = ask("vm.cpfs", built, vm_of(built)).value.known  # type: ignore[attr-defined]
    return said("cpf.journals_apart", built, file)


@pytest.mark.parametrize(
    ("current", "alternate", "expected"),
    [
        ("/iris/jrn/", "/iris/jrnalt/", True),
        ("/iris/jrn/", "/iris/jrn", False),
        ("/iris//jrn/./", "//iris/jrn", False),
        ("/iris/jrn", "/iris/JRN", True),
        (r"F:\Jrn" + "\\", "f:/jrn", False),
        (r"F:\jrn", r"G:\jrn", True),
        ("/iris/jrn", "jrn", Cause.GUEST),
        ("/iris/jrn", r"\\server\share", Cause.GUEST),
        ("/iris/jrn", None, Cause.VALUE),
        (7, "/iris/jrn", Cause.VALUE),
    ],
)
def test_paths_of_one_directory_are_equal(current: object, alternate: object, expected: object) -> None:
    assert apart(current, alternate) == expected


def named(*gaps: Body, **properties: object) -> list[object]:
    built = mirror_of(cpf("a", **properties), gaps=gaps)
    (file,) = ask("vm.cpfs", built, vm_of(built)).value.known  # type: ignore[attr-defined]
    assert isinstance(file, Resource)
    found = directories(file)
    known = [(each.purpose, each.path) if isinstance(each, Directory) else shown(each) for each in found.known]
    return [*known, *([shown(found.missing)] if found.missing else [])]


JOURNAL: Body = {"currentDirectory": "/iris/jrn/", "alternateDirectory": "/iris/alt/"}
JOURNALS = [("journal", "/iris/jrn"), ("alternate", "/iris/alt")]
WIJ = ("wij", "/iris/sys/mgr")
"""Where it is without a directory of its own: beside the database of the system manager."""


def test_the_purpose_of_a_directory() -> None:
    databases = [
        SYSTEM,
        {"name": "iristemp", "directory": "/mnt/temp/"},
        {"name": "HSPILIB", "directory": "/iris/sys/mgr/hspilib/"},
        {"name": "DB", "directory": "/iris/db/"},
        {"name": "FAR", "directory": ":mirror:M:DB", "server": "OTHER"},
    ]
    assert named(databases=databases, journal=JOURNAL, config={"wijdir": "/iris/wij/"}) == [
        ("installation", "/iris/sys/mgr"),
        ("temporary", "/mnt/temp"),
        ("installation", "/iris/sys/mgr/hspilib"),
        ("database", "/iris/db"),
        *JOURNALS,
        ("wij", "/iris/wij"),
    ]


@pytest.mark.parametrize(
    ("databases", "expected"),
    [
        ([SYSTEM, "DB"], [("installation", "/iris/sys/mgr"), *JOURNALS, WIJ, Cause.VALUE]),
        ([SYSTEM, {"directory": "/db/"}], [("installation", "/iris/sys/mgr"), Cause.VALUE, *JOURNALS, WIJ]),
        ([SYSTEM, {"name": "DB"}], [("installation", "/iris/sys/mgr"), Cause.VALUE, *JOURNALS, WIJ]),
        ([{"name": "DB", "directory": "/db/"}], [("database", "/db"), *JOURNALS, Cause.GUEST]),
    ],
)
def test_what_is_not_known_is_unknown(databases: list[object], expected: list[object]) -> None:
    assert named(databases=databases, journal=JOURNAL) == expected


def test_what_was_not_read_is_unknown() -> None:
    assert named(gap("a", "iris.cpf", "databases[*]"), databases=[SYSTEM], journal=JOURNAL)[-1] is Cause.GUEST
    unread = named(gap("a", "iris.cpf", "config.wijdir"), databases=[SYSTEM], journal=JOURNAL)
    assert unread == [("installation", "/iris/sys/mgr"), *JOURNALS, Cause.GUEST]
