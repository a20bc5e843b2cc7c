"""Facts of online backups, which are copied to Azure Files, and of the runbooks that start backups."""

from __future__ import annotations

from collections.abc import Callable

from auditor.azure import arm
from auditor.azure.types.names import AUTOMATION_ACCOUNT, FILE_SHARE
from auditor.estate.graph import Graph
from auditor.estate.indexes import Index
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import total
from auditor.rules.facts.disks import ATTACHMENTS, attachment_size, purpose
from auditor.rules.facts.logic import every, is_set, reads_as
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unusable
from auditor.snapshot.model import Part, Resource

_ELSEWHERE = {"journal", "alternate", "wij", "installation"}
"""Declared purposes of disks without user databases."""
_RUNBOOKS = f"{AUTOMATION_ACCOUNT}/runbooks"
_SCHEDULES = f"{AUTOMATION_ACCOUNT}/schedules"
_JOBS = f"{AUTOMATION_ACCOUNT}/jobschedules"


@fact("deployment.backup_accounts", "deployment", gives="account*")
def accounts(context: Context, deployment: Deployment) -> Answer:
    """The declared storage account to which online backups are copied; none if the file names none."""
    declared = deployment.declared.backup
    if declared is None or not declared.account:
        return Answer(PartialList())
    found = context.topology.graph.get_or_unread(declared.account)
    return Answer(PartialList((found,)), (Read(deployment.id, "backup.account", declared.account),))


def _shares(topology: Topology) -> Index[str, Resource]:
    """Return the file shares by the key of the storage account."""
    return Index((arm.owner_of(found.key), found) for found in topology.graph.by_type.get(FILE_SHARE, ()))


@fact("account.shares", "account", gives="share*")
def shares(context: Context, account: Resource) -> Answer:
    """The file shares of a storage account."""
    graph = context.topology.graph
    own = context.topology.once(_shares).of(account.key)
    reads = tuple(Read(share.id, "", share.name) for share in own)
    return Answer(PartialList(own, graph.listing(FILE_SHARE, arm.subscription_of(account.key))), reads)


@fact("vm.database_gib", "vm", gives="number")
def database_gib(context: Context, vm: Resource) -> Answer:
    """The total size in GiB of the data disks with user databases: all without another declared purpose."""
    attached = objects(vm, ATTACHMENTS)
    unknown = attached.incomplete_because
    sizes: list[Answer] = []
    for disk in attached.of_type(Part):
        content = purpose(context, disk)
        if isinstance(content.value, Unknown):
            unknown = unknown or content.value
        elif content.value not in _ELSEWHERE:
            sizes.append(attachment_size(context, disk))
    return total(sizes, unknown)


@fact("deployment.backup_is_scheduled", "deployment", gives="boolean")
def is_scheduled(context: Context, deployment: Deployment) -> Answer:
    """Whether an enabled schedule starts a published runbook of an Automation account beside the deployment's VMs.

    Beside them is in a resource group with one of its VMs. If there is none, an attestation can say what a runbook of
    another account does.
    """
    graph = context.topology.graph
    groups = {key.partition("/providers/")[0] for key in deployment.roles}
    unknown: Unknown | None = None
    elsewhere = False
    reads: list[Read] = []
    for job in graph.by_type.get(_JOBS, ()):
        if job.key.partition("/providers/")[0] not in groups:
            elsewhere = True
            continue
        found = _starts_a_runbook(graph, job)
        if found.value is True:
            return found
        reads += found.reads
        unknown = unknown or (found.value if isinstance(found.value, Unknown) else None)
    listings = (
        graph.listing(type_, own) for type_ in (_JOBS, _RUNBOOKS, _SCHEDULES) for own in deployment.subscriptions
    )
    unknown = unknown or next(filter(None, listings), None)
    if unknown is None and elsewhere:
        reason = (
            f"an Automation account outside of the resource groups of {deployment.id} may start its backups: attest it"
        )
        unknown = Unknown(Cause.ATTESTATION, reason, optional=True)
    return Answer(unknown or False, tuple(reads))


def _starts_a_runbook(graph: Graph, job: Resource) -> Answer:
    """Return whether a job schedule joins an enabled schedule and a published runbook of its account."""
    reads: list[Read] = []
    account = arm.parent_of(job.key)
    checks: tuple[tuple[str, Callable[[Resource], Answer]], ...] = (
        ("schedule", lambda schedule: is_set(schedule, "properties.isEnabled")),
        # Edit: it was published, and has a newer draft.
        ("runbook", lambda runbook: reads_as(runbook, "properties.state", "Published", "Edit")),
    )
    states: list[Answer] = []
    for name, check in checks:
        named = required(text_at(job, f"properties.{name}.name"))
        reads += named.reads
        if not isinstance(named.value, str):
            return Answer(unusable(named, "a text"), tuple(reads))
        found = graph.get(f"{account}/{name}s/{named.value}")
        if isinstance(found, Unknown):
            return Answer(found if found.cause is Cause.GAP else False, tuple(reads))
        states.append(check(found))
    reads += (read for state in states for read in state.reads)
    return Answer(every(states).value, tuple(reads))
