"""Facts of the key vaults that a deployment uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import APPLICATION_GATEWAY, DISK, KEY_VAULT
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unusable, value
from auditor.snapshot.model import Part, Resource

_DISK_KEYS: Final = "properties.encryption.diskEncryptionSetId"
_CERTIFICATES: Final = "properties.sslCertificates[*]"


def _by_name(topology: Topology) -> dict[str, Resource]:
    """Return the key vaults by their names, which are unique in Azure."""
    return {arm.name_of(vault.key): vault for vault in topology.graph.by_type.get(KEY_VAULT, ())}


@fact("deployment.key_vaults", "deployment", gives="key-vault*")
def key_vaults(context: Context, deployment: Deployment) -> Answer:
    """The key vaults that the deployment uses.

    They have the certificates of its application gateways and the keys of its disks, or the deployment file names them.
    """
    graph = context.topology.graph
    by_name = context.topology.once(_by_name)
    found: dict[str, object] = {arm.key(named): graph.get(named) for named in deployment.declared.key_vaults}
    reads: list[Read] = []
    for address in (*_of_certificates(deployment), *_of_disks(context, deployment)):
        name = _vault_name(address)
        reads += address.reads if name else ()
        if isinstance(name, Unknown):
            found[name.reason] = name
        elif name:
            vault = by_name.get(name) or _unread(context, deployment, name)
            found[vault.key if isinstance(vault, Resource) else name] = vault
    scopes = (deployment.scope[type_].missing for type_ in (APPLICATION_GATEWAY, DISK))
    return Answer(PartialList(tuple(found.values()), next(filter(None, scopes), None)), tuple(reads))


def _of_certificates(deployment: Deployment) -> Iterator[Answer]:
    """Yield the addresses of the certificates of application gateways, and why there may be more."""
    for gateway in deployment.scope[APPLICATION_GATEWAY].of_type(Resource):
        certificates = objects(gateway, _CERTIFICATES)
        yield from (Answer(unknown) for unknown in (certificates.incomplete_because,) if unknown is not None)
        for certificate in certificates.of_type(Part):
            yield text_at(certificate, "properties.keyVaultSecretId")


def _of_disks(context: Context, deployment: Deployment) -> Iterator[Answer]:
    """Yield the addresses of the keys of disks, or why they are unknown."""
    sets: dict[str, str] = {}
    for disk in deployment.scope[DISK].of_type(Resource):
        named = value(disk, _DISK_KEYS)
        if isinstance(named.value, str):
            sets.setdefault(arm.key(named.value), named.value)
        elif named.value is not ABSENT:
            yield Answer(unusable(named, "an id"))
    for arm_id in sets.values():
        encryption_set = context.topology.graph.get(arm_id)
        if isinstance(encryption_set, Resource):
            yield required(text_at(encryption_set, "properties.activeKey.keyUrl"))
        else:
            yield Answer(encryption_set)


def _vault_name(address: Answer) -> str | Unknown:
    """Return the name of the key vault in an address, which is unique in Azure; "" if it is a managed HSM or absent."""
    if not isinstance(address.value, str):
        return address.value if isinstance(address.value, Unknown) else ""
    name, _, rest = address.value.lower().removeprefix("https://").split("/")[0].partition(".")
    if rest.startswith("vault."):
        return name
    return "" if rest.startswith("managedhsm.") else unusable(address, "the address of a key vault")


def _unread(context: Context, deployment: Deployment, name: str) -> Unknown:
    """Return why a key vault is not known."""
    listings = (context.topology.graph.listing(KEY_VAULT, subscription) for subscription in deployment.subscriptions)
    reason = f"the key vault {name} is used, but is in no scanned subscription"
    return next(filter(None, listings), None) or Unknown(Cause.VALUE, reason)
