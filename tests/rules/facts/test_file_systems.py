"""The file systems on which an instance has its directories."""

from __future__ import annotations

import pytest

from auditor.snapshot.known import Answer, Cause, PartialList
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import ask, said, shown
from tests.rules.facts.guest import cpf, gap, guest, mirror_of, vm_of

CPF = cpf(
    "a",
    databases=[
        {"name": "IRISSYS", "directory": "/iris/sys/mgr/"},
        {"name": "A", "directory": "/iris/db/a/"},
        {"name": "B", "directory": "/iris/db/b/"},
    ],
    journal={"currentDirectory": "/iris/jrn/", "alternateDirectory": "/iris/alt/"},
)


def mounts(*targets: str) -> Body:
    return guest("a", "findmnt.json", "mounts", mounts=[{"target": target} for target in targets])


def targets(fact: str, *files: Body, gaps: tuple[Body, ...] = ()) -> list[object]:
    built = mirror_of(CPF, *files, gaps=gaps)
    (file,) = ask("vm.cpfs", built, vm_of(built)).value.known  # type: ignore[attr-defined]
    found: Answer = ask(fact, built, file)
    known = PartialList.of(found.value).known
    return [value(item, "target").value if isinstance(item, Part) else shown(item) for item in known]


def test_each_file_system_is_listed_once() -> None:
    file = mounts("/", "/iris", "/iris/db", "/iris/jrn", "/iris/j")
    assert targets("cpf.database_mounts", file) == ["/iris/db"]
    assert targets("cpf.other_mounts", file) == ["/iris", "/iris/jrn"]


def test_of_several_file_systems_at_a_mount_point_the_last_one_counts() -> None:
    built = mirror_of(CPF, mounts("/", "/iris/db", "/iris/db/", "/iris"))
    (file,) = ask("vm.cpfs", built, vm_of(built)).value.known  # type: ignore[attr-defined]
    (found,) = PartialList.of(ask("cpf.database_mounts", built, file).value).of_type(Part)
    assert found.path == "properties.mounts[2]"


def test_a_file_system_that_was_not_read_is_unknown() -> None:
    assert targets("cpf.database_mounts") == [Cause.GUEST]
    assert targets("cpf.database_mounts", mounts("/opt")) == [Cause.GUEST] * 2
    assert targets("cpf.database_mounts", mounts("/"), gaps=(gap("a", "findmnt.json", "mounts[*]"),)) == [Cause.GUEST]


@pytest.mark.parametrize(
    ("options", "mode", "times"),
    [
        (["rw", "noatime"], "ordered", "noatime"),
        (["rw", "relatime", "data=journal"], "journal", "relatime"),
        (["rw", "data=writeback"], "writeback", "strictatime"),
        ("rw,noatime", Cause.VALUE, Cause.VALUE),
        (None, Cause.VALUE, Cause.VALUE),
    ],
)
def test_what_is_not_among_the_options_has_the_default_of_linux(options: object, mode: object, times: object) -> None:
    body = {"target": "/", **({} if options is None else {"options": options})}
    built = mirror_of(guest("a", "findmnt.json", "mounts", mounts=[body]))
    file = s.item(built, "Compute/virtualMachines", "a/guest/findmnt.json")
    mount = Part(file, "properties.mounts[0]", body)
    assert said("mount.data_mode", built, mount) == mode
    assert said("mount.access_times", built, mount) == times
