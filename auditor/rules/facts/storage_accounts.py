"""Facts of the storage accounts that a deployment uses."""

from __future__ import annotations

from auditor.azure import arm
from auditor.azure.types.names import STORAGE_ACCOUNT, VM
from auditor.estate.graph import Graph
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.logic import is_set
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.model import Resource


def _by_name(topology: Topology) -> dict[str, Resource]:
    """Return the storage accounts by their names, which are unique in Azure."""
    return {arm.name_of(account.key): account for account in topology.graph.by_type.get(STORAGE_ACCOUNT, ())}


@fact("deployment.storage_accounts", "deployment", gives="account*")
def storage_accounts(context: Context, deployment: Deployment) -> Answer:
    """The storage accounts that the deployment uses.

    They are those for the boot diagnostics of its VMs, the declared one for backups, and those in its resource groups.
    """
    graph = context.topology.graph
    by_name = context.topology.once(_by_name)
    own = deployment.scope[STORAGE_ACCOUNT]
    found: dict[str, object] = {account.key: account for account in own.of_type(Resource)}
    reads: list[Read] = []
    backup = deployment.declared.backup
    if backup is not None and backup.account:
        found[arm.key(backup.account)] = graph.get(backup.account)
    vms = deployment.scope[VM]
    for vm in vms.of_type(Resource):
        uri = text_at(vm, "properties.diagnosticsProfile.bootDiagnostics.storageUri")
        if isinstance(uri.value, Unknown):
            found[vm.key] = uri.value
        elif isinstance(uri.value, str) and uri.value:
            reads += uri.reads
            name = uri.value.lower().removeprefix("https://").removeprefix("http://").split(".")[0]
            account = by_name.get(name) or _unread(graph, deployment, name)
            found[account.key if isinstance(account, Resource) else uri.value] = account
    return Answer(PartialList(tuple(found.values()), own.missing or vms.missing), tuple(reads))


@fact("account.requires_https", "account", gives="boolean")
def requires_https(_: Context, account: Resource) -> Answer:
    """Whether a storage account refuses requests without TLS."""
    return is_set(account, "properties.supportsHttpsTrafficOnly")


@fact("account.allows_public_blobs", "account", gives="boolean")
def allows_public_blobs(_: Context, account: Resource) -> Answer:
    """Whether containers of a storage account may be opened to everyone.

    Unknown if it was never set: the default depends on when the account was created.
    """
    return is_set(account, "properties.allowBlobPublicAccess")


def _unread(graph: Graph, deployment: Deployment, name: str) -> Unknown:
    """Return why a storage account is not known."""
    listings = (graph.listing(STORAGE_ACCOUNT, subscription) for subscription in deployment.subscriptions)
    reason = f"the storage account {name} is used, but is in no scanned subscription"
    return next(filter(None, listings), None) or Unknown(Cause.VALUE, reason)
