"""The hosts that a file inside a VM names: which VM or load balancer frontend has an address, or which VM a name."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import LOAD_BALANCER, VIRTUAL_NETWORK, VM
from auditor.estate.caching import cached_method, cached_value
from auditor.estate.graph import Graph
from auditor.estate.indexes import Index
from auditor.estate.load_balancing import LoadBalancing
from auditor.estate.private_addresses import Unheld, network_of, spelled
from auditor.estate.subjects import Deployment
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import items, objects, value
from auditor.snapshot.model import Part, Resource

_COMPUTER_NAME: Final = "properties.osProfile.computerName"
_LOCALHOST: Final = "localhost"
_PREFIXES: Final = "addressPrefixes[*]"


class NamedHosts:
    """Addresses and names as they are understood on a VM of a deployment.

    That nothing in Azure shows whose they are makes no scan incomplete: they are known only from files that a scan does
    not need.
    """

    def __init__(self, balancing: LoadBalancing) -> None:
        """Take the load balancing; indexes are built at their first use."""
        self._balancing = balancing
        self._graph: Graph = balancing.graph

    def find(self, text: str, vm: Resource, deployment: Deployment) -> Answer:
        """Return whose an address or name is, as understood on a VM, and the property that shows it.

        The value is a VM (or a Uniform scale set), the frontend of a load balancer, `Unheld`, or `Unknown`. An address
        counts in the virtual networks of the VM, in those that are peered with them, and in those of the deployment.
        `Unheld` is an address of one of these networks that nothing has, all of which was read. An address of no such
        network is unknown: it may be that of a host outside of Azure. A name, of which only the first label counts, is
        the computer name of the only VM in these networks that has it; other names are unknown.
        """
        return self.find_within(text, vm, deployment.scope[VIRTUAL_NETWORK], deployment.id)

    def find_within(self, text: str, vm: Resource, far: PartialList, whose: str) -> Answer:
        """Return whose an address or name is, as understood on a VM, with other virtual networks in which it counts.

        `whose` names these networks in reasons.
        """
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return Answer(vm) if text.lower() == _LOCALHOST else self._by_name(text, vm, far, whose)
        return Answer(vm) if address.is_loopback else self._at(spelled(text), vm, far, whose)

    # --- addresses ----------------------------------------------------------------------------------------------------

    def _at(self, address: str, vm: Resource, far: PartialList, whose: str) -> Answer:
        own, _ = self._networks(vm.key)
        holder = self._balancing.private_addresses.holder(own, address) if own else None
        if isinstance(holder, Part):
            return self._who(holder, address)
        near = self._near(vm.key)
        if near.missing is not None:
            return Answer(near.missing)
        places = [network for network in near.of_type(str) if self._may_contain(network, address, near)]
        if places:
            return self._who(self._balancing.private_addresses.holder(places, address), address)
        others = [found.key for found in far.of_type(Resource) if self._may_contain(found.key, address, near)]
        found = [self._balancing.private_addresses.holder((network,), address) for network in others]
        held = [one for one in found if not isinstance(one, Unheld)]
        if len(held) > 1:
            reason = f"several virtual networks of {whose} may have the address {address}: {', '.join(others)}"
            return Answer(Unknown(Cause.VALUE, reason, about=tuple(others), optional=True))
        if held or (found and far.missing is None):
            return self._who((held or found)[0], address)
        reason = f"the address {address} is in no virtual network of {vm.id} or {whose}: who has it is unknown"
        return Answer(far.missing or Unknown(Cause.VALUE, reason, about=(vm.id,), optional=True))

    def _who(self, holder: Part | Unheld | Unknown, address: str) -> Answer:
        """Return the VM of an IP configuration that has an address, or the frontend that has it."""
        if not isinstance(holder, Part):
            return Answer(holder)
        reads = value(holder, "properties.privateIPAddress").reads
        if holder.resource.type == LOAD_BALANCER:
            return Answer(holder, reads)
        nic = holder.resource.id
        reason = f"the address {address} belongs to {nic}, which no VM has"
        unattached = Unknown(Cause.VALUE, reason, about=(nic,), optional=True)
        found = self._balancing.vm_of(nic)
        return Answer(Unheld(unattached) if found is None else found, reads)

    @cached_method
    def _near(self, vm: str) -> PartialList:
        """Return the keys of the virtual networks of a VM, by its key, and of those that are peered with them."""
        own, unknown = self._networks(vm)
        peerings = [self._peerings(network) for network in own]
        remote = (found for each in peerings for found, _ in _remote(each))
        unknown = unknown or next(filter(None, (each.incomplete_because for each in peerings)), None)
        return PartialList(tuple(dict.fromkeys((*own, *remote))), unknown)

    @cached_method
    def _networks(self, vm: str) -> tuple[list[str], Unknown | None]:
        """Return the keys of the virtual networks of a VM, by its key, and why it may be in others."""
        interfaces = PartialList.of(
            self._graph.follow_all(self._graph.get_or_placeholder(vm), "networkInterfaces").value
        )
        unknown = interfaces.incomplete_because
        found: list[str] = []
        for interface in interfaces.of_type(Resource):
            subnets = PartialList.of(items(interface, "properties.ipConfigurations[*].properties.subnet.id").value)
            found += map(network_of, subnets.of_type(str))
            unknown = unknown or subnets.incomplete_because
        if not found and unknown is None:
            unknown = Unknown(Cause.VALUE, f"{vm} has no network interface in a virtual network", about=(vm,))
        return list(dict.fromkeys(found)), unknown

    def _peerings(self, network: str) -> PartialList:
        found = self._graph.get(network)
        if isinstance(found, Unknown):
            return PartialList(missing=found)
        return objects(found, "properties.virtualNetworkPeerings[*]")

    def _may_contain(self, network: str, address: str, near: PartialList) -> bool:
        """Return whether an address may be in the address space of a virtual network.

        Of one that was not read, the peerings of the networks that are peered with it have the address space.
        """
        found = self._graph.get(network)
        if isinstance(found, Resource):
            spaces = [PartialList.of(items(found, f"properties.addressSpace.{_PREFIXES}").value)]
        else:
            peerings = (peering for own in near.of_type(str) for peering in _remote(self._peerings(own)))
            spaces = [
                PartialList.of(items(peering, f"properties.remoteAddressSpace.{_PREFIXES}").value)
                for remote, peering in peerings
                if remote == network
            ]
        known = [prefix for space in spaces for prefix in space.known]
        complete = bool(known) and all(space.complete for space in spaces)
        return not complete or any(_contains(prefix, address) for prefix in known)

    # --- names --------------------------------------------------------------------------------------------------------

    def _by_name(self, name: str, vm: Resource, far: PartialList, whose: str) -> Answer:
        own, unknown = self._networks(vm.key)
        around = {*own, *(network.key for network in far.of_type(Resource))}
        unknown = unknown or far.missing or self._unseen(around)
        if unknown is not None:
            return Answer(unknown)
        label = name.partition(".")[0].lower()
        wider = {*around, *self._near(vm.key).of_type(str)}
        found = [one for one in self._by_computer_name.get(label, ()) if self._may_be_in(one, wider)]
        if len(found) == 1:
            return Answer(found[0], value(found[0], _COMPUTER_NAME).reads)
        vms = " and ".join(one.id for one in found) or "no VM"
        reason = f"{name} is the computer name of {vms} in the virtual networks of {whose}: who has it is unknown"
        return Answer(Unknown(Cause.VALUE, reason, about=tuple(one.id for one in found), optional=True))

    def _unseen(self, networks: set[str]) -> Unknown | None:
        """Return why some VM in some virtual networks may have a name, although none is known to have it."""
        for subscription in sorted({arm.subscription_of(network) for network in networks}):
            gap = self._graph.listing(VM, subscription)
            if gap is not None:
                return gap
        return next(iter(self._unnamed().of("", *sorted(networks))), None)

    @cached_method
    def _unnamed(self) -> Index[str, Unknown]:
        """Why the computer names of VMs are unknown, by the keys of their virtual networks; "" where these are."""
        found: list[tuple[str, Unknown]] = []
        for vm in self._graph.unreadable.get(VM, ()):
            name = value(vm, _COMPUTER_NAME).value
            if isinstance(name, Unknown):
                own, unknown = self._networks(vm.key)
                found += ((network, name) for network in (own if unknown is None else ("",)))
        return Index(found)

    def _may_be_in(self, vm: Resource, networks: set[str]) -> bool:
        """Return whether a VM may be in one of some virtual networks."""
        own, unknown = self._networks(vm.key)
        return unknown is not None or not networks.isdisjoint(own)

    @cached_value
    def _by_computer_name(self) -> dict[str, list[Resource]]:
        """The VMs by their computer names in lower case."""
        found: dict[str, list[Resource]] = defaultdict(list)
        for vm in self._graph.by_type.get(VM, ()):
            name = value(vm, _COMPUTER_NAME).value
            if isinstance(name, str) and name:
                found[name.lower()].append(vm)
        return found


def _remote(peerings: PartialList) -> Iterator[tuple[str, Part]]:
    """Yield the key of the other virtual network of each peering, with the peering."""
    for peering in peerings.of_type(Part):
        remote = value(peering, "properties.remoteVirtualNetwork.id").value
        if isinstance(remote, str):
            yield arm.key(remote), peering


def _contains(prefix: object, address: str) -> bool:
    """Return whether an address is in an address prefix; what is no prefix may contain every address."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(str(prefix), strict=False)
    except ValueError:
        return True
