"""Where the members and the arbiter of a mirror are reached, by the CPFs of those that connect to them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.mirror_members import members, vm_of
from auditor.rules.facts.mirror_settings import settings_of
from auditor.rules.facts.reading import number_at, text_at
from auditor.snapshot.known import Cause, PartialList, Read, Unknown
from auditor.snapshot.model import Part, Resource

AGENT_PORT: Final = 2188
"""The usual port of the arbiter, and of the agent (ISCAgent) on each mirror member."""


class End(msgspec.Struct, frozen=True):
    """An address and a TCP port at which a VM, or a host outside of Azure, is reached."""

    address: str
    """"" if no CPF shows it."""
    port: int
    reads: tuple[Read, ...] = ()


class MirrorEnds:
    """What the CPFs of the members of a mirror say of where the others are reached.

    A member connects as its own CPF says. If that does not have the other member, the CPFs of the failover members
    count. A CPF that is too old, or was not read, does not count.
    """

    def __init__(self, context: Context, mirror: Mirror, asyncs: Iterable[Resource]) -> None:
        """Take the mirror, and its async members."""
        self._context = context
        self._mirror = mirror
        failover = PartialList.of(mirror.failover).of_type(Resource)
        found = {vm.key: settings_of(context, vm, mirror) for vm in (*failover, *asyncs)}
        self._settings = {key: own for key, own in found.items() if isinstance(own, Part)}
        self._failover = [vm.key for vm in failover if vm.key in self._settings]
        self._entries = {key: self._vms(own) for key, own in self._settings.items()}

    def agent(self, sender: Resource, receiver: Resource) -> list[End]:
        """Return where the agent of a member is reached."""
        return self._ends(sender, receiver, "agentAddress", "agentPort") or [End("", AGENT_PORT)]

    def superserver(self, sender: Resource, receiver: Resource) -> list[End]:
        """Return where the instance of a member is reached by other members; empty if no CPF shows it."""
        return self._ends(sender, receiver, "mirrorPrivate", "superServerPort")

    def arbiters(self, sender: Resource) -> list[tuple[Resource | str | Unknown, End]]:
        """Return the arbiters to which a failover member connects, and where; empty if no CPF has one.

        An arbiter is a VM, the declared address outside of Azure, "" for the declared arbiter, which the CPF names by a
        name that no VM has, or unknown.
        """
        own = [sender.key] if self._names_arbiter(sender.key) else self._failover
        return [self._arbiter(self._settings[key]) for key in own if self._names_arbiter(key)]

    def _names_arbiter(self, key: str) -> bool:
        return key in self._settings and isinstance(text_at(self._settings[key], "arbiter.host").value, str)

    def _arbiter(self, own: Part) -> tuple[Resource | str | Unknown, End]:
        address, port = text_at(own, "arbiter.host"), number_at(own, "arbiter.port", AGENT_PORT)
        host = str(address.value)
        number = int(port.value) if isinstance(port.value, int | float) else AGENT_PORT
        end = End(host, number, (*address.reads, *port.reads))
        return self._host(host, own), end

    def _host(self, host: str, own: Part) -> Resource | str | Unknown:
        deployment, topology = self._context.deployment, self._context.topology
        assert deployment is not None  # noqa: S101 - a mirror belongs to a deployment
        declared = self._mirror.declared.arbiter_address
        if host.casefold() == declared.casefold():
            return declared
        vm = topology.graph.get_or_placeholder(arm.parent_of(own.resource.key))
        found = topology.named_hosts.find(host, vm, deployment).value
        if isinstance(found, Resource) and found.key in deployment.roles:
            return found
        if isinstance(found, Unknown):
            return found if _is_address(host) else ""
        reason = f"the arbiter {host} in {own.resource.id} is no VM of {deployment.id}"
        return Unknown(Cause.VALUE, reason, about=(own.resource.id,), optional=True)

    def _ends(self, sender: Resource, receiver: Resource, address: str, port: str) -> list[End]:
        own = [sender.key] if receiver.key in self._entries.get(sender.key, {}) else self._failover
        entries = [self._entries[key][receiver.key] for key in own if receiver.key in self._entries[key]]
        found: dict[tuple[str, int], End] = {}
        for entry in entries:
            at, number = text_at(entry, address), number_at(entry, port)
            if isinstance(number.value, int | float) and number.value > 0:
                end = End(at.value if isinstance(at.value, str) else "", int(number.value), (*at.reads, *number.reads))
                found.setdefault((end.address, end.port), end)
        return [*found.values()]

    def _vms(self, own: Part) -> dict[str, Part]:
        """Return the entries of the members in a CPF by the keys of their VMs."""
        topology, deployment = self._context.topology, self._context.deployment
        assert deployment is not None  # noqa: S101 - a mirror belongs to a deployment
        listed = PartialList.of(members(self._context, own).value).of_type(Part)
        vms = ((vm_of(topology, member, deployment).value, member) for member in listed)
        return {vm.key: member for vm, member in vms if isinstance(vm, Resource)}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
