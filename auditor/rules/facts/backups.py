"""Facts of backups: which VMs are protected, how old and how consistent their backups are, and what they leave out."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from auditor import yaml_documents
from auditor.azure import arm, commands
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import (
    BACKUP_INSTANCE,
    DISK,
    PROTECTED_ITEM,
    RECOVERY_POINT,
    REPLICATED_ITEM,
    VAULT,
)
from auditor.estate.declaration import NONE, Role
from auditor.estate.subjects import Deployment, Mirror
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.disks import ATTACHMENTS
from auditor.rules.facts.reading import text_at
from auditor.rules.facts.roles import roles_of
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import items, malformed, objects, required, unusable, value
from auditor.snapshot.model import Part, Resource
from auditor.times import instant

REGION_PAIRS: Final = Path(__file__).resolve().parent / "data" / "region_pairs.yaml"

_OF_VMS: Final = "azureiaasvm"
_NAMED_BY_VM: Final = ["vm", "iaasvmcontainerv2"]
_EXCLUSION: Final = "properties.extendedProperties.diskExclusionProperties"
_DATABASES: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.DB)
"""Roles of VMs whose databases must be backed up."""
_ASYNC: Final = frozenset({Role.MIRROR_DR, Role.MIRROR_REPORTING})


# --- what is declared -------------------------------------------------------------------------------------------------


@fact("deployment.backup_strategy", "deployment", gives="text")
def strategy(_: Context, deployment: Deployment) -> Answer:
    """The declared way of backing up: `azure-backup`, `third-party` or `online`; absent if not declared."""
    declared = deployment.declared.backup
    if declared is None:
        return Answer(ABSENT)
    return Answer(declared.strategy, (Read(deployment.id, "backup.strategy", declared.strategy),))


@fact("deployment.backed_up_otherwise", "deployment", gives="boolean")
def backed_up_otherwise(_: Context, deployment: Deployment) -> Answer:
    """Whether something else than Azure Backup of VMs backs up the databases, which only an attestation can say.

    False if the deployment file does not declare such a strategy.
    """
    declared = deployment.declared.backup
    if declared is None or declared.strategy == "azure-backup":
        return Answer(False)
    with_what = declared.product or (
        "InterSystems online backup" if declared.strategy == "online" else "another product"
    )
    reason = f"nothing in Azure shows that {with_what} backs up the databases of {deployment.id}: attest it"
    return Answer(Unknown(Cause.ATTESTATION, reason, optional=True))


@fact("vm.is_async", "vm", gives="boolean")
def is_async(context: Context, vm: Resource) -> Answer:
    """Whether the VM is an async mirror member, and has no role in which it changes databases."""
    own = set(roles_of(context, vm))
    return Answer(bool(own & _ASYNC) and own.isdisjoint({Role.MIRROR_FAILOVER, Role.DB}))


# --- protected items --------------------------------------------------------------------------------------------------


@fact("database.backups", "vm", "mirror", gives="backup*")
def backups(context: Context, database: Resource | Mirror) -> Answer:
    """The protected items of Azure Backup, in any vault, of the VM or of the mirror's failover members.

    Incomplete if a vault, or its list of protected items, was not read.
    """
    vms = PartialList((database,)) if isinstance(database, Resource) else PartialList.of(database.failover)
    found = [_items(context, vm) for vm in vms.of_type(Resource)]
    known = tuple(item for each in found for item in each.known)
    missing = vms.incomplete_because or next((each.missing for each in found if each.missing is not None), None)
    reads = (Read(item.id, "properties.sourceResourceId", vm) for each in found for item, vm in _sources(each))
    return Answer(PartialList(known, missing), tuple(reads))


def _sources(found: PartialList) -> Iterator[tuple[Resource, object]]:
    return ((item, text_at(item, "properties.sourceResourceId").value) for item in found.of_type(Resource))


def _items(context: Context, vm: Resource) -> PartialList:
    graph, deployment = context.topology.graph, context.deployment
    known: list[object] = []
    for edge in graph.referrers(vm.key, PROTECTED_ITEM):
        kind = text_at(edge.source, "properties.backupManagementType").value
        if isinstance(kind, Unknown) or (isinstance(kind, str) and kind.lower() == _OF_VMS):
            known.append(edge.source)
    declared = deployment.declared.backup.vault if deployment and deployment.declared.backup else ""
    places = {arm.subscription_of(vm.key), *(deployment.subscriptions if deployment else ())}
    places |= {arm.subscription_of(declared)} if declared else set()
    unlisted = (graph.listing(PROTECTED_ITEM, place) for place in sorted(places))
    missing = context.topology.once(_unread) or next(filter(None, unlisted), None) or _astray(context.topology, vm)
    return PartialList(tuple(known), missing)


def _astray(topology: Topology, vm: Resource) -> Unknown | None:
    """Return why a protected item that leads to no VM may be that of a VM, None if all have the names of other ones.

    Azure names an item `VM;iaasvmcontainerv2;<resource group>;<name of the VM>`.
    """
    own = [arm.group_of(vm.key), arm.name_of(vm.key)]
    for item, unknown in topology.once(_leading_nowhere):
        names = arm.name_of(item.key).split(";")
        if names[:2] != _NAMED_BY_VM or names[2:] == own:
            return unknown
    return None


def _leading_nowhere(topology: Topology) -> tuple[tuple[Resource, Unknown], ...]:
    """Return the protected items that lead to no VM, with the reason."""
    protected = topology.graph.by_type.get(PROTECTED_ITEM, ())
    found = ((item, topology.graph.follow(item, "sourceResourceId").value) for item in protected)
    return tuple(
        (item, unknown) for item, unknown in found if isinstance(unknown, Unknown) and unknown.cause is not Cause.GAP
    )


def _unread(topology: Topology) -> Unknown | None:
    """Return that vaults, or protected items, of any subscription were not read, None if there is no such gap."""
    for gap in topology.graph.snapshot.gaps:
        what = arm.canonical_type(gap.what)
        if what == PROTECTED_ITEM or (what == VAULT and gap.makes_listing_incomplete):
            return Unknown.of(gap)
    return None


@fact("vm.other_copies", "vm", gives="text*")
def other_copies(context: Context, vm: Resource) -> Answer:
    """What copies the VM besides Azure Backup of VMs: `Azure Disk Backup` of a disk of it, `Azure Site Recovery`."""
    graph = context.topology.graph
    kept = [("Azure Site Recovery", edge) for edge in graph.referrers(vm.key, REPLICATED_ITEM)]
    for path in (
        "properties.storageProfile.osDisk.managedDisk.id",
        "properties.storageProfile.dataDisks[*].managedDisk.id",
    ):
        for disk in PartialList.of(items(vm, path).value).of_type(str):
            kept += [("Azure Disk Backup", edge) for edge in graph.referrers(arm.key(disk), BACKUP_INSTANCE)]
    reads = (Read(edge.source.id, "", edge.source.name) for _, edge in kept)
    unlisted = (graph.listing(type_, arm.subscription_of(vm.key)) for type_ in _COPIES)
    missing = next(filter(None, unlisted), None) or context.topology.once(_copies_leading_nowhere)
    names = tuple(dict.fromkeys(name for name, _ in kept))
    return Answer(PartialList(names, missing), tuple(reads))


_COPIES: Final = {REPLICATED_ITEM: "fabricObjectId", BACKUP_INSTANCE: "resourceID"}
"""By type of copies, the name of the reference to what is copied."""


def _copies_leading_nowhere(topology: Topology) -> Unknown | None:
    """Return why some copy of a VM or disk may be that of any, None if all lead to one that may exist."""
    for type_, name in _COPIES.items():
        for copy in topology.graph.by_type.get(type_, ()):
            kind = text_at(copy, "properties.dataSourceInfo.datasourceType").value
            if type_ == BACKUP_INSTANCE and isinstance(kind, str) and kind.lower() != DISK:
                continue
            found = topology.graph.follow(copy, name).value
            if isinstance(found, Unknown) and found.cause is not Cause.GAP:
                return found
    return None


@fact("backup.age_hours", "backup", gives="number")
def age_hours(context: Context, item: Resource) -> Answer:
    """The hours from the last backup to the time at which the snapshot was taken, rounded up."""
    found = required(text_at(item, "properties.lastBackupTime"))
    if not isinstance(found.value, str):
        return found
    then, taken = instant(found.value), instant(context.topology.graph.snapshot.taken_at)
    if then is None:
        return Answer(unusable(found, "a time"), found.reads)
    if taken is None:
        reason = "the snapshot does not say when it was taken, so that the age of backups is not known: add `takenAt`"
        return Answer(Unknown(Cause.VALUE, reason, about=(item.id,)), found.reads)
    return Answer(math.ceil((taken - then) / dt.timedelta(hours=1)), found.reads)


@fact("backup.newest_consistency", "backup", gives="text")
def newest_consistency(context: Context, item: Resource) -> Answer:
    """The consistency of the newest recovery point: `AppConsistent`, `FileSystemConsistent` or `CrashConsistent`.

    Absent if there is no recovery point yet.
    """
    for gap in item.unread:
        if arm.canonical_type(gap.what) == RECOVERY_POINT:
            return Answer(Unknown.of(gap))
    times: list[tuple[dt.datetime, Resource]] = []
    for point in context.topology.once(points_by_item).get(item.key, ()):
        found = required(text_at(point, "properties.recoveryPointTime"))
        time = instant(found.value)
        if time is None:
            return Answer(unusable(found, "a time"), found.reads)
        times.append((time, point))
    if times:
        _, newest = max(times, key=lambda entry: entry[0])
        return required(text_at(newest, "properties.recoveryPointType"))
    last = text_at(item, "properties.lastRecoveryPoint")
    if last.value is ABSENT or isinstance(last.value, Unknown):
        return last
    command = commands.list_all(RECOVERY_POINT, arm.subscription_of(item.key))
    reason = f"the recovery points of {item.id} were not read; list them with {command}"
    return Answer(Unknown(Cause.GAP, reason, about=(item.id,)), last.reads)


def points_by_item(topology: Topology) -> dict[str, list[Resource]]:
    """Return the recovery points of each protected item, by its key."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for point in topology.graph.by_type.get(RECOVERY_POINT, ()):
        found[arm.parent_of(point.key)].append(point)
    return found


@fact("backup.left_out", "backup", gives="attachment*")
def left_out(context: Context, item: Resource) -> Answer:
    """The data disks of the VM that its backups leave out."""
    excluded = value(item, _EXCLUSION)
    if excluded.value is ABSENT:
        return Answer(PartialList(), excluded.reads)
    if not isinstance(excluded.value, dict):
        return Answer(unusable(excluded, "an object"), excluded.reads)
    listed = required(value(item, f"{_EXCLUSION}.isInclusionList"))
    if not isinstance(listed.value, bool):
        return Answer(unusable(listed, "a boolean"), listed.reads)
    numbers = items(item, f"{_EXCLUSION}.diskLunList[*]")
    reads = (*listed.reads, *numbers.reads)
    luns = PartialList.of(numbers.value)
    vm = context.topology.graph.follow(item, "sourceResourceId").value
    if luns.incomplete_because is not None or not isinstance(vm, Resource):
        unknown = luns.incomplete_because or (vm if isinstance(vm, Unknown) else None)
        return Answer(PartialList(missing=unknown), reads)
    if not all(interval(lun) for lun in luns.known):
        return Answer(malformed(item, f"{_EXCLUSION}.diskLunList", [*luns.known], "a list of numbers"), reads)
    attached = objects(vm, ATTACHMENTS)
    known: list[object] = []
    for disk in attached.known:
        lun = required(value(disk, "lun")) if isinstance(disk, Part) else Answer(disk)
        if interval(lun.value) is None:
            known.append(unusable(lun, "a number"))
        elif (lun.value in luns.known) is not listed.value:
            known.append(disk)
    return Answer(PartialList(tuple(known), attached.missing), reads)


# --- vaults and policies ----------------------------------------------------------------------------------------------


@fact("backup.policies", "backup", gives="backup-policy*")
def policies(context: Context, item: Resource) -> Answer:
    """The policy by which the VM is backed up; none if its protection is stopped."""
    found = context.topology.graph.follow(item, "policyId")
    if found.value is ABSENT:
        return Answer(PartialList(), found.reads)
    policy = found.value
    if isinstance(policy, Unknown) and policy.cause is Cause.GAP and isinstance(found.reads[-1].value, str):
        policy = context.topology.graph.get_or_placeholder(found.reads[-1].value)
    return Answer(PartialList((policy,)), found.reads)


@fact("deployment.backups", "deployment", gives="backup*")
def deployment_backups(context: Context, deployment: Deployment) -> Answer:
    """The protected items of the failover members, the declared DR asyncs and the standalone database servers.

    Those whose protection was stopped are left out: a vault keeps their old backups, and takes no new ones.
    """
    vms = [_declared(deployment, role) for role in _DATABASES]
    found = [backups(context, vm) for own in vms for vm in own.of_type(Resource)]
    lists = [*(PartialList.of(each.value) for each in found), *(PartialList((), own.incomplete_because) for own in vms)]
    joined = PartialList.joined(*lists)
    once = {item.key: item for item in joined.of_type(Resource) if not _is_stopped(item)}
    return Answer(
        PartialList(tuple(once.values()), joined.missing), tuple(read for each in found for read in each.reads)
    )


def _is_stopped(item: Resource) -> bool:
    return str(text_at(item, "properties.protectionState").value).lower() == "protectionstopped"


def _declared(deployment: Deployment, role: Role) -> PartialList:
    """Return the VMs of a role; DR asyncs that are not declared, which DEP003 reports, are left out."""
    vms = PartialList.of(deployment.vms[role])
    optional = role is Role.MIRROR_DR and vms.missing is not None and vms.missing.cause is Cause.DECLARATION
    return PartialList(vms.known) if optional else vms


@fact("deployment.backup_vaults", "deployment", gives="vault*")
def vaults(context: Context, deployment: Deployment) -> Answer:
    """The Recovery Services vaults in which those servers are protected."""
    found = deployment_backups(context, deployment)
    kept = PartialList.of(found.value)
    graph = context.topology.graph
    ids = {arm.key(vault): vault for vault in map(vault_of, kept.of_type(Resource))}
    return Answer(
        PartialList(tuple(graph.get_or_placeholder(vault) for vault in ids.values()), kept.missing), found.reads
    )


def vault_of(item: Resource) -> str:
    """Return the id of the vault of a protected item."""
    return item.id.rstrip("/").rsplit("/", 6)[0]


@fact("deployment.backup_policies", "deployment", gives="backup-policy*")
def deployment_policies(context: Context, deployment: Deployment) -> Answer:
    """The policies by which those servers are backed up."""
    found = deployment_backups(context, deployment)
    kept = PartialList.of(found.value)
    named = [policies(context, item) for item in kept.of_type(Resource)]
    once: dict[object, object] = {}
    for policy in (policy for each in named for policy in PartialList.of(each.value).known):
        once[policy.key if isinstance(policy, Resource) else policy] = policy
    reads = (*found.reads, *(read for each in named for read in each.reads))
    return Answer(PartialList(tuple(once.values()), kept.missing), reads)


@fact("vault.redundancy", "vault", gives="text")
def redundancy(_: Context, vault: Resource) -> Answer:
    """How the vault keeps backups: `GeoRedundant`, `ZoneRedundant` or `LocallyRedundant`."""
    return _of_whole_vault(vault, "properties.redundancySettings", "standardTierStorageRedundancy", ABSENT)


@fact("vault.cross_region_restore", "vault", gives="text")
def cross_region_restore(_: Context, vault: Resource) -> Answer:
    """Whether backups can be restored in the paired region at any time: `Enabled` or `Disabled`."""
    return _of_whole_vault(vault, "properties.redundancySettings", "crossRegionRestore", "Disabled")


@fact("vault.reaches_dr", "vault", gives="boolean")
def reaches_dr(context: Context, vault: Resource) -> Answer:
    """Whether the vault is in the DR region, or in a region that Azure pairs with it, where geo-redundant copies are.

    Copies in another region are unknown: nothing in Azure shows that what they restore can be used there.
    """
    dr = context.deployment.regions.dr if context.deployment else ABSENT
    place = required(text_at(vault, "location"))
    if not isinstance(dr, str) or not isinstance(place.value, str):
        return Answer(dr if isinstance(dr, Unknown) else place.value, place.reads)
    region = arm.location(place.value)
    paired = _region_pairs().get(region)
    if dr in {region, paired}:
        return Answer(True, place.reads)
    if paired is None:
        return Answer(Unknown(Cause.VALUE, f"the region that Azure pairs with {region} is unknown"), place.reads)
    where = "nowhere" if paired == NONE else f"to {paired}"
    reason = (
        f"Azure copies the backups of {vault.id} {where}, not to the DR region {dr}: attest how they are restored there"
    )
    return Answer(Unknown(Cause.ATTESTATION, reason, about=(vault.id,), optional=True), place.reads)


@cache
def _region_pairs() -> Mapping[str, str]:
    """Return the region that Azure pairs with each region, `none` if it pairs none."""
    data: Any = yaml_documents.read(REGION_PAIRS).value
    return {str(region): str(paired) for region, paired in data.items()}


@fact("vault.soft_delete", "vault", gives="text")
def soft_delete(_: Context, vault: Resource) -> Answer:
    """Whether deleted backups are kept for some days: `AlwaysON`, `Enabled` or `Disabled`."""
    return _of_whole_vault(vault, "properties.securitySettings", "softDeleteSettings.softDeleteState", ABSENT)


@fact("vault.immutability", "vault", gives="text")
def immutability(_: Context, vault: Resource) -> Answer:
    """Whether backups can be deleted before they expire: not if `Locked` or `Unlocked`; `Disabled` if they can."""
    return _of_whole_vault(vault, "properties.securitySettings", "immutabilitySettings.state", "Disabled")


def _of_whole_vault(vault: Resource, settings: str, path: str, default: object) -> Answer:
    """Return a setting that a list of vaults does not have, and a vault that was read by itself has."""
    group = value(vault, settings)
    if group.value is ABSENT:
        reason = f"the list of vaults lacks {settings} of {vault.id}; read it with {commands.get(vault.id)}"
        return Answer(Unknown(Cause.GAP, reason, about=(vault.id,)), group.reads)
    found = text_at(vault, f"{settings}.{path}")
    if found.value is not ABSENT:
        return found
    return required(found) if default is ABSENT else Answer(default, found.reads)


@fact("backup-policy.daily_days", "backup-policy", gives="number")
def daily_days(_: Context, policy: Resource) -> Answer:
    """The days for which daily backups are kept; 0 if the policy takes none daily."""
    found = value(policy, "properties.retentionPolicy.dailySchedule.retentionDuration.count")
    if found.value is ABSENT:
        return Answer(0, found.reads)
    return found if interval(found.value) is not None else Answer(unusable(found, "a number"), found.reads)
