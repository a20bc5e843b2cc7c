"""Facts of the files from inside the VMs of a tier: which Web Gateways and instances there are."""

from __future__ import annotations

from typing import Final

from auditor.estate.declaration import Role
from auditor.estate.subjects import Mirror, Tier
from auditor.rules.context import Context
from auditor.rules.facts.mirror_settings import MOST_DAYS, SETTING
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, PartialList
from auditor.snapshot.model import Resource

_ECP_CLIENTS: Final = (Role.APP, Role.PRINT)
"""The roles of VMs that connect to the databases by ECP, so that each has an instance."""


@fact("tier.web_gateways", "tier", gives="guest-file*")
def web_gateways(context: Context, tier: Tier) -> Answer:
    """The CSP.ini of each VM of the tier; of application and print servers, which need no Web Gateway, those supplied.

    Unknown for a web server of which none was supplied, and for an old one.
    """
    return Answer(_files(context, tier.members, GuestKind.CSP_INI, needed=tier.declared.role == Role.WEB))


@fact("tier.cpfs", "tier", gives="guest-file*")
def cpfs(context: Context, tier: Tier) -> Answer:
    """The CPF of each VM of the tier; of web servers, which need no instance, those supplied.

    Unknown for an application or print server of which none was supplied, and for an old one.
    """
    return Answer(_files(context, tier.members, GuestKind.CPF, needed=tier.declared.role in _ECP_CLIENTS))


@fact("mirror.web_gateways", "mirror", gives="guest-file*")
def own_web_gateways(context: Context, mirror: Mirror) -> Answer:
    """The CSP.ini of each failover member; unknown for a member of which none was supplied, or an old one."""
    return Answer(_files(context, PartialList.of(mirror.failover), GuestKind.CSP_INI, needed=True))


def _files(context: Context, members: PartialList, kind: GuestKind, *, needed: bool) -> PartialList:
    """Return the files of a kind of some VMs; `needed` says whether a VM without one is unknown or left out."""
    files = context.topology.guest_files
    find = files.of_kind if needed else files.supplied
    days = context.deployment.declared.settings.get(SETTING, MOST_DAYS) if context.deployment else MOST_DAYS
    found = (find(vm, kind, days) if isinstance(vm, Resource) else PartialList((vm,)) for vm in members.known)
    return PartialList.joined(*found, PartialList(missing=members.missing))
