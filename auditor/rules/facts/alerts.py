"""Facts of alerts: what reports to people that something of a deployment has failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import (
    ACTION_RULE,
    ACTIVITY_ALERT,
    LOG_ALERT,
    METRIC_ALERT,
    TRAFFIC_MANAGER,
    VM,
)
from auditor.estate.declaration import LoadBalancerRole, Role
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.action_groups import notifies
from auditor.rules.facts.backups import vaults
from auditor.rules.facts.logic import every, some
from auditor.rules.facts.reading import text_at
from auditor.rules.facts.roles import unlisted
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, malformed, objects, unusable, value
from auditor.snapshot.model import Part, Resource

BACKUPS: Final = "backups"
_METRICS: Final[Mapping[str, str]] = {
    "probes": "dipavailability",
    "vm": "vmavailabilitymetric",
    "endpoints": "probeagentcurrentendpointstatebyprofileresourceid",
    BACKUPS: "backuphealthevent",
}
"""By what fails, the metric that shows it, in lower case."""

_SERVERS: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_ARBITER, Role.MIRROR_DR, Role.DB)
_TYPES: Final = (METRIC_ALERT, ACTIVITY_ALERT, ACTION_RULE, LOG_ALERT)
_FIRST_GROUP: Final = {METRIC_ALERT: "properties.actions[0]", ACTIVITY_ALERT: "properties.actions.actionGroups[0]"}
_HEALTH: Final = "resourcehealth"


class Watched(NamedTuple):
    """Something of a deployment whose failure an alert must report."""

    id: str
    what: str
    """`probes`, `vm`, `endpoints` or `backups`."""
    resource: Resource


@fact("deployment.watched", "deployment", gives="watched*")
def watched(context: Context, deployment: Deployment) -> Answer:
    """What an alert must report if it fails.

    The health probes of the mirrors' load balancers, the VMs of database servers, mirror members and arbiters, the
    endpoints of Traffic Manager profiles in use, and backups in Recovery Services vaults.
    """
    servers = [PartialList.of(deployment.vms[role]) for role in _SERVERS]
    profiles = deployment.scope[TRAFFIC_MANAGER].of_type(Resource)
    in_use = (profile for profile in profiles if _is_in_use(context, profile))
    found = {
        "probes": deployment.load_balancers[LoadBalancerRole.MIRROR],
        "vm": PartialList.joined(*map(_without_undeclared, servers)),
        "endpoints": PartialList(tuple(in_use), unlisted(context, deployment, TRAFFIC_MANAGER)),
        BACKUPS: PartialList.of(vaults(context, deployment).value),
    }
    known = {
        (what, resource.key): Watched(f"{resource.id}/{what}", what, resource)
        for what, listed in found.items()
        for resource in listed.of_type(Resource)
    }
    missing = next((listed.incomplete_because for listed in found.values() if listed.incomplete_because), None)
    return Answer(PartialList(tuple(known.values()), missing))


def _is_in_use(context: Context, profile: Resource) -> bool:
    """Return whether a Traffic Manager profile is enabled and not nested.

    The status of a nested one is that of an endpoint of the profile around it.
    """
    status = str(value(profile, "properties.profileStatus").value).lower()
    return status != "disabled" and not context.topology.dns.is_nested(profile)


def _without_undeclared(vms: PartialList) -> PartialList:
    """Return VMs, incomplete only where some were not read: other rules report roles that are not declared."""
    missing = vms.incomplete_because
    known = tuple(vms.of_type(Resource))
    return PartialList(known, None if missing is None or missing.cause is Cause.DECLARATION else missing)


@fact("watched.is_alerted", "watched", gives="boolean")
def is_alerted(context: Context, found: Watched) -> Answer:
    """Whether an enabled alert reports the failure to an action group with a receiver.

    It is a metric alert; of VMs also an alert for Resource Health; of backups also the built-in alert of the vault with
    an alert processing rule that adds the action group. Unknown where only a log alert could report it, whose query is
    not evaluated.
    """
    reported = some((*_by_rule(context, found), *_built_in(context, found)))
    if reported.value is True:
        muted = some(_muting(context, found))
        return reported if muted.value is False else Answer(_negated(muted.value), muted.reads)
    reads = (*_unwatched(context, found), *reported.reads)
    return Answer(_unread(context, found) or reported.value or _by_log(context, found) or False, reads)


def _negated(muted: object) -> object:
    return muted if isinstance(muted, Unknown) else False


def _unwatched(context: Context, found: Watched) -> Iterator[Read]:
    """Yield a read of the resource if no alert rule, on or off, is about its failure: then one has to be created."""
    added = (_applies(rule, found).value for rule, _ in _processing(context, found, "addactiongroups"))
    watching = [watches.value for _, watches in _watching(context, found)]
    if True not in watching and not (found.what == BACKUPS and True in added):
        yield Read(found.resource.id, "id", found.resource.id)


def _unread(context: Context, found: Watched) -> Unknown | None:
    """Return why there may be further alerts: a list that was not read."""
    deployment = context.deployment
    places = {arm.subscription_of(found.resource.key), *(deployment.subscriptions if deployment else ())}
    gaps = (context.topology.graph.listing(type_, place) for type_ in _TYPES for place in sorted(places))
    return next(filter(None, gaps), None)


def _by_log(context: Context, found: Watched) -> Unknown | None:
    """Return that a log alert may report it, None if there is none."""
    for alert in context.topology.graph.in_subscriptions(LOG_ALERT, (arm.subscription_of(found.resource.key),)):
        if _is_on(alert).value is not False:
            reason = (
                f"no metric alert reports a failure of {found.resource.id} ({found.what}), and the queries of log "
                f"alerts, such as {alert.name}, are not evaluated: attest that one does"
            )
            return Unknown(Cause.ATTESTATION, reason, about=(alert.id,), optional=True)
    return None


# --- alert rules ------------------------------------------------------------------------------------------------------


class _Rules(NamedTuple):
    """The rules of one type."""

    at: dict[str, list[Resource]]
    """By the key of what they are about: a resource, a resource group or a subscription."""
    unclear: list[Unknown]
    """Why a rule may be about anything."""


def _rules(topology: Topology) -> dict[str, _Rules]:
    """Return the alert rules and alert processing rules by type."""
    return {type_: _rules_of(topology, type_) for type_ in (METRIC_ALERT, ACTIVITY_ALERT, ACTION_RULE)}


def _rules_of(topology: Topology, type_: str) -> _Rules:
    at: dict[str, list[Resource]] = defaultdict(list)
    unclear: list[Unknown] = []
    groups = {key.partition("/providers/")[0] for key in topology.graph.resources}
    for rule in topology.graph.by_type.get(type_, ()):
        scopes = PartialList.of(items(rule, "properties.scopes[*]").value)
        unclear += filter(None, (scopes.incomplete_because,))
        for scope in scopes.known:
            if isinstance(scope, str):
                at[arm.key(scope)].append(rule)
                found = _missing(topology, scope, groups)
            else:
                found = malformed(rule, "properties.scopes", scope, "the id of a resource")
            if found is not None:
                unclear.append(found)
    return _Rules(at, unclear)


def _missing(topology: Topology, scope: str, groups: set[str]) -> Unknown | None:
    """Return that the scope of a rule does not exist, so that the rule may be meant for anything; None if it may."""
    key = arm.key(scope)
    if arm.type_of(key) == arm.SUBSCRIPTION:
        return None
    if arm.type_of(key) == arm.RESOURCE_GROUP:
        is_known = key in groups or arm.subscription_of(key) not in topology.graph.snapshot.scopes
        return None if is_known else Unknown(Cause.VALUE, f"{scope} is the scope of an alert, and has no resource")
    found = topology.graph.get(scope)
    return found if isinstance(found, Unknown) and found.cause is not Cause.GAP else None


def _about(context: Context, type_: str, resource: Resource) -> Iterator[tuple[Resource, bool]]:
    """Yield the rules of a type about a resource, and whether they name it itself and not what it is in."""
    rules = context.topology.once(_rules)[type_].at
    group = resource.key.partition("/providers/")[0]
    for place in (resource.key, group, arm.subscription_of(resource.key)):
        yield from ((rule, place == resource.key) for rule in rules.get(place, ()))


def _by_rule(context: Context, found: Watched) -> Iterator[Answer]:
    """Yield of each alert rule about the resource whether it reports the failure to someone."""
    for alert, watches in _watching(context, found):
        informs = some((notifies(context, alert), *_added(context, found)))
        if not informs.reads:
            informs = Answer(informs.value, (Read(alert.id, _FIRST_GROUP[alert.type], ABSENT),))
        yield _all(_is_on(alert), informs) if watches.value is True else every((watches, _is_on(alert), informs))
    rules = context.topology.once(_rules)
    yield from (Answer(unknown) for type_ in (METRIC_ALERT, ACTIVITY_ALERT) for unknown in rules[type_].unclear)


def _watching(context: Context, found: Watched) -> Iterator[tuple[Resource, Answer]]:
    """Yield the alert rules about the resource, and whether they are about its failure, be they on or off."""
    for alert, directly in _about(context, METRIC_ALERT, found.resource):
        yield alert, every((_has_metric(alert, found.what), _covers(alert, found.resource, directly=directly)))
    for alert, _ in _about(context, ACTIVITY_ALERT, found.resource) if found.resource.type == VM else ():
        yield alert, _is_of_health(alert, found.resource)


def _all(*answers: Answer) -> Answer:
    """Return whether all are true, with what was read for each that is not."""
    reads = tuple(read for answer in answers if answer.value is not True for read in answer.reads)
    return Answer(every(answers).value, reads or every(answers).reads)


def _is_on(rule: Resource) -> Answer:
    """Return whether a rule is enabled, which is Azure's default."""
    enabled = value(rule, "properties.enabled")
    known = enabled.value is ABSENT or isinstance(enabled.value, bool)
    return Answer(enabled.value is not False if known else unusable(enabled, "true or false"), enabled.reads)


def _has_metric(alert: Resource, what: str) -> Answer:
    """Return whether all criteria of a metric alert are about the metric that shows a failure."""
    named = items(alert, "properties.criteria.allOf[*].metricName", default="")
    names = PartialList.of(named.value)
    if names.incomplete_because is not None:
        return Answer(names.incomplete_because, named.reads)
    wanted = _METRICS[what]
    return Answer(bool(names.known) and all(str(name).lower() == wanted for name in names.known), named.reads)


def _covers(alert: Resource, resource: Resource, *, directly: bool) -> Answer:
    """Return whether a metric alert about a whole group or subscription is for resources like one in it."""
    if directly:
        return Answer(value=True)
    type_, region = (text_at(alert, f"properties.targetResource{name}") for name in ("Type", "Region"))
    of_type = Answer(str(type_.value).lower() == resource.type, type_.reads)
    in_region = Answer(region.value is ABSENT or arm.location(str(region.value)) == resource.location, region.reads)
    unknown = next((each for each in (type_, region) if isinstance(each.value, Unknown)), None)
    return unknown or every((of_type, in_region))


def _is_of_health(alert: Resource, vm: Resource) -> Answer:
    """Return whether an activity log alert reports events of Resource Health for a VM."""
    conditions = objects(alert, "properties.condition.allOf[*]")
    about = {
        "category": {_HEALTH},
        "resourcetype": {vm.type},
        "resourcegroup": {arm.group_of(vm.key)},
        "resourceid": {vm.key},
    }
    fields: set[str] = set()
    answers: list[Answer] = [Answer(conditions.incomplete_because or True)]
    for condition in conditions.of_type(Part):
        choices = objects(condition, "anyOf[*]")
        leaves = choices.of_type(Part) or [condition]
        fields |= {str(value(leaf, "field").value).lower() for leaf in leaves}
        answers.append(some((*(_matches(leaf, about) for leaf in leaves), Answer(choices.incomplete_because or False))))
    return every((Answer(_CATEGORY in fields or conditions.incomplete_because or False), *answers))


_CATEGORY: Final = "category"


def _matches(leaf: Part, about: Mapping[str, set[str]]) -> Answer:
    """Return whether a condition of an activity log alert can be true of a resource."""
    field = text_at(leaf, "field")
    if isinstance(field.value, Unknown):
        return field
    wanted = about.get(str(field.value).lower())
    if wanted is None:  # a status, or another detail of the event
        return Answer(value=True)
    equals, several = text_at(leaf, "equals"), items(leaf, "containsAny[*]")
    given = [equals.value] if equals.value is not ABSENT else PartialList.of(several.value).known
    unknown = next((each for each in given if isinstance(each, Unknown)), None)
    matched = any(str(each).lower().rstrip("/") in wanted for each in given)
    return Answer(unknown or matched, (*field.reads, *equals.reads, *several.reads))


# --- alert processing rules -------------------------------------------------------------------------------------------


def _built_in(context: Context, found: Watched) -> Iterator[Answer]:
    """Yield whether the built-in alerts of a vault report failed backups to someone."""
    if found.what != BACKUPS:
        return
    state = text_at(found.resource, "properties.monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures")
    text = "enabled" if state.value is ABSENT else state.value
    is_on = Answer(text.lower() == "enabled" if isinstance(text, str) else text, state.reads)
    yield _all(is_on, some(_added(context, found)))


def _added(context: Context, found: Watched) -> Iterator[Answer]:
    """Yield of each alert processing rule whether it always adds an action group with a receiver to the alerts."""
    for rule, action in _processing(context, found, "addactiongroups"):
        yield every((_applies(rule, found), notifies(context, action)))
    yield from (Answer(unknown) for unknown in context.topology.once(_rules)[ACTION_RULE].unclear)


def _muting(context: Context, found: Watched) -> Iterator[Answer]:
    """Yield of each alert processing rule whether it always removes the action groups from the alerts."""
    for rule, _ in _processing(context, found, "removeallactiongroups"):
        yield _applies(rule, found)


def _processing(context: Context, found: Watched, kind: str) -> Iterator[tuple[Resource, Part]]:
    """Yield the alert processing rules about the resource with an action of a kind, and that action."""
    for rule, _ in _about(context, ACTION_RULE, found.resource):
        for action in PartialList.of(_actions(context, rule).value).of_type(Part):
            if str(value(action, "actionType").value).lower() == kind:
                yield rule, action


@once
def _actions(_: Context, rule: Resource) -> Answer:
    """Return what an alert processing rule does."""
    return Answer(objects(rule, "properties.actions[*]"))


def _applies(rule: Resource, found: Watched) -> Answer:
    """Return whether an alert processing rule is enabled at all times, and its filters include the alerts."""
    times = ("properties.schedule.recurrences[0]", "properties.schedule.effectiveUntil")
    ends = [value(rule, path) for path in times]
    unknown = next((each.value for each in ends if isinstance(each.value, Unknown)), None)
    always = Answer(unknown or all(each.value is ABSENT for each in ends))
    filters = objects(rule, "properties.conditions[*]")
    passed = (_passes(each, found) for each in filters.of_type(Part))
    return every((_is_on(rule), always, *passed, Answer(filters.incomplete_because or True)))


def _passes(condition: Part, found: Watched) -> Answer:
    """Return whether the alerts pass a filter of an alert processing rule; unknown for filters by text."""
    field, operator = (str(value(condition, name).value).lower() for name in ("field", "operator"))
    group = found.resource.key.partition("/providers/")[0]
    own = {
        "targetresource": {found.resource.key},
        "targetresourcegroup": {group, arm.name_of(group)},
        "targetresourcetype": {found.resource.type},
        "monitorcondition": {"fired"},
        "monitorservice": {"azure backup"} if found.what == BACKUPS else set(),
    }.get(field)
    given = PartialList.of(items(condition, "values[*]").value)
    values = {text.lower().rstrip("/") for text in given.of_type(str)}
    if not own or operator not in {"equals", "notequals"} or given.incomplete_because is not None:
        reason = f"whether a filter of {condition.resource.id} by {field} includes the alerts is not evaluated"
        unknown = Unknown(Cause.VALUE, reason, about=(condition.resource.id,))
        return Answer(given.incomplete_because or unknown)
    reads = (Read(condition.resource.id, condition.path, sorted(values)),)
    return Answer(bool(own & values) is (operator == "equals"), reads)
