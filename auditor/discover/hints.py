"""Heuristics that suggest the role of a VM, one function per subject."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import APPLICATION_GATEWAY
from auditor.discover import guest_hints
from auditor.discover.candidates import DATABASES, Candidate, Candidates, Confidence, Hint
from auditor.discover.exclusions import exclude_copies, exclude_other_databases
from auditor.discover.names import stem_of
from auditor.discover.stated_mirrors import StatedMirror, stated_mirrors
from auditor.estate.declaration import Role
from auditor.estate.load_balancing import STATUS_PAGE
from auditor.estate.ports import SUPERSERVER_PORTS
from auditor.estate.tags import TAG_DEPLOYMENT, TAG_MIRROR, TAG_PRODUCT, TAG_ROLE, tag
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Part

_RoleHints = Iterator[tuple[Candidate, Hint]]

_WEB_PORTS: Final = frozenset({80, 443})


def collect_hints(candidates: Candidates) -> list[StatedMirror]:
    """Add to each candidate the hints about its role, and return the mirrors that CPFs state.

    The order matters: what CPFs say precedes tags, and hints from CSP.ini, other pools and availability sets depend on
    the hints before them.
    """
    exclude_copies(candidates)
    mirrors = stated_mirrors(candidates)
    _add(guest_hints.members(mirrors))
    _collect(candidates, _tags, _mirror_pools)
    exclude_other_databases(candidates)
    _add(guest_hints.servers(candidates, mirrors))
    _collect(candidates, _names, _other_pools, _availability_sets, _beside_arbiters)
    return mirrors


def _collect(candidates: Candidates, *subjects: Callable[[Candidates], _RoleHints]) -> None:
    for subject in subjects:
        _add(subject(candidates))


def _add(hints: _RoleHints) -> None:
    for vm, hint in list(hints):
        vm.hints.append(hint)


def _tags(candidates: Candidates) -> _RoleHints:
    """The auditor's own tags."""
    for vm in candidates.by_key.values():
        role = tag(vm.resource, TAG_ROLE).strip().lower()
        vm.product_hints += [
            f"it has the tag {name}"
            for name in (TAG_DEPLOYMENT, TAG_ROLE, TAG_MIRROR, TAG_PRODUCT)
            if tag(vm.resource, name)
        ]
        if role in set(Role):
            yield vm, Hint(Role(role), Confidence.CERTAIN, f"the tag {TAG_ROLE}")


def _mirror_pools(candidates: Candidates) -> _RoleHints:
    """Backend pools with a probe of the mirror status page, or with traffic to the superserver port.

    A pool with two VMs has the failover members; a pool with one VM probably has a DR async.
    """
    for pool, vms in candidates.pools():
        confidence, what = _serves_mirror(candidates, pool)
        if not confidence:
            continue
        members = _members(vms)
        for vm in members:
            role = Role.MIRROR_FAILOVER if len(members) > 1 else Role.MIRROR_DR
            vm.mirror_pools.append(pool.key)
            vm.product_hints.append(what)
            number = f"with {len(members)} VMs" if len(members) > 1 else "with this VM alone"
            yield vm, Hint(role, confidence if len(members) < 3 else Confidence.GUESS, f"{what}, {number}")


def _serves_mirror(candidates: Candidates, pool: Part) -> tuple[Confidence | None, str]:
    """Return the confidence that a pool serves a mirror, None without a hint, and the hint."""
    best: tuple[Confidence | None, str] = (None, "")
    for rule in candidates.load_balancing.rules_into(pool):
        probe = candidates.graph.follow(rule, "probe").value
        path = value(probe, "properties.requestPath").value if isinstance(probe, Part) else None
        if isinstance(path, str) and STATUS_PAGE.search(path):
            return Confidence.LIKELY, f"{pool.resource.name} probes the mirror status page of its pool"
        port = value(rule, "properties.backendPort").value
        if type(port) is int and port in SUPERSERVER_PORTS:
            best = (Confidence.GUESS, f"{pool.resource.name} sends traffic to the superserver port {port}")
    return best


def _members(vms: list[Candidate]) -> list[Candidate]:
    """Return the VMs of a mirror's pool that can be members, of more than two those that are named as databases.

    A VM whose name suggests another role is left out.
    """
    possible = [vm for vm in vms if (vm.role_by_name or Role.DB) in DATABASES]
    named = [vm for vm in possible if vm.role_by_name]
    return named if len(possible) > 2 and len(named) > 1 else possible


def _names(candidates: Candidates) -> _RoleHints:
    """Names of VMs."""
    for vm in candidates.by_key.values():
        role = vm.role_by_name
        if role is not None:
            yield vm, Hint(role, Confidence.GUESS, "its name", named=True)
        if role is Role.MIRROR_ARBITER:
            vm.product_hints.append("its name contains arbiter")


def _other_pools(candidates: Candidates) -> _RoleHints:
    """Other backend pools: VMs in one pool have one role, and VMs behind a web port are web servers."""
    of_mirrors = {pool for vm in candidates.by_key.values() for pool in vm.mirror_pools}
    for pool, vms in candidates.pools():
        if pool.key in of_mirrors:
            continue
        where = f"it is in a pool of {pool.resource.name}"
        roles = {vm.role_by_name for vm in vms if vm.role_by_name}
        if len(roles) == 1 and len(vms) > 1:
            for vm in vms:
                yield vm, Hint(next(iter(roles)), Confidence.GUESS, where)
        elif not roles and _serves_web(candidates, pool):
            for vm in vms:
                yield vm, Hint(Role.WEB, Confidence.GUESS, f"{where}, which receives web traffic")


def _serves_web(candidates: Candidates, pool: Part) -> bool:
    """Return whether a pool belongs to an application gateway, or receives the traffic of a web port."""
    ports = {value(rule, "properties.frontendPort").value for rule in candidates.load_balancing.rules_into(pool)}
    return pool.resource.type == APPLICATION_GATEWAY or any(type(p) is int and p in _WEB_PORTS for p in ports)


def _availability_sets(candidates: Candidates) -> _RoleHints:
    """Availability sets: VMs in one set have one role; the third VM beside two failover members is the arbiter."""
    sets: dict[str, list[Candidate]] = defaultdict(list)
    for vm in candidates.by_key.values():
        if vm.availability_set:
            sets[vm.availability_set].append(vm)
    for key, vms in sets.items():
        where = f"it shares the availability set {arm.name_of(key)}"
        roles = Counter(vm.role for vm in vms)
        rest = [vm for vm in vms if vm.role in {None, Role.MIRROR_ARBITER}]
        if roles[Role.MIRROR_FAILOVER] + roles[Role.DB] >= 2:
            for vm in rest if len(rest) == 1 else ():
                yield vm, Hint(Role.MIRROR_ARBITER, Confidence.GUESS, f"{where} with the failover members")
            continue
        known = [role for role in roles if role is not None]
        for vm in vms if len(known) == 1 and len(vms) > 1 else ():
            yield vm, Hint(known[0], Confidence.GUESS, where)


def _beside_arbiters(candidates: Candidates) -> _RoleHints:
    """Resource groups with an arbiter: if no VM there is a database server, the only two of like names are."""
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for vm in candidates.by_key.values():
        if not vm.excluded:
            groups[arm.subscription_of(vm.resource.key) + "/" + arm.group_of(vm.resource.key)].append(vm)
    for vms in groups.values():
        roles = {vm.role for vm in vms}
        if Role.MIRROR_ARBITER not in roles or roles & DATABASES:
            continue
        pairs: dict[str, list[Candidate]] = defaultdict(list)
        for vm in vms:
            if vm.role is None:
                pairs[stem_of(vm.words)].append(vm)
        found = [pair for pair in pairs.values() if len(pair) == 2]
        for vm in found[0] if len(found) == 1 else ():
            yield vm, Hint(Role.DB, Confidence.GUESS, "one of two VMs of like names beside the arbiter")
