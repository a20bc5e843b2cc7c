"""VMs that are not proposed: restored copies of other VMs, and servers with databases of other products."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import EXTENSION, VM
from auditor.discover.candidates import Candidate, Candidates
from auditor.discover.names import PRODUCT_WORDS, words_of
from auditor.snapshot.lookup import parts, value
from auditor.snapshot.model import Resource

_COPY: Final = re.compile(
    r"(?P<base>.*?)[-_.](?:restored?|recovered|copy|cloned?|test-?failover|failover-?test|asr-?test)(?:[-_.]?\d+)*",
    re.IGNORECASE,
)
"""The name of a copy: the word comes last, with a number or date perhaps."""
_COPY_FIRST: Final = re.compile(r"(?:restored?|recovered|copy|cloned?)[-_.](?:of[-_.])?(?P<base>.+)", re.IGNORECASE)
_TEST_FAILOVER: Final = re.compile(r"(?P<base>.+)-test", re.IGNORECASE)
"""The name that Azure Site Recovery gives the VM of a test failover; only if the VM itself is there too."""

_WORDS: Final = {
    "oracle": "Oracle Database",
    "ora": "Oracle Database",
    "oradb": "Oracle Database",
    "orcl": "Oracle Database",
    "sql": "SQL Server",
    "sqldb": "SQL Server",
    "sqlserver": "SQL Server",
    "sqlsrv": "SQL Server",
    "mssql": "SQL Server",
    "postgres": "PostgreSQL",
    "postgresql": "PostgreSQL",
    "pgsql": "PostgreSQL",
    "pg": "PostgreSQL",
    "pgdb": "PostgreSQL",
    "mongo": "MongoDB",
    "mongodb": "MongoDB",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "cassandra": "Apache Cassandra",
    "redis": "Redis",
    "hana": "SAP HANA",
    "db2": "Db2",
}
_PREFIXES: Final = ("oracle", "mssql", "sqlserver", "postgres", "pgsql", "mongo", "mysql", "mariadb", "sql")
"""Words that others are glued to, as in `sqlprd01`."""
_PORTS: Final = {
    1433: "SQL Server",
    1521: "Oracle Database",
    3306: "MySQL",
    5432: "PostgreSQL",
    6379: "Redis",
    27017: "MongoDB",
    50000: "Db2",
}
_SQL_AGENT: Final = "sqliaasagent"
_SQL_VM: Final = "microsoft.sqlvirtualmachine/sqlvirtualmachines"


def exclude_copies(candidates: Candidates) -> None:
    """Exclude the VMs that were restored or cloned from another VM."""
    names = {vm.name.casefold() for vm in candidates.by_key.values()}
    owners = _Owners(candidates)
    for vm in candidates.by_key.values():
        vm.excluded = _copy_by_name(vm, names) or _copy_by_disks(candidates, vm, owners)


def exclude_other_databases(candidates: Candidates) -> None:
    """Exclude the VMs that have a database of another product, unless a tag or a mirror's pool shows InterSystems'."""
    ports = _served_ports(candidates)
    registered = _registered(candidates)
    for vm in candidates.by_key.values():
        if vm.excluded or vm.is_certain or vm.mirror_pools:
            continue
        reasons = [*_by_image(vm), *_by_agent(vm, registered), *_by_name(vm)]
        if not PRODUCT_WORDS & vm.words:
            reasons += [*_by_tags(vm), *ports.get(vm.resource.key, ())]
        vm.excluded = next(iter(reasons), "")


# --- copies -----------------------------------------------------------------------------------------------------------


def _copy_by_name(vm: Candidate, names: set[str]) -> str:
    """Return why the name shows a copy, "" if it does not."""
    for pattern, needs_original in ((_COPY, False), (_COPY_FIRST, False), (_TEST_FAILOVER, True)):
        found = pattern.fullmatch(vm.name)
        base = found["base"] if found else ""
        if base and (not needs_original or base.casefold() in names):
            original = f" of {base}" if base.casefold() in names else ""
            return f"a restored or cloned copy{original} by its name"
    return ""


class _Owners:
    """The VMs to which disks are attached, by keys."""

    def __init__(self, candidates: Candidates) -> None:
        """Index the disks of all VMs; of two disks of one name, a restore point is of that with the longer key."""
        self.of = {disk: vm.key for vm in candidates.graph.by_type.get(VM, ()) for disk in _disks(vm)}
        self._named: dict[str, tuple[int, int, str]] = {}
        for place, (disk, owner) in enumerate(self.of.items()):
            entry = len(disk), -place, owner
            name = arm.name_of(disk)
            self._named[name] = max(entry, self._named.get(name, entry))

    def of_restore_point(self, name: str) -> str:
        """Return the VM whose disk a restore point is of, "" if none is: it is named by the disk, and a number."""
        beginnings = (name[:place] for place, letter in enumerate(name) if letter == "_")
        found = [self._named[beginning] for beginning in beginnings if beginning in self._named]
        return max(found)[-1] if found else ""


def _disks(vm: Resource) -> Iterator[str]:
    found = [value(vm, "properties.storageProfile.osDisk.managedDisk.id").value]
    found += [value(disk, "managedDisk.id").value for disk in parts(vm, "properties.storageProfile.dataDisks[*]")]
    return (arm.key(disk) for disk in found if isinstance(disk, str))


def _copy_by_disks(candidates: Candidates, vm: Candidate, owners: _Owners) -> str:
    """Return why the disks show a copy: all of them were created from disks that another VM still has."""
    originals = [_original(candidates, disk, owners) for disk in _disks(vm.resource)]
    if not originals or "" in originals or vm.resource.key in originals:
        return ""
    return f"a restored or cloned copy of {arm.name_of(originals[0])} by the source of its disks"


def _original(candidates: Candidates, disk: str, owners: _Owners) -> str:
    """Return the key of the VM that has the disk from which another disk was created, "" if that is not known."""
    resource = candidates.graph.resources.get(disk)
    for _ in range(2):  # a disk is created from another disk, or from a snapshot or restore point of one
        if resource is None:
            return ""
        data = value(resource, "properties.creationData.sourceResourceId").value
        source = arm.key(data) if isinstance(data, str) else ""
        if source in owners.of or "/restorepoints/" in source:
            return owners.of.get(source, "") or owners.of_restore_point(arm.name_of(source))
        resource = candidates.graph.resources.get(source)
    return ""


# --- other databases --------------------------------------------------------------------------------------------------


def _product_in(words: frozenset[str]) -> str:
    """Return the database product that some words name, "" if they name none; Oracle Linux is none."""
    if "linux" in words:
        return ""
    found = next((_WORDS[word] for word in sorted(words) if word in _WORDS), "")
    glued = (_WORDS[front] for word in sorted(words) for front in _PREFIXES if word.startswith(front))
    return found or next(glued, "")


def _by_name(vm: Candidate) -> Iterator[str]:
    product = _product_in(vm.words)
    if product:
        yield f"a server with {product} by its name"


def _by_image(vm: Candidate) -> Iterator[str]:
    image = "properties.storageProfile.imageReference"
    places = (f"{image}.publisher", f"{image}.offer", "plan.publisher", "plan.product", f"{image}.id")
    texts = [text for place in places if isinstance(text := value(vm.resource, place).value, str)]
    words = words_of(" ".join(arm.name_of(text.partition("/versions/")[0]) for text in texts))
    # Oracle publishes images of its Linux as well.
    product = "SQL Server" if "microsoftsqlserver" in " ".join(texts).lower() else _product_in(words)
    if product and (product != _WORDS["oracle"] or words & {"database", "db"}):
        yield f"a server with {product} by its image"


def _registered(candidates: Candidates) -> set[str]:
    """Return the keys of the VMs that have the agent of SQL Server, or are registered as servers with it."""
    known = candidates.graph.by_type
    agents = (e for e in known.get(EXTENSION, ()) if str(value(e, "properties.type").value).lower() == _SQL_AGENT)
    ids = (value(e, "properties.virtualMachineResourceId").value for e in known.get(_SQL_VM, ()))
    return {*(arm.parent_of(e.key) for e in agents), *(arm.key(found) for found in ids if isinstance(found, str))}


def _by_agent(vm: Candidate, registered: Container[str]) -> Iterator[str]:
    if vm.resource.key in registered:
        yield "a server with SQL Server by its registration with Azure"


def _by_tags(vm: Candidate) -> Iterator[str]:
    tags = value(vm.resource, "tags").value
    for name, text in tags.items() if isinstance(tags, dict) else ():
        product = _product_in(words_of(text)) if isinstance(text, str) else ""
        if product:
            yield f"a server with {product} by its tag {name}"


def _served_ports(candidates: Candidates) -> dict[str, list[str]]:
    """Return the reasons by load-balancing rules to the port of another database, by the key of each VM."""
    found: dict[str, list[str]] = {}
    for pool, vms in candidates.pools():
        ports = [value(rule, "properties.backendPort").value for rule in candidates.load_balancing.rules_into(pool)]
        products = [(port, _PORTS[port]) for port in ports if type(port) is int and port in _PORTS]
        for port, product in products[:1]:
            for vm in vms:
                reason = f"a server with {product} by port {port}, to which {pool.resource.name} sends traffic"
                found.setdefault(vm.resource.key, []).append(reason)
    return found
