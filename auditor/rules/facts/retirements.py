"""Facts of retirements: uses of what Azure retires."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import msgspec

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import VM
from auditor.estate.subjects import Deployment
from auditor.rules.conditions import Stack
from auditor.rules.context import Context
from auditor.rules.evidence import Evidence
from auditor.rules.facts.retirement_table import RetiringFeature, table
from auditor.rules.facts.sizes import series_of, size_of
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, PartialList, Read, Unknown
from auditor.snapshot.model import Part, Resource


class Retirement(msgspec.Struct, frozen=True, eq=False):
    """A use of something that Azure retires."""

    resource: Resource
    """The resource that uses it."""
    what: str
    date: dt.date
    source: str
    """The URL of the announcement."""
    read: Read
    """The property that shows the use."""
    is_automatic: bool = False
    """Whether the resource goes on working: Azure replaces what it uses, or has made the setting ineffective."""

    @property
    def id(self) -> str:
        """Return the id in evidence: that of the resource, and after `#` the path of the property."""
        return f"{self.resource.id}#{self.read.path}"


@fact("deployment.retirements", "deployment", gives="exposure*")
def retirements(context: Context, deployment: Deployment) -> Answer:
    """The uses, in the deployment scope, of what Azure has retired or will retire; earliest date first."""
    vms = deployment.scope[VM]
    unknown = vms.incomplete_because
    found: list[Retirement] = []
    for use in (*_sizes(vms.of_type(Resource)), *_features(context, deployment)):
        if isinstance(use, Unknown):
            unknown = unknown or use
        else:
            found.append(use)
    found.sort(key=lambda retirement: (retirement.date, retirement.id.lower(), retirement.what))
    return Answer(PartialList(tuple(found), unknown))


@fact("exposure.what", "exposure", gives="text")
def what(_: Context, retirement: Retirement) -> Answer:
    """The name of what Azure retires, such as `Basic load balancer`."""
    return Answer(retirement.what, (retirement.read,))


@fact("exposure.date", "exposure", gives="text")
def date(_: Context, retirement: Retirement) -> Answer:
    """The retirement date, as YYYY-MM-DD."""
    return Answer(retirement.date.isoformat(), _reads(retirement))


@fact("exposure.months_left", "exposure", gives="number")
def months_left(context: Context, retirement: Retirement) -> Answer:
    """The months until the retirement date, rounded up; 0 or less if it has passed."""
    return Answer(context.topology.months_until(retirement.date), _reads(retirement))


@fact("exposure.is_automatic", "exposure", gives="boolean")
def is_automatic(_: Context, retirement: Retirement) -> Answer:
    """Whether the resource goes on working: Azure replaces what it uses, or has made the setting ineffective."""
    return Answer(retirement.is_automatic, _reads(retirement))


def _reads(retirement: Retirement) -> tuple[Read, ...]:
    return retirement.read, Read(retirement.source, retirement.what, retirement.date.isoformat())


def _sizes(vms: Iterable[Resource]) -> Iterator[Retirement | Unknown]:
    """Yield the VMs whose size is of a retired series, and why the size of a VM is unknown."""
    for vm in vms:
        size = size_of(vm)
        series = series_of(size.value) if isinstance(size.value, str) else None
        if isinstance(size.value, Unknown):
            yield size.value
        elif series is not None:
            yield Retirement(vm, f"{series.name} series", series.date, series.source, size.reads[0])


def _features(context: Context, deployment: Deployment) -> Iterator[Retirement | Unknown]:
    """Yield the uses of all other features, and why there may be more."""
    context = context.unrecorded()
    for feature in table().features:
        is_used = feature.where.truth
        for stack in _stacks(feature, context, deployment):
            if isinstance(stack, Unknown):
                yield stack
            elif is_used(context, stack) is not False:
                yield from _use(feature, context, stack)


def _stacks(feature: RetiringFeature, context: Context, deployment: Deployment) -> Iterator[Stack | Unknown]:
    """Yield everything that may use a feature, with what it is in, and why there may be more."""
    resources = deployment.scope[feature.type]
    if resources.incomplete_because is not None:
        yield resources.incomplete_because
    for resource in resources.of_type(Resource):
        stack = resource, deployment
        if feature.elements is None:
            yield stack
            continue
        elements = PartialList.of(feature.elements.value(context, stack))
        if elements.incomplete_because is not None:
            yield elements.incomplete_because
        yield from ((element, *stack) for element in elements.known if not isinstance(element, Unknown))


def _use(feature: RetiringFeature, context: Context, stack: Stack) -> Iterator[Retirement | Unknown]:
    """Yield that an element uses a feature, or why that is unknown."""
    element, result = stack[0], feature.where.result(context, stack)
    if result.truth is None:
        yield result.unknown[0]
    elif isinstance(element, Resource | Part):
        read = _read(result.evidence[0])
        found = element.resource, feature.what, feature.date, feature.source, read, feature.is_automatic
        yield Retirement(*found)


def _read(evidence: Evidence) -> Read:
    """Return the observed property; of a computed value the first property that was read for it."""
    found = evidence.reads[0] if evidence.reads else evidence
    return Read(found.resource, found.path, ABSENT if found.observed is None else found.observed)
