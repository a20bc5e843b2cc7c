"""Facts of the health probe status that Azure measured: which failover members answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import METRIC
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.internet import ip_configurations
from auditor.rules.facts.load_balancers import EVERY_PORT, tcp_port
from auditor.rules.facts.mirror_traffic import pools, superserver_rules
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import objects, parts, value
from auditor.snapshot.model import Part, Resource

_ANSWERS: Final = 90
_DOES_NOT: Final = 10
"""The percentage of answered probes from which a pool member counts as healthy, and up to which it does not."""

_ADDRESS: Final = "backendipaddress"
_PORT: Final = "backendport"
"""The dimensions of the metric that are read."""

_RECENT: Final = 3
"""The number of measurements that count; each is the average of five minutes."""


@fact("mirror.answering_members", "mirror", gives="number")
def answering_members(context: Context, mirror: Mirror) -> Answer:
    """The number of failover members that answered the health probes of their load balancer for a quarter of an hour.

    Azure measures it as the metric DipAvailability. A member answers from 90 % and does not up to 10 %; in between, and
    where an admin state overrides the probe, it is unknown. Absent if the load balancers are Basic ones, which have no
    metrics.
    """
    found = superserver_rules(context, mirror)
    rules = PartialList.of(found.value)
    measured = [rule for rule in rules.of_type(Part) if not _is_basic(rule.resource)]
    if not measured and rules.incomplete_because is None and rules.known:
        return Answer(ABSENT, tuple(read for rule in rules.of_type(Part) for read in _sku(rule.resource).reads))
    unknown = rules.incomplete_because or _overridden(context, mirror)
    members = PartialList.of(mirror.failover)
    unknown = unknown or members.incomplete_because
    if not measured:
        unknown = unknown or Unknown(Cause.VALUE, f"no load-balancing rule leads to mirror {mirror.declared.name}")
    low = high = 0
    because: list[Unknown] = []
    reads: list[Read] = []
    for vm in members.of_type(Resource):
        answer = _answers(context, vm, measured)
        reads += answer.reads
        if isinstance(answer.value, Unknown):
            because.append(answer.value)
        low += answer.value is True
        high += answer.value is not False
    if unknown is not None:
        return Answer(unknown, tuple(reads))
    return Answer(low if low == high else Interval(low, high, tuple(because)), tuple(reads))


def _sku(load_balancer: Resource) -> Answer:
    return value(load_balancer, "sku.name")


def _is_basic(load_balancer: Resource) -> bool:
    return str(_sku(load_balancer).value).lower() == "basic"


def _overridden(context: Context, mirror: Mirror) -> Unknown | None:
    """Return that the admin state of a pool member decides in place of the probe, or None."""
    for pool in PartialList.of(pools(context, mirror).value).of_type(Part):
        for entry in parts(pool, "properties.loadBalancerBackendAddresses[*]"):
            state = value(entry, "properties.adminState").value
            if isinstance(state, str) and state.lower() != "none":
                reason = f"{entry.id} has admin state {state}, which decides in place of the health probe"
                return Unknown(Cause.VALUE, reason, about=(pool.resource.id,))
    return None


def _answers(context: Context, vm: Resource, rules: list[Part]) -> Answer:
    """Return whether a failover member answers the probes of load-balancing rules."""
    configurations = PartialList.of(ip_configurations(context, vm).value)
    addresses = {
        str(value(configuration, "properties.privateIPAddress").value).lower()
        for configuration in configurations.of_type(Part)
    }
    unknown = configurations.incomplete_because
    found: list[bool] = []
    reads: list[Read] = []
    for rule in rules:
        series = _series(context, rule, addresses)
        unknown = unknown or series.incomplete_because
        if not series.known:
            reason = f"Azure measured no health probe status of {vm.id} for {rule.id}"
            unknown = unknown or Unknown(Cause.VALUE, reason, about=(vm.id, rule.resource.id))
        for one in series.of_type(Part):
            recent = _recent(one)
            reads += recent.reads
            if isinstance(recent.value, bool):
                found.append(recent.value)
            elif isinstance(recent.value, Unknown):
                unknown = unknown or recent.value
    if unknown is None and len({*found}) != 1:
        unknown = Unknown(Cause.VALUE, f"{vm.id} answers some health probes only", about=(vm.id,))
    return Answer(found[0] if unknown is None else unknown, tuple(reads))


def _series(context: Context, rule: Part, addresses: set[str]) -> PartialList:
    """Return the time series of pool members at some addresses, for the port of a load-balancing rule."""
    metric = _metric(context, rule.resource)
    if isinstance(metric, Unknown):
        return PartialList((), metric)
    series = objects(metric, "timeseries[*]")
    port = tcp_port(rule).value
    wanted = [
        one
        for one, names in ((one, dict(_dimensions(one))) for one in series.of_type(Part))
        if names.get(_ADDRESS) in addresses and (port == EVERY_PORT or names.get(_PORT, str(port)) == str(port))
    ]
    return PartialList(tuple(wanted), series.incomplete_because)


def _metric(context: Context, load_balancer: Resource) -> Resource | Unknown:
    """Return the measurements of a load balancer."""
    key = f"{load_balancer.key}/providers/{METRIC}/dipavailability"
    graph = context.topology.graph
    if key in graph.resources:
        return graph.resources[key]
    for gap in load_balancer.unread:
        if arm.canonical_type(gap.what) == METRIC:
            return Unknown.of(gap)
    reason = f"the metric DipAvailability of {load_balancer.id} was not read; a scan of live subscriptions reads it"
    return Unknown(Cause.GAP, reason, about=(load_balancer.id,), optional=True)


def _dimensions(series: Part) -> Iterator[tuple[str, str]]:
    """Yield the name of each dimension of a time series and its value, in lower case."""
    for entry in parts(series, "metadatavalues[*]"):
        name, found = value(entry, "name.value").value, value(entry, "value").value
        if isinstance(name, str) and isinstance(found, str):
            yield name.lower(), found.lower()


def _recent(series: Part) -> Answer:
    """Return whether the last measurements of a time series show a pool member that answers."""
    averages = [value(entry, "average") for entry in parts(series, "data[*]")]
    measured = [(bounds.low, answer) for answer in averages if (bounds := interval(answer.value))][-_RECENT:]
    reads = tuple(read for _, answer in measured for read in answer.reads)
    numbers = [number for number, _ in measured]
    if numbers and min(numbers) >= _ANSWERS:
        return Answer(True, reads)
    if numbers and max(numbers) <= _DOES_NOT:
        return Answer(False, reads)
    shown = f"was {', '.join(f'{number:g} %' for number in numbers)}" if numbers else "was not measured"
    reason = f"{series.id}: the health probe status of the last quarter of an hour {shown}"
    return Answer(Unknown(Cause.VALUE, reason, about=(series.resource.id,)), reads)
