"""Facts of what must survive: whom a product needs, what keeps machines apart, and how soon clients follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import msgspec

from auditor import arm
from auditor.deployment import NONE
from auditor.facts.arithmetic import number
from auditor.facts.balancers import referred_to
from auditor.facts.deployments import primary_region
from auditor.facts.groups import Group, machines_of
from auditor.facts.machines import fault_domain, fault_domain_group, zone
from auditor.facts.mirrors import rules as mirror_rules
from auditor.facts.registry import fact
from auditor.model import DeclaredTier, Part, Resource, Role
from auditor.topology import Context, Deployment, Members, Mirror
from auditor.topology.deployments import TIERS_OF
from auditor.topology.graph import LOAD_BALANCER, TRAFFIC_MANAGER, value
from auditor.values import ABSENT, Answer, Cause, Interval, Items, Read, Unknown, interval

PAIR = 2
PROBE_INTERVAL, PROBE_THRESHOLD = 15, 1
"""What a load balancer's probe does where it says nothing (load-balancer-custom-probe-overview)."""
TOLERATED_FAILURES, MONITOR_INTERVAL, MONITOR_TIMEOUT, TIME_TO_LIVE = 3, 30, 10, 60
"""What a Traffic Manager profile does where it says nothing (traffic-manager-monitoring)."""
SLA_OF_ZONES, SLA_OF_A_SET, SLA_OF_ONE = 99.99, 99.95, 99.9
"""What Azure promises of two machines over zones, of two in one set, and at most of a machine by itself."""


class Need(msgspec.Struct, frozen=True, eq=False):
    """A role that a deployment cannot do without, and the machines that have it in the primary region."""

    id: str
    role: Role
    machines: Members


# --- machines and sets ------------------------------------------------------------------------------------------------


@fact("vm.region", "vm", gives="text")
def region(_: Context, vm: Resource) -> Answer:
    """The region of the machine, as Azure's tools write it (`westeurope`)."""
    found = value(vm, "location")
    return Answer(arm.location(found.value), found.reads) if isinstance(found.value, str) else found


@fact("vm.update_domain", "vm", gives="number")
def update_domain(_: Context, vm: Resource) -> Answer:
    """The update domain that Azure put the machine in within its set, from the instance view."""
    found = _viewed(vm, value(vm, "properties.instanceView.platformUpdateDomain"))
    return found if found.value is ABSENT else _checked(found)


@fact("vm.balancing_rules", "vm", gives="rule*")
def balancing_rules(context: Context, vm: Resource) -> Answer:
    """The load-balancing rules that send traffic to the machine."""
    rules = context.topology.balancing.rules_serving([vm])
    return Answer(Items(tuple(rules), _in_scope(context.deployment, LOAD_BALANCER).missing))


@fact("set.maximum_fault_domains", "availability-set", gives="number")
def maximum_fault_domains(context: Context, availability_set: Resource) -> Answer:
    """How many fault domains a set with managed disks can have in the region: `MaximumPlatformFaultDomainCount`."""
    place = value(availability_set, "location")
    if not isinstance(place.value, str):
        return place
    graph, subscription = context.topology.graph, arm.subscription_of(availability_set.id)
    name = "MaximumPlatformFaultDomainCount"
    return number(graph.capability("availabilitySets", "Aligned", availability_set.location, subscription, name))


# --- deployments ------------------------------------------------------------------------------------------------------


@fact("deployment.needs", "deployment", gives="need*")
def needs(_: Context, deployment: Deployment) -> Answer:
    """The roles that the product has by the reference, and those that were declared: of each mirror and each tier.

    A role that was declared as `none` is among them where the product needs it.
    """
    missing = deployment.more_mirrors
    if not deployment.declared.product:
        missing = missing or Unknown(Cause.DECLARATION, f"nobody declared the product of {deployment.id}")
    return Answer(Items((*_mirrors_needed(deployment), *_tiers_needed(deployment)), missing))


@fact("need.role", "need", gives="text")
def need_role(_: Context, need: Need) -> Answer:
    """The role of the machines."""
    return Answer(str(need.role))


@fact("need.machines", "need", gives="vm*")
def need_machines(_: Context, need: Need) -> Answer:
    """The machines that have the role in the primary region."""
    reads = (value(machine, "location").reads[0] for machine in Items.of(need.machines).only(Resource))
    return Answer(need.machines, tuple(reads))


@fact("deployment.dr_region", "deployment", gives="text")
def dr_region(_: Context, deployment: Deployment) -> Answer:
    """The region that takes over when the primary one is lost; `none` where there is none on purpose."""
    reason = f"nobody declared the DR region of {deployment.id}: add it to `regions` in the deployment file"
    return Answer(deployment.declared.dr_region or Unknown(Cause.DECLARATION, reason))


@fact("deployment.regions", "deployment", gives="text*")
def regions(context: Context, deployment: Deployment) -> Answer:
    """The primary region and the DR region; the primary one alone where there is no other on purpose."""
    own = (primary_region(context, deployment).value, dr_region(context, deployment).value)
    return Answer(Items(tuple(region for region in own if region != NONE)))


@fact("deployment.profiles", "deployment", gives="profile*")
def profiles(_: Context, deployment: Deployment) -> Answer:
    """The Traffic Manager profiles that lead to the deployment."""
    return Answer(_in_scope(deployment, TRAFFIC_MANAGER))


def _in_scope(deployment: Deployment | None, type_: str) -> Items:
    return deployment.scope[type_] if deployment is not None else Items()


def _mirrors_needed(deployment: Deployment) -> Iterator[Need]:
    if not deployment.mirrors and deployment.more_mirrors is None:
        yield Need(f"{deployment.id}/mirrors", Role.MIRROR_FAILOVER, deployment.machines[Role.MIRROR_FAILOVER])
    for mirror in deployment.mirrors:
        yield Need(f"{mirror.id}/failover", Role.MIRROR_FAILOVER, _in_primary_region(deployment, mirror.failover))
        yield Need(f"{mirror.id}/arbiter", Role.MIRROR_ARBITER, mirror.arbiter)


def _tiers_needed(deployment: Deployment) -> Iterator[Need]:
    declared = deployment.declared.tiers or ()
    expected = TIERS_OF.get(deployment.declared.product, frozenset())
    for tier in declared:
        if tier.role in expected or not tier.members.none:
            yield Need(_tier_id(deployment, tier.role, tier.product), tier.role, _tier_members(deployment, tier))
    for (role, product), machines in deployment.expected.items() if deployment.declared.product else ():
        yield Need(_tier_id(deployment, role, product), role, machines)


def _tier_id(deployment: Deployment, role: Role, product: str) -> str:
    return "/".join(filter(None, (deployment.id, "tiers", role, product)))


def _tier_members(deployment: Deployment, declared: DeclaredTier) -> Members:
    if declared.members.none:
        return Items()
    own = [tier.members for tier in deployment.tiers if tier.declared is declared]
    if not own:
        return Unknown(Cause.DECLARATION, f"nobody declared who is in the {declared.role} tier of {deployment.id}")
    known = tuple({str(id(member)): member for tier in own for member in tier.known}.values())
    return _in_primary_region(deployment, Items(known, own[0].missing))


def _in_primary_region(deployment: Deployment, machines: Members) -> Members:
    """Return the machines of the primary region; one of which the region is not known stands as unknown."""
    primary = deployment.declared.primary_region
    if isinstance(machines, Unknown):
        return machines
    undeclared = Unknown(
        Cause.DECLARATION, f"nobody declared the primary region of {deployment.id}: add it to `regions`"
    )
    known: list[object] = []
    for machine in machines.known:
        place = value(machine, "location") if isinstance(machine, Resource) else Answer(machine)
        if not isinstance(place.value, str):
            lacks = Unknown(Cause.VALUE, f"{place.reads[0].resource} has no location") if place.reads else undeclared
            known.append(place.value if isinstance(place.value, Unknown) else lacks)
        elif not primary:
            known.append(undeclared)
        elif arm.location(place.value) == primary:
            known.append(machine)
    return Items(tuple(known), machines.missing)


# --- mirrors ----------------------------------------------------------------------------------------------------------


@fact("mirror.dr", "mirror", gives="vm*")
def dr_members(_: Context, mirror: Mirror) -> Answer:
    """The asynchronous members for disaster recovery; empty where the mirror has none on purpose."""
    return Answer(mirror.dr)


@fact("mirror.frontends", "mirror", gives="frontend*")
def frontends(context: Context, mirror: Mirror) -> Answer:
    """The frontends of load balancers from which a rule sends traffic to a failover member, each once."""
    return referred_to(Items.of(mirror_rules(context, mirror).value), context.topology.balancing.frontend)


@fact("mirror.fault_domains", "mirror", gives="number*")
def fault_domains(context: Context, mirror: Mirror) -> Answer:
    """The fault domains of the failover members and the arbiter, one a machine."""
    return _domains(context, mirror, fault_domain)


@fact("mirror.update_domains", "mirror", gives="number*")
def update_domains(context: Context, mirror: Mirror) -> Answer:
    """The update domains of the failover members and the arbiter, one a machine."""
    return _domains(context, mirror, update_domain)


def _domains(context: Context, mirror: Mirror, domain: Callable[[Context, Resource], Answer]) -> Answer:
    known: list[object] = []
    reads: list[Read] = []
    machines = Items.joined(mirror.failover, mirror.arbiter)
    for machine in machines.only(Resource):
        found = domain(context, machine)
        reads += found.reads
        lacks = Unknown(Cause.VALUE, f"{machine.id} is in no domain of a set")
        known.append(lacks if found.value is ABSENT else found.value)
    return Answer(Items(tuple(known), machines.open_end), tuple(reads))


@fact("group.sla_percent", "mirror", "tier", gives="number")
def sla_percent(context: Context, group: Group) -> Answer:
    """What Azure promises that at least one of the machines can be reached, in percent of the time.

    99.99 over two zones of a region, 99.95 in one availability set or Flexible scale set; otherwise 99.9 at most,
    which depends on the disks.
    """
    members = Items.of(machines_of(group))
    machines, missing = members.only(Resource), members.open_end
    zones: dict[str, set[str]] = defaultdict(set)
    reads: list[Read] = []
    for machine in machines:
        place, own = region(context, machine), zone(context, machine)
        reads += own.reads
        if isinstance(place.value, str) and isinstance(own.value, str):
            zones[place.value].add(own.value)
        else:
            missing = missing or next((a.value for a in (place, own) if isinstance(a.value, Unknown)), None)
    if any(len(found) >= PAIR for found in zones.values()):
        return Answer(SLA_OF_ZONES, tuple(reads))
    sets: set[str] = set()
    for machine in machines:
        own = _set_of(context, machine)
        reads += own.reads
        sets.add(own.value.lower() if isinstance(own.value, str) else "")
        missing = missing or (own.value if isinstance(own.value, Unknown) else None)
    if missing is not None:
        return Answer(missing, tuple(reads))
    if len(machines) >= PAIR and len(sets) == 1 and "" not in sets:
        return Answer(SLA_OF_A_SET, tuple(reads))
    because = Unknown(Cause.VALUE, f"what Azure promises of a machine of {group.id} by itself depends on its disks")
    return Answer(Interval(0, SLA_OF_ONE, (because,)), tuple(reads))


def _set_of(context: Context, machine: Resource) -> Answer:
    """Return the id of the availability set or Flexible scale set of a machine."""
    own = value(machine, "properties.availabilitySet.id")
    if own.value is not ABSENT:
        return own
    flexible = fault_domain_group(context, machine)
    return Answer(flexible.value, (*own.reads, *flexible.reads))


# --- how soon clients follow ------------------------------------------------------------------------------------------


@fact("probe.detection_seconds", "probe", gives="number")
def detection_seconds(_: Context, probe: Part) -> Answer:
    """How long a probe takes to notice that a machine changed: its interval times its threshold.

    `numberOfProbes` does not count: Azure ignores it (the load balancer's known issues).
    """
    interval_ = _number(probe, "properties.intervalInSeconds", PROBE_INTERVAL)
    threshold = _number(probe, "properties.probeThreshold", PROBE_THRESHOLD)
    return _joined([interval_, threshold], lambda every, times: every * max(times, 1))


@fact("profile.switch_seconds", "profile", gives="number")
def switch_seconds(_: Context, profile: Resource) -> Answer:
    """How long clients may be sent to an endpoint that fails: until it is noticed, and until names are asked again.

    That is one interval more than the tolerated failures, the timeout of a probe, and the names' time to live.
    """
    answers = [
        _number(profile, "properties.monitorConfig.toleratedNumberOfFailures", TOLERATED_FAILURES),
        _number(profile, "properties.monitorConfig.intervalInSeconds", MONITOR_INTERVAL),
        _number(profile, "properties.monitorConfig.timeoutInSeconds", MONITOR_TIMEOUT),
        _number(profile, "properties.dnsConfig.ttl", TIME_TO_LIVE),
    ]
    return _joined(answers, lambda tolerated, every, timeout, ttl: (tolerated + 1) * every + timeout + ttl)


def _number(element: Resource | Part, path: str, default: float) -> Answer:
    """Return the number at a path; what Azure then applies where there is none."""
    found = value(element, path)
    return Answer(default, found.reads) if found.value is ABSENT else _checked(found)


def _checked(answer: Answer) -> Answer:
    """Return a number; anything else is malformed."""
    if isinstance(answer.value, Unknown) or interval(answer.value) is not None:
        return answer
    reason = f"{answer.reads[0].resource}: {answer.reads[0].path} is {answer.value!r}, not a number (malformed)"
    return Answer(Unknown(Cause.VALUE, reason), answer.reads)


def _joined(answers: list[Answer], join: Callable[..., float]) -> Answer:
    """Return what several numbers make together."""
    reads = tuple(read for answer in answers for read in answer.reads)
    unsure = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
    return Answer(unsure or join(*(answer.value for answer in answers)), reads)


def _viewed(vm: Resource, answer: Answer) -> Answer:
    """Return what the instance view says; where the view is missing altogether, it was not asked for."""
    if answer.value is ABSENT and value(vm, "properties.instanceView").value is ABSENT:
        reason = f"the instance view of {vm.id} was not read; it comes with $expand=instanceView"
        return Answer(Unknown(Cause.GAP, reason), answer.reads)
    return answer
