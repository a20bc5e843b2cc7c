"""Grouping of candidates into deployments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from auditor.azure import arm
from auditor.azure.types.names import VIRTUAL_NETWORK
from auditor.discover.candidates import DATABASES, Candidate, Candidates
from auditor.estate.declaration import Role
from auditor.snapshot.lookup import parts, value


@dataclass(eq=False)
class _Group:
    """Candidates that are joined."""

    vms: list[Candidate]
    label: str
    """The deployment that the tags of some name, in lower case, "" without a tag."""
    production: bool

    @classmethod
    def of(cls, vm: Candidate) -> _Group:
        return cls([vm], vm.deployment_tag.casefold(), vm.production)

    def can_join(self, other: _Group) -> bool:
        if self.label and other.label:
            return self.label == other.label
        return self.production is other.production

    def add(self, other: _Group) -> None:
        self.vms += other.vms
        self.label = self.label or other.label


class _Groups:
    """Disjoint groups of candidates. Different deployment tags, or different environments, are never joined."""

    def __init__(self, vms: Iterable[Candidate]) -> None:
        self._of: dict[str, _Group] = {vm.resource.key: _Group.of(vm) for vm in vms}

    def join(self, one: Candidate, other: Candidate) -> None:
        a, b = self._of[one.resource.key], self._of[other.resource.key]
        if a is b or not a.can_join(b):
            return
        small, large = sorted((a, b), key=lambda group: len(group.vms))
        large.add(small)
        for vm in small.vms:
            self._of[vm.resource.key] = large

    def all(self) -> list[_Group]:
        """Return copies of the groups, the VMs of each by their keys."""
        found = [sorted(group.vms, key=lambda vm: vm.resource.key) for group in dict.fromkeys(self._of.values())]
        return [_Group(vms, deployment_tag_of(vms).casefold(), vms[0].production) for vms in found]


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
    ours = (group.vms for group in groups.all() if _is_intersystems(group.vms))
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
    homes: dict[bool, list[_Group]] = defaultdict(list)
    others: list[_Group] = []
    for group in groups.all():
        if sum(vm.role in {Role.MIRROR_FAILOVER, Role.DB} for vm in group.vms) > 1:
            homes[group.production].append(group)
        elif not group.label and any(vm.role in DATABASES for vm in group.vms):
            others.append(group)
    of_product = {
        production: found[0].vms[0]
        for production, found in homes.items()
        if len(found) == 1 and any(vm.product_hints for vm in found[0].vms)
    }
    for group in others:
        if group.production in of_product:
            groups.join(of_product[group.production], group.vms[0])


def _is_intersystems(group: list[Candidate]) -> bool:
    """Return whether a group has a hint of an InterSystems product, and a database or a deployment tag."""
    data = any(vm.role in DATABASES or vm.deployment_tag for vm in group)
    return data and any(vm.product_hints for vm in group)
