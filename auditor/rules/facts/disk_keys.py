"""Facts of the keys with which disks are encrypted."""

from __future__ import annotations

from typing import Final

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import DISK
from auditor.estate.subjects import Deployment
from auditor.rules.context import Context
from auditor.rules.facts.logic import some
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Unknown
from auditor.snapshot.model import Resource

_OF_OPERATORS: Final = {
    "encryptionatrestwithcustomerkey": True,
    "encryptionatrestwithplatformandcustomerkeys": True,
    "encryptionatrestwithplatformkey": False,
}
"""Whether operators manage a key of a disk, by the lower-case type of its encryption."""


@fact("disk.has_customer_key", "disk", gives="boolean")
def has_customer_key(_: Context, disk: Resource) -> Answer:
    """Whether the disk is encrypted with a key that its operators manage; by default Microsoft manages the key."""
    kind = text_at(disk, "properties.encryption.type")
    if isinstance(kind.value, Unknown):
        return kind
    if kind.value is ABSENT:
        return Answer(False, kind.reads)
    reason = f"{disk.id} has the encryption type {kind.value}, which is not known"
    unknown = Unknown(Cause.VALUE, reason, about=(disk.id,))
    return Answer(_OF_OPERATORS.get(str(kind.value).lower(), unknown), kind.reads)


@fact("deployment.uses_customer_keys", "deployment", gives="boolean")
def uses_customer_keys(context: Context, deployment: Deployment) -> Answer:
    """Whether a disk of the deployment is encrypted with a key that its operators manage."""
    found = deployment.scope[DISK]
    disks = (has_customer_key(context, disk) for disk in found.of_type(Resource))
    return some((*disks, Answer(found.missing or False)))
