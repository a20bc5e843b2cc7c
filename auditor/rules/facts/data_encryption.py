"""Whether databases and journals are encrypted by InterSystems' own encryption."""

from __future__ import annotations

from typing import Final

from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.mirror_settings import settings
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, PartialList, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Part, Resource

_SENTENCE: Final = (
    "on each of these servers, the security settings show that each start activates an encryption key of 128 bits or "
    "more, that the databases with data of patients are encrypted, and that the journals are"
)


@fact("database.is_encrypted", "mirror", "vm", gives="boolean")
def is_encrypted(context: Context, database: Mirror | Resource) -> Answer:
    """Whether InterSystems' own encryption encrypts the databases and journals of a mirror or VM.

    False if a failover member has a mirror without TLS: the journals are not encrypted then, since that requires TLS.
    Else only an attestation can say it: the setting is in a database of the instance, not in its CPF.
    """
    unattested = Unknown.unattested(_SENTENCE)
    if isinstance(database, Resource):
        return Answer(unattested)
    own = PartialList.of(settings(context, database).value)
    found = [value(part, "useSsl") for part in own.of_type(Part)]
    without = [each for each in found if each.value is False]
    reads = tuple(read for each in without or found for read in each.reads)
    return Answer(False if without else unattested, reads)
