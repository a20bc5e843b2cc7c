"""Grouping of candidates into deployments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from auditor.azure import arm
from auditor.azure.types.names import VIRTUAL_NETWORK
from auditor.discover.candidates import DATABASES, Candidate, Candidates
from auditor.estate.declaration import Role
from auditor.snapshot.lookup import parts, value


class _Groups:
    """Disjoint groups of candidates. Different deployment tags, or different environments, are never joined."""

    def __init__(self, vms: Iterable[Candidate]) -> None:
        self._of: dict[str, list[Candidate]] = {vm.resource.key: [vm] for vm in vms}

    def join(self, one: Candidate, other: Candidate) -> None:
        a, b = self._of[one.resource.key], self._of[other.resource.key]
        if a is b or not _can_join(a, b):
            return
        small, large = sorted((a, b), key=len)
        large += small
        for vm in small:
            self._of[vm.resource.key] = large

    def all(self) -> list[list[Candidate]]:
        groups = {id(group): group for group in self._of.values()}
        return [sorted(group, key=lambda vm: vm.resource.key) for group in groups.values()]


def _can_join(one: list[Candidate], other: list[Candidate]) -> bool:
    labels, others = deployment_tag_of(one).casefold(), deployment_tag_of(other).casefold()
    if labels or others:
        return labels == others or (not (labels and others) and one[0].production is other[0].production)
    return one[0].production is other[0].production


def deployment_tag_of(vms: list[Candidate]) -> str:
    """Return the deployment named by the tag of any of several VMs, "" if none has one."""
    return next((vm.deployment_tag for vm in vms if vm.deployment_tag), "")


def group_into_deployments(candidates: Candidates) -> list[list[Candidate]]:
    """Group the candidates that have a role into deployments.

    They are joined by mirror in a CPF, deployment tag, mirror pool, availability set, resource group, virtual network
    and peering, in this order. Groups without a hint of an InterSystems product are left out.
    """
    vms = [vm for vm in candidates.by_key.values() if vm.role]
    groups = _Groups(vms)
    peers = _peers(candidates)
    sorts: tuple[dict[str, list[Candidate]], ...] = tuple(defaultdict(list) for _ in range(7))
    for vm in vms:
        keys: tuple[Iterable[str], ...] = (
            vm.mirrors,
            [vm.deployment_tag.casefold()],
            vm.mirror_pools,
            [vm.availability_set],
            [arm.subscription_of(vm.resource.key) + "/" + arm.group_of(vm.resource.key)],
            vm.networks,
            [pair for network in vm.networks for pair in peers[network]],
        )
        for sort, found in zip(sorts, keys, strict=True):
            for key in found:
                sort[key].append(vm)
    for sort in sorts:
        for key, together in sort.items():
            for vm in together[1:] if key else ():
                groups.join(together[0], vm)
    _join_dr_groups(groups)
    ours = (group for group in groups.all() if _is_intersystems(group))
    return sorted(ours, key=lambda group: group[0].resource.key)


def _peers(candidates: Candidates) -> dict[str, list[str]]:
    """Return the peerings of each virtual network, by its key."""
    peers: dict[str, list[str]] = defaultdict(list)
    for network in candidates.graph.by_type.get(VIRTUAL_NETWORK, ()):
        for peering in parts(network, "properties.virtualNetworkPeerings[*]"):
            remote = value(peering, "properties.remoteVirtualNetwork.id").value
            if isinstance(remote, str):
                pair = " ".join(sorted((network.key, arm.key(remote))))
                peers[network.key].append(pair)
                peers[arm.key(remote)].append(pair)
    return peers


def _join_dr_groups(groups: _Groups) -> None:
    """Join a group of databases without failover members, such as a DR region, to the only group that has them."""

    def has_mirror(group: list[Candidate]) -> bool:
        return sum(vm.role in {Role.MIRROR_FAILOVER, Role.DB} for vm in group) > 1

    everyone = groups.all()
    for group in everyone:
        if not has_mirror(group) and not deployment_tag_of(group) and any(vm.role in DATABASES for vm in group):
            homes = [other for other in everyone if has_mirror(other) and _can_join(other, group)]
            if len(homes) == 1 and any(vm.product_hints for vm in homes[0]):
                groups.join(homes[0][0], group[0])


def _is_intersystems(group: list[Candidate]) -> bool:
    """Return whether a group has a hint of an InterSystems product, and a database or a deployment tag."""
    data = any(vm.role in DATABASES or vm.deployment_tag for vm in group)
    return data and any(vm.product_hints for vm in group)
