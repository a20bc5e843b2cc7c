"""What speaks for the roles of machines, one subject each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.discover.machines import DATABASES, Hint, Inventory, Machine, Sure
from auditor.estate.declaration import Role
from auditor.estate.graph import APPLICATION_GATEWAY, value
from auditor.estate.load_balancing import STATUS_PAGE
from auditor.estate.tags import TAG_DEPLOYMENT, TAG_MIRROR, TAG_PRODUCT, TAG_ROLE, tag
from auditor.snapshot.model import Part

_Evidence = Iterator[tuple[Machine, Hint]]

_SUPERSERVERS: Final = frozenset({1972, 51773})
_WEB_PORTS: Final = frozenset({80, 443})


def weigh(inventory: Inventory) -> None:
    """Give each machine the hints that speak for its role.

    The order matters: what other pools and sets say depends on what is known by then of the machines in them.
    """
    for evidence in (_tags, _mirror_pools, _names, _other_pools, _availability_sets):
        for machine, hint in list(evidence(inventory)):
            machine.hints.append(hint)


def _tags(inventory: Inventory) -> _Evidence:
    """What somebody said with the auditor's own tags."""
    for machine in inventory.machines.values():
        role = tag(machine.resource, TAG_ROLE).strip().lower()
        machine.anchors += [
            f"it has the tag {name}"
            for name in (TAG_DEPLOYMENT, TAG_ROLE, TAG_MIRROR, TAG_PRODUCT)
            if tag(machine.resource, name)
        ]
        if role in set(Role):
            yield machine, Hint(Role(role), Sure.CERTAIN, f"the tag {TAG_ROLE} says so")


def _mirror_pools(inventory: Inventory) -> _Evidence:
    """Pools of which a balancer asks for the mirror status page, or to which it leads superserver traffic.

    One that holds two machines holds the failover members, one that holds a single machine probably a DR member.
    """
    for pool, machines in inventory.pools():
        asked, what = _asks_for_mirror(inventory, pool)
        if not asked:
            continue
        members = _members(machines)
        for machine in members:
            role = Role.MIRROR_FAILOVER if len(members) > 1 else Role.MIRROR_DR
            machine.mirror_pools.append(pool.key)
            machine.anchors.append(what)
            number = f"as one of {len(members)}" if len(members) > 1 else "alone"
            yield machine, Hint(role, asked if len(members) < 3 else Sure.GUESS, f"{what}, {number}")


def _asks_for_mirror(inventory: Inventory, pool: Part) -> tuple[Sure | None, str]:
    """Return how surely a pool is a mirror's, None where nothing says so, and what says it."""
    best: tuple[Sure | None, str] = (None, "")
    for rule in inventory.balancing.rules_into(pool):
        probe = inventory.balancing.probe(rule).value
        path = value(probe, "properties.requestPath").value if isinstance(probe, Part) else None
        if isinstance(path, str) and STATUS_PAGE.search(path):
            return Sure.LIKELY, f"{pool.resource.name} asks its pool for the mirror status page"
        port = value(rule, "properties.backendPort").value
        if type(port) is int and port in _SUPERSERVERS:
            best = (Sure.GUESS, f"{pool.resource.name} leads to the superserver port {port}")
    return best


def _members(machines: list[Machine]) -> list[Machine]:
    """Return the members of a mirror's pool; where there are too many, those whose names say that they are databases.

    A machine that its name calls something else never is one.
    """
    possible = [machine for machine in machines if (machine.called or Role.DB) in DATABASES]
    named = [machine for machine in possible if machine.called]
    return named if len(possible) > 2 and len(named) > 1 else possible


def _names(inventory: Inventory) -> _Evidence:
    """What machines are called."""
    for machine in inventory.machines.values():
        role = machine.called
        if role is not None:
            yield machine, Hint(role, Sure.GUESS, "its name", named=True)
        if role is Role.MIRROR_ARBITER:
            machine.anchors.append("it is called an arbiter")


def _other_pools(inventory: Inventory) -> _Evidence:
    """Who stands behind one balancer or gateway with machines whose names tell, or behind a web port."""
    for pool, machines in inventory.pools():
        if any(pool.key in machine.mirror_pools for machine in machines):
            continue
        where = f"it is in a pool of {pool.resource.name}"
        roles = {machine.called for machine in machines if machine.called}
        if len(roles) == 1 and len(machines) > 1:
            for machine in machines:
                yield machine, Hint(next(iter(roles)), Sure.GUESS, where)
        elif not roles and _leads_to_web(inventory, pool):
            for machine in machines:
                yield machine, Hint(Role.WEB, Sure.GUESS, f"{where}, which takes web traffic")


def _leads_to_web(inventory: Inventory, pool: Part) -> bool:
    """Tell whether a pool is a gateway's, or gets what comes for a web port."""
    ports = {value(rule, "properties.frontendPort").value for rule in inventory.balancing.rules_into(pool)}
    return pool.resource.type == APPLICATION_GATEWAY or any(type(p) is int and p in _WEB_PORTS for p in ports)


def _availability_sets(inventory: Inventory) -> _Evidence:
    """Who shares an availability set: the third one among failover members is their arbiter."""
    sets: dict[str, list[Machine]] = defaultdict(list)
    for machine in inventory.machines.values():
        if machine.availability_set:
            sets[machine.availability_set].append(machine)
    for key, machines in sets.items():
        where = f"it shares the availability set {arm.name_of(key)}"
        roles = Counter(machine.role for machine in machines)
        rest = [machine for machine in machines if machine.role in {None, Role.MIRROR_ARBITER}]
        if roles[Role.MIRROR_FAILOVER] + roles[Role.DB] >= 2:
            for machine in rest if len(rest) == 1 else ():
                yield machine, Hint(Role.MIRROR_ARBITER, Sure.GUESS, f"{where} with the failover members")
            continue
        known = [role for role in roles if role is not None]
        for machine in machines if len(known) == 1 and len(machines) > 1 else ():
            yield machine, Hint(known[0], Sure.GUESS, where)
