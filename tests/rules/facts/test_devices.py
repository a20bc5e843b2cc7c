"""The devices on which an instance has its directories."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import ask, said, shown
from tests.rules.facts.guest import cpf, gap, guest, mirror_of, vm_of

SIZE = s.size(MaxResourceVolumeMB="16384")
DISKS = ("sys", "db", "jrn", "alt")
MOUNTS: dict[str, str | None] = {
    "/": "/dev/sda2",
    "/mnt": "/dev/sdb1",
    "/iris/sys": "/dev/mapper/vgsys-lv",
    "/iris/db": "/dev/vgdb/lv-db",
    "/iris/jrn": "/dev/sde1",
    "/iris/alt": "/dev/sdf",
}
DEVICES: dict[str, Body] = {
    "sda": {"type": "disk", "temporary": False},
    "sda2": {"type": "part", "on": ["sda"]},
    "sdb": {"type": "disk", "temporary": True},
    "sdb1": {"type": "part", "on": ["sdb"]},
    "sdc": {"type": "disk", "temporary": False, "lun": 0},
    "vgsys-lv": {"type": "lvm", "on": ["sdc"]},
    "sdd": {"type": "disk", "temporary": False, "lun": 1},
    "vgdb-lv--db": {"type": "lvm", "on": ["sdd"]},
    "sde": {"type": "disk", "temporary": False, "lun": 2},
    "sde1": {"type": "part", "on": ["sde"]},
    "sdf": {"type": "disk", "temporary": False, "lun": 3},
}
PATHS = {"sys": "/iris/sys/mgr/", "db": "/iris/db/live/", "jrn": "/iris/jrn/", "alt": "/iris/alt/"}


def instance(wij: str = "", temp: str = "/mnt/temp/", **paths: str) -> Body:
    at = PATHS | paths
    return cpf(
        "a",
        databases=[
            {"name": "IRISSYS", "directory": at["sys"]},
            {"name": "IRISTEMP", "directory": temp},
            {"name": "DB", "directory": at["db"]},
        ],
        journal={"currentDirectory": at["jrn"], "alternateDirectory": at["alt"]},
        config={"wijdir": wij} if wij else {},
    )


def mounts(changes: dict[str, str | None] | None = None) -> Body:
    found = [
        {"target": target, **({"source": source} if source else {})}
        for target, source in (MOUNTS | (changes or {})).items()
    ]
    return guest("a", "findmnt.json", "mounts", mounts=found)


def devices(changes: dict[str, Body] | None = None) -> Body:
    found = [{"name": name, "on": [], **body} for name, body in (DEVICES | (changes or {})).items()]
    return guest("a", "lsblk.json", "block-devices", devices=found)


def found_by(fact: str, *files: Body, gaps: tuple[Body, ...] = (), size: Body = SIZE, **vm: Any) -> list[object]:
    built = mirror_of(*files, size, gaps=gaps, **{"disks": DISKS, **vm})
    (file,) = ask("vm.cpfs", built, vm_of(built)).value.known  # type: ignore[attr-defined]
    found = ask(fact, built, file).value
    return [*map(shown, found.known), *([shown(found.missing)] if found.missing else [])]  # type: ignore[attr-defined]


def shared(*files: Body, **keywords: Any) -> list[object]:
    return found_by("cpf.shared_devices", *files, **keywords)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ({}, []),
        ({"wij": "/iris/db/wij"}, []),
        ({"wij": "/iris/sys/wij"}, []),
        ({"wij": "/iris/jrn/wij"}, ["WIJ and journals on sde"]),
        ({"temp": "/iris/jrn/temp"}, []),
        ({"alt": "/iris/jrn/alt"}, ["journals and alternate journals on sde"]),
        ({"db": "/iris/sys/mgr/db"}, ["installation and databases on sdc"]),
        ({"db": "/iris/database"}, []),
        (
            {"db": "/iris/database", "sys": "/usr/irissys/mgr/"},
            ["installation and databases on sda"],
        ),
        (
            {"jrn": "/iris/db/jrn", "alt": "/iris/sys/alt"},
            [
                "installation and alternate journals on sdc",
                "databases and journals on sdd",
                "WIJ and alternate journals on sdc",
            ],
        ),
    ],
)
def test_groups_of_directories_are_on_devices_of_their_own(paths: dict[str, str], expected: list[object]) -> None:
    assert shared(instance(**paths), mounts(), devices()) == expected


@pytest.mark.parametrize(
    ("changed_mounts", "changed_devices", "expected"),
    [
        ({}, {"vgdb-lv--db": {"type": "lvm", "on": ["sdd", "sde"]}}, ["databases and journals on sde"]),
        (
            {"/iris/alt": "/dev/sde2"},
            {"sde2": {"type": "part", "on": ["sde"]}},
            ["journals and alternate journals on sde"],
        ),
        ({"/iris/db": None}, {}, [Cause.GUEST]),
        ({"/iris/db": "/dev/sdx"}, {}, [Cause.GUEST]),
        ({}, {"vgdb-lv--db": {"type": "lvm", "on": []}}, [Cause.GUEST]),
        ({}, {"vgdb-lv--db": {"type": "lvm", "on": ["vgdb-lv--db"]}}, [Cause.GUEST]),
        ({}, {"sdd": {"type": "disk", "lun": 9}}, [Cause.GUEST]),
        ({"/iris/db": None, "/iris/alt": "/dev/sde1"}, {}, ["journals and alternate journals on sde", Cause.GUEST]),
    ],
)
def test_a_device_is_a_disk_of_the_vm(
    changed_mounts: dict[str, str | None], changed_devices: dict[str, Body], expected: list[object]
) -> None:
    assert shared(instance(), mounts(changed_mounts), devices(changed_devices)) == expected


def test_without_both_files_nothing_is_known() -> None:
    assert shared(instance()) == shared(instance(), mounts()) == shared(instance(), devices()) == [Cause.GUEST]
    for what in ("mounts[*]", "devices[*]"):
        file = "findmnt.json" if what == "mounts[*]" else "lsblk.json"
        assert shared(instance(), mounts(), devices(), gaps=(gap("a", file, what),)) == [Cause.GUEST]
    second = guest("a", "lsblk-2.json", "block-devices", devices=[])
    assert shared(instance(), mounts(), devices(), second) == [Cause.GUEST]


def test_drive_letters_are_the_devices_of_windows() -> None:
    windows = {"sys": "C:\\IRIS\\mgr\\", "db": "F:\\db\\", "jrn": "G:\\jrn\\", "alt": "H:\\alt\\", "temp": "D:\\temp\\"}
    assert shared(instance(**windows)) == []
    assert shared(instance(**windows | {"alt": "g:\\alt\\"})) == ["journals and alternate journals on g:"]


def temporary(*files: Body, **keywords: Any) -> list[object]:
    return found_by("cpf.temporary_directories", *files, **keywords)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ({}, []),
        ({"db": "/mnt/db/"}, ["/mnt/db"]),
        ({"alt": "/mnt/resource/alt"}, ["/mnt/resource/alt"]),
        ({"wij": "/mnt"}, ["/mnt"]),
        ({"db": "/mntdb/"}, []),
    ],
)
def test_nothing_durable_is_on_the_temporary_disk(paths: dict[str, str], expected: list[object]) -> None:
    assert temporary(instance(**paths), mounts(), devices()) == expected


def test_a_disk_of_which_it_is_not_known_whether_it_is_temporary_is_unknown() -> None:
    assert temporary(instance(), mounts(), devices({"sdd": {"type": "disk"}})) == [Cause.VALUE]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ({}, [Cause.GUEST]),
        ({"db": "/mnt/resource/db"}, ["/mnt/resource/db", Cause.GUEST]),
        ({"db": "/mnt/db"}, [Cause.GUEST]),
        ({"sys": "C:\\mgr\\", "db": "F:\\db\\", "jrn": "G:\\", "alt": "H:\\", "temp": "D:\\"}, []),
        ({"sys": "C:\\mgr\\", "db": "d:\\db\\", "jrn": "G:\\", "alt": "H:\\", "temp": "D:\\"}, [Cause.GUEST]),
    ],
)
def test_without_the_files_only_the_usual_places_are_known(paths: dict[str, str], expected: list[object]) -> None:
    assert temporary(instance(**paths)) == expected


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"MaxResourceVolumeMB": "16384"}, True),
        ({"MaxResourceVolumeMB": "0"}, False),
        ({"MaxResourceVolumeMB": "0", "NvmeDiskSizeInMiB": "450560"}, True),
        ({"NvmeDiskSizeInMiB": "450560"}, True),
        ({}, Cause.VALUE),
        ({"MaxResourceVolumeMB": "much"}, Cause.VALUE),
    ],
)
def test_a_vm_size_has_a_temporary_disk(capabilities: dict[str, str], expected: object) -> None:
    built = mirror_of(s.size(**capabilities))
    assert said("vm.has_temporary_disk", built, vm_of(built)) == expected


def test_a_size_without_a_temporary_disk_needs_no_files() -> None:
    assert temporary(instance(db="/mnt/resource/db"), size=s.size(MaxResourceVolumeMB="0")) == []
    assert temporary(instance(db="/mnt/resource/db"), size=s.size()) == [Cause.VALUE]


def test_whether_files_show_a_shared_device_is_never_unknown() -> None:
    for files, expected in (((), False), ((mounts(), devices()), False)):
        built = mirror_of(instance(), *files, disks=DISKS)
        assert said("vm.shares_devices", built, vm_of(built)) is expected
    built = mirror_of(instance(alt="/iris/jrn"), mounts(), devices(), disks=DISKS)
    assert said("vm.shares_devices", built, vm_of(built)) is True
