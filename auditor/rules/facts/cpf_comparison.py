"""Facts of the CPFs of mirror members, compared with each other: a mirror does not copy the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.mirror_settings import cpf_of, cpfs
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, objects, required, value
from auditor.snapshot.model import Part, Resource

_STARTUP: Final = (
    "defaultPort",
    "enableVssBackup",
    "ensembleAutoStart",
    "ipv6",
    "jobServers",
    "systemMode",
    "webServer",
    "webServerPort",
    "webServerUrlPrefix",
)
_MEMORY: Final = (
    "bbsiz",
    "globals",
    "gmheap",
    "ijcbuff",
    "ijcnum",
    "jrnbufs",
    "locksiz",
    "maxServerConn",
    "maxServers",
    "memlock",
    "routines",
)
_LISTS: Final = {
    "databases": ("name",),
    "namespaces": ("name", "globals", "routines"),
    "maps": ("namespace", "sha256"),
}
"""Lists of a CPF, with what is compared of each item; the directories of databases are not."""
_SAME: Final = ("configFile.product", "configFile.version", *_LISTS)
"""What is the same on all members."""
_FAILOVER: Final = (*(f"startup.{name}" for name in _STARTUP), *(f"config.{name}" for name in _MEMORY))
"""What is the same on the failover members, which take over from each other at any time."""
_OPTIONAL: Final = frozenset({"routines"})
"""Values of items that may be absent."""


@fact("mirror.unlike_settings", "mirror", gives="text*")
def unlike_settings(context: Context, mirror: Mirror) -> Answer:
    """The settings in which the CPFs of the failover members differ, such as `config.globals`.

    Paths are left out, and so is what each member has of its own. Where the CPF of a DR async was supplied, its
    product, version, databases, namespaces and mappings are compared too: it may have less memory, and other ports.
    """
    members = PartialList.of(cpfs(context, mirror).value)
    dr = _asyncs(context, mirror)
    unknown = members.incomplete_because or dr.incomplete_because
    known: dict[object, None] = {}
    reads: list[Read] = []
    for one, other, names in _pairs(members.of_type(Resource), dr.of_type(Resource)):
        for name in names:
            found = _differs(name, one, other)
            if found.value is True:
                known[name] = None
                reads += found.reads
            elif isinstance(found.value, Unknown):
                unknown = unknown or found.value
    return Answer(PartialList(tuple(known), unknown), tuple(reads))


def _pairs(members: list[Resource], dr: list[Resource]) -> Iterator[tuple[Resource, Resource, tuple[str, ...]]]:
    """Yield two CPFs, and the names of what is compared."""
    for one in members[:1]:
        yield from ((one, other, (*_SAME, *_FAILOVER)) for other in members[1:])
        yield from ((one, other, _SAME) for other in dr)


def _asyncs(context: Context, mirror: Mirror) -> PartialList:
    """Return the CPFs of the DR asyncs of which any was supplied."""
    vms, files = PartialList.of(mirror.dr), context.topology.guest_files
    given = tuple(vm for vm in vms.of_type(Resource) if files.has(vm, GuestKind.CPF))
    return PartialList(tuple(cpf_of(context, vm, mirror) for vm in given), vms.incomplete_because)


def _setting(cpf: Resource, name: str) -> Answer:
    """Return what a CPF has under a name; numbers between commas as a tuple."""
    if name in _LISTS:
        return _items(cpf, name, _LISTS[name])
    found = value(cpf, f"properties.{name}")
    if not isinstance(found.value, list):
        return found
    numbers = items(cpf, f"properties.{name}[*]")
    known = PartialList.of(numbers.value)
    return Answer(known.incomplete_because or known.known, numbers.reads)


def _items(cpf: Resource, name: str, keys: tuple[str, ...]) -> Answer:
    """Return the items of a list as a set of tuples; names are compared without regard to case."""
    found = objects(cpf, f"properties.{name}[*]")
    rows = set()
    reads: list[Read] = [Read(cpf.id, f"properties.{name}", ABSENT)] if not found.known else []
    for item in found.of_type(Part):
        answers = [text_at(item, key) if key in _OPTIONAL else required(text_at(item, key)) for key in keys]
        reads += (read for answer in answers for read in answer.reads)
        unknown = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
        if unknown is not None:
            return Answer(unknown, tuple(reads))
        rows.add(tuple("" if answer.value is ABSENT else str(answer.value).upper() for answer in answers))
    return Answer(found.incomplete_because or frozenset(rows), tuple(reads))


def _differs(name: str, one: Resource, other: Resource) -> Answer:
    """Return whether two CPFs differ in a setting; unknown if only one of them has it."""
    found = [_setting(cpf, name) for cpf in (one, other)]
    reads = tuple(read for answer in found for read in answer.reads)
    values = [answer.value for answer in found]
    unknown = next((each for each in values if isinstance(each, Unknown)), None)
    if unknown is None and values.count(ABSENT) == 1:
        lacking = (one, other)[values.index(ABSENT)]
        unknown = Unknown(Cause.GUEST, f"{lacking.id} has no {name}", about=(lacking.id,))
    comparable = [each.upper() if isinstance(each, str) else each for each in values]
    return Answer(unknown or comparable[0] != comparable[1], reads)
