"""Mirrors as their losses need them."""

from __future__ import annotations

from typing import Final

from auditor.azure.paths import ABSENT
from auditor.estate.subjects import Mirror
from auditor.losses.site import UNBOUNDED, Assumption, MirrorModel, Seconds
from auditor.rules.context import Context
from auditor.rules.facts.mirror_settings import MOST_DAYS, SETTING, settings_of
from auditor.rules.facts.mirror_traffic import rules
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.facts.site_arbiters import arbiter_model, said_of_arbiter
from auditor.rules.facts.site_entrances import Ways
from auditor.rules.registry import once
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown, interval
from auditor.snapshot.model import Part, Resource

_PAIR: Final = 2
_OLD, _NEW = 2, 8
"""The default of the QoS timeout in seconds: up to version 2015.1, and later (advisory of 2015-04-28)."""
_IRIS: Final = "iris"
"""The product whose first version is of 2018."""


def mirror_model(context: Context, mirror: Mirror, ways: Ways) -> tuple[MirrorModel, tuple[Assumption, ...]]:
    """Return a mirror, and what was assumed of it."""
    asyncs = PartialList.of(mirror.dr)
    entrances, more_entrances = _entrances(context, mirror, ways)
    qos, of_qos = _qos(context, mirror)
    prevented = no_failover(context, mirror)
    model = MirrorModel(
        id=mirror.id,
        name=mirror.declared.name,
        members=_members(mirror),
        arbiter=arbiter_model(context, mirror),
        asyncs=tuple(vm.key for vm in asyncs.of_type(Resource)),
        more_asyncs=asyncs.incomplete_because,
        entrances=entrances,
        more_entrances=more_entrances,
        qos=qos,
        no_failover=prevented.value if isinstance(prevented.value, bool | Unknown) else False,
    )
    of_arbiter = said_of_arbiter(context, mirror)
    said = (of_qos, Assumption(_failover(mirror, prevented), prevented.reads))
    return model, (*said, *((of_arbiter,) if of_arbiter else ()))


def _members(mirror: Mirror) -> tuple[str, str] | Unknown:
    found = PartialList.of(mirror.failover)
    vms = found.of_type(Resource)
    if found.incomplete_because is not None:
        return found.incomplete_because
    if len(vms) == _PAIR:
        return vms[0].key, vms[1].key
    reason = f"mirror {mirror.declared.name} is declared with {len(vms)} failover members: it has two"
    return Unknown(Cause.DECLARATION, reason)


def _entrances(context: Context, mirror: Mirror, ways: Ways) -> tuple[tuple[str, ...], Unknown | None]:
    """Return the load balancers of the clients that do not find the primary by themselves."""
    if mirror.declared.address_kind != "load-balancer":
        return (), None
    found = PartialList.of(rules(context, mirror).value)
    owners = {rule.resource.key for rule in found.of_type(Part)}
    return tuple(sorted(owners & ways.entrances.keys())), found.incomplete_because


def _qos(context: Context, mirror: Mirror) -> tuple[Seconds, Assumption]:
    """Return the QoS timeout by the CPFs of the failover members, else the default."""
    name = f"mirror {mirror.declared.name}: QoS timeout"
    supplied = PartialList.of(_supplied(context, mirror).value).known
    found = [number_at(own, "qosTimeout") if isinstance(own, Part) else Answer(own) for own in supplied]
    numbers = [interval(own.value) for own in found]
    if None in numbers:
        return Seconds(0, UNBOUNDED), Assumption(f"{name} unknown: a CPF could not be read for certain")
    bounds = [number.low / 1000 for number in numbers if number is not None]
    if bounds:
        own = Seconds(min(bounds), max(bounds))
        reads = tuple(read for each in found for read in each.reads)
        return own, Assumption(f"{name} {_span(own)}, by CPFs of its members", reads)
    if mirror.deployment.product == _IRIS:
        return Seconds(_NEW, _NEW), Assumption(f"{name} {_NEW} s, the default; no CPF shows it")
    text = f"{_OLD} to {_NEW} s, the default up to version 2015.1 and later; no CPF shows it, nor the version"
    return Seconds(_OLD, _NEW), Assumption(f"{name} {text}")


def no_failover(context: Context, mirror: Mirror) -> Answer:
    """Return whether a CPF says which member is primary (`DefinedPrimary`), so that no backup takes over.

    Absent if no CPF was supplied; unknown if one could not be read.
    """
    supplied = PartialList.of(_supplied(context, mirror).value).known
    found = [text_at(own, "definedPrimary") if isinstance(own, Part) else Answer(own) for own in supplied]
    reads = tuple(read for own in found for read in own.reads)
    if any(isinstance(own.value, str) for own in found):
        return Answer(True, reads)
    unknown = next((own.value for own in found if isinstance(own.value, Unknown)), None)
    return Answer(unknown or (False if found else ABSENT), reads)


@once
def _supplied(context: Context, mirror: Mirror) -> Answer:
    """Return the settings of the mirror by each supplied CPF of a failover member, or why they are unknown."""
    days = mirror.deployment.settings.get(SETTING, MOST_DAYS)
    vms = PartialList.of(mirror.failover).of_type(Resource)
    files = context.topology.guest_files
    having = (vm for vm in vms if files.supplied(vm, GuestKind.CPF, days).known)
    return Answer(PartialList(tuple(settings_of(context, vm, mirror) for vm in having)))


def _failover(mirror: Mirror, prevented: Answer) -> str:
    name = f"mirror {mirror.declared.name}:"
    if prevented.value is True:
        return f"{name} no automatic failover, by DefinedPrimary in a CPF"
    if isinstance(prevented.value, Unknown):
        return f"{name} whether the backup takes over by itself is unknown: a CPF could not be read for certain"
    shown = "no CPF shows otherwise" if prevented.value is ABSENT else "by CPFs of its members"
    return f"{name} the backup takes over by itself, {shown}"


def _span(time: Seconds) -> str:
    return f"{time.least:g} s" if time.least == time.most else f"{time.least:g} to {time.most:g} s"
