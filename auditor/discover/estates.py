"""Which machines belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from auditor.azure import arm
from auditor.discover.machines import DATABASES, Inventory, Machine
from auditor.estate.declaration import Role
from auditor.estate.graph import VIRTUAL_NETWORK, parts, value


class _Groups:
    """Machines that were found to belong together; what tags or environments keep apart stays apart."""

    def __init__(self, machines: Iterable[Machine]) -> None:
        self._of: dict[str, list[Machine]] = {machine.resource.key: [machine] for machine in machines}

    def join(self, one: Machine, other: Machine) -> None:
        a, b = self._of[one.resource.key], self._of[other.resource.key]
        if a is b or not _may_join(a, b):
            return
        small, large = sorted((a, b), key=len)
        large += small
        for machine in small:
            self._of[machine.resource.key] = large

    def all(self) -> list[list[Machine]]:
        groups = {id(group): group for group in self._of.values()}
        return [sorted(group, key=lambda machine: machine.resource.key) for group in groups.values()]


def _may_join(one: list[Machine], other: list[Machine]) -> bool:
    labels, others = label_of(one).casefold(), label_of(other).casefold()
    if labels or others:
        return labels == others or (not (labels and others) and one[0].production is other[0].production)
    return one[0].production is other[0].production


def label_of(machines: list[Machine]) -> str:
    """Return the deployment that a tag of some of the machines names, "" where none does."""
    return next((machine.label for machine in machines if machine.label), "")


def estates(inventory: Inventory) -> list[list[Machine]]:
    """Sort the machines that have a role into deployments, by tags, pools, sets, resource groups and networks.

    Only those are returned of which something says that they are InterSystems'.
    """
    machines = [machine for machine in inventory.machines.values() if machine.role]
    groups = _Groups(machines)
    peers = _peers(inventory)
    sorts: tuple[dict[str, list[Machine]], ...] = tuple(defaultdict(list) for _ in range(6))
    for machine in machines:
        keys: tuple[Iterable[str], ...] = (
            [machine.label.casefold()],
            machine.mirror_pools,
            [machine.availability_set],
            [arm.subscription_of(machine.resource.key) + "/" + arm.group_of(machine.resource.key)],
            machine.networks,
            [pair for network in machine.networks for pair in peers[network]],
        )
        for sort, found in zip(sorts, keys, strict=True):
            for key in found:
                sort[key].append(machine)
    for sort in sorts:
        for key, together in sort.items():
            for machine in together[1:] if key else ():
                groups.join(together[0], machine)
    _adopt(groups)
    ours = (group for group in groups.all() if _is_ours(group))
    return sorted(ours, key=lambda group: group[0].resource.key)


def _peers(inventory: Inventory) -> dict[str, list[str]]:
    """Return, by network, a key for each peering that it is a side of."""
    peers: dict[str, list[str]] = defaultdict(list)
    for network in inventory.graph.by_type.get(VIRTUAL_NETWORK, ()):
        for peering in parts(network, "properties.virtualNetworkPeerings[*]"):
            remote = value(peering, "properties.remoteVirtualNetwork.id").value
            if isinstance(remote, str):
                pair = " ".join(sorted((network.key, arm.key(remote))))
                peers[network.key].append(pair)
                peers[arm.key(remote)].append(pair)
    return peers


def _adopt(groups: _Groups) -> None:
    """Give a group without failover members, such as a DR region, to the only one that has some."""

    def has_mirror(group: list[Machine]) -> bool:
        return sum(machine.role in {Role.MIRROR_FAILOVER, Role.DB} for machine in group) > 1

    everyone = groups.all()
    for group in everyone:
        if not has_mirror(group) and not label_of(group) and any(machine.role in DATABASES for machine in group):
            homes = [other for other in everyone if has_mirror(other) and _may_join(other, group)]
            if len(homes) == 1 and any(machine.anchors for machine in homes[0]):
                groups.join(homes[0][0], group[0])


def _is_ours(estate: list[Machine]) -> bool:
    """Tell whether anything says InterSystems of some machines, and one of them is a database or tagged."""
    data = any(machine.role in DATABASES or machine.label for machine in estate)
    return data and any(machine.anchors for machine in estate)
