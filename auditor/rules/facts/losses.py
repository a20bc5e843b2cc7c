"""Facts of losses: what happens to a deployment when a VM, zone or entrance of it is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import VM
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.losses.foreseen import Foreseen
from auditor.losses.loss import Loss, LossKind
from auditor.losses.objectives import Compared, Met, compare, compared_with
from auditor.losses.play import Singles
from auditor.losses.possible import further
from auditor.losses.site import Site
from auditor.rules.context import Context
from auditor.rules.facts.mirrors import failover_and_arbiter
from auditor.rules.facts.placement import availability_set, fault_domain, region, update_domain, zone
from auditor.rules.facts.site import site_of
from auditor.rules.facts.site_mirrors import no_failover
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Interval, PartialList, Read, Unknown
from auditor.snapshot.model import Resource

_PLACED_BY = {
    LossKind.FAULT_DOMAIN: (availability_set, fault_domain),
    LossKind.UPDATE_DOMAIN: (availability_set, update_domain),
    LossKind.ZONE: (zone,),
    LossKind.REGION: (region,),
}
"""The facts that say which VMs a loss takes; of the other kinds, it names what it takes."""


class SingleLoss:
    """A loss that a deployment can suffer; its effect is computed at the first request."""

    def __init__(self, singles: Singles, loss: Loss) -> None:
        """Take the losses of the deployment, and one of them."""
        self._singles = singles
        self.loss = loss

    @property
    def id(self) -> str:
        """Return the id for evidence."""
        return f"{self._singles.site.name}/losses/{self.loss.id}"

    @cached_property
    def foreseen(self) -> Foreseen:
        """The effect of the loss."""
        return self._singles.of(self.loss)


class Objective:
    """A declared objective, and what is foreseen of it."""

    def __init__(self, site: Site, compared: Compared) -> None:
        """Take the deployment and the comparison."""
        self.compared = compared
        self.id = f"{site.name}/objectives/{compared.kind}/{compared.measure}"


@fact("deployment.losses", "deployment", gives="loss*")
def losses_of(context: Context, deployment: Deployment) -> Answer:
    """Every single loss that the deployment can suffer, as `auditor foresee` names them."""
    own = singles(context, deployment)
    known = tuple(SingleLoss(own, loss) for loss in own.losses)
    return Answer(PartialList(known, next(further(own.site), None)))


@fact("loss.kind", "loss", gives="text")
def kind(_: Context, loss: SingleLoss) -> Answer:
    """What is lost: `machine`, `disk`, `fault-domain`, `update-domain`, `zone`, `region`, `link`, `balancer`, ..."""
    return Answer(str(loss.loss.kind))


@fact("loss.name", "loss", gives="text")
def name(_: Context, loss: SingleLoss) -> Answer:
    """The name of what is lost, such as `vm-db-a`, or `westeurope/1` for a zone."""
    return Answer(loss.loss.name)


def _effect(_: Context, loss: SingleLoss) -> str | Unknown:
    return _joined(loss.foreseen.unknown) if loss.foreseen.unknown else str(loss.foreseen.effect)


@fact("loss.effect", "loss", gives="text", value=_effect)
def effect(context: Context, loss: SingleLoss) -> Answer:
    """What the loss does to the deployment: it `serves`, `stops`, or is `lost`.

    It stops until a person acts or what was lost comes back; it is lost if nothing is left with which a person could
    continue. The worst case counts: of both failover members as primary, and of what is lost at once or in any order.
    """
    because = (Read(loss.id, "because", each.text) for each in loss.foreseen.because)
    return Answer(_effect(context, loss), (*because, *reads_of(context, loss.loss)))


@fact("loss.seconds", "loss", gives="number")
def seconds(_: Context, loss: SingleLoss) -> Answer:
    """How many seconds clients wait after the loss, or until the DR region serves by a person's decision.

    Absent if the deployment stops, and the DR region cannot take over.
    """
    foreseen = loss.foreseen
    if foreseen.unknown:
        return Answer(_joined(foreseen.unknown))
    time = foreseen.seconds
    return Answer(ABSENT if time is None else Interval(time.least, time.most))


@fact("deployment.objectives", "deployment", gives="objective*")
def objectives(context: Context, deployment: Deployment) -> Answer:
    """The objectives of the deployment (`objectives` in the deployment file), each time and loss of data by itself."""
    own = singles(context, deployment)
    wanted = compared_with(own.site)
    foreseen = [own.of(loss) for loss in own.losses if loss.kind in wanted]
    return Answer(PartialList(tuple(Objective(own.site, compared) for compared in compare(own.site, foreseen))))


@fact("objective.met", "objective", gives="text")
def met(context: Context, objective: Objective) -> Answer:
    """Whether the objective is `met` by each loss of its kind, or `breached` by one of them."""
    compared = objective.compared
    reads = tuple(reads_of(context, compared.worst.losses[0])) if compared.worst else ()
    return Answer(compared.unknown if compared.met is Met.UNKNOWN else str(compared.met), reads)


def singles(context: Context, deployment: Deployment) -> Singles:
    """Return the single losses of a deployment, which rules and report share."""
    known = context.topology.once(_singles)
    if deployment.id not in known:
        known[deployment.id] = Singles(site_of(context, deployment))
    return known[deployment.id]


def _singles(_: Topology) -> dict[str, Singles]:
    """Return the place for the losses of each deployment, by its id."""
    return {}


def reads_of(context: Context, loss: Loss) -> Iterator[Read]:
    """Yield what shows that a loss takes what it takes, that of mirrors first, and that a backup may not take over."""
    graph, mirrors = context.topology.graph, context.deployment.mirrors if context.deployment else ()
    members = {
        vm.key
        for mirror in mirrors
        for vm in PartialList.of(failover_and_arbiter(context, mirror).value).of_type(Resource)
    }
    apart = {key for cut in loss.cuts for key in (*cut.one, *cut.other) if arm.type_of(key) == VM}
    by_zone = any(place.startswith(f"{LossKind.ZONE}:") for cut in loss.cuts for place in cut.places)
    named = {*loss.instances, *loss.entrances, *(key for key, _ in loss.endpoints)}
    for key in sorted(loss.vms | apart | named, key=lambda key: (key not in members, key)):
        found = graph.resources.get(key) or graph.resources[arm.parent_of(key)]  # a part of it has no resource
        placed = _PLACED_BY.get(loss.kind, ()) if key in loss.vms else ()
        placed = ((zone if by_zone else region),) if key in apart else placed
        yield from (read for own in placed for read in own(context, found).reads)
        if not placed:
            yield Read(found.id, "name", found.name)
    for mirror in mirrors:
        failover = {vm.key for vm in PartialList.of(mirror.failover).of_type(Resource)}
        if failover & (loss.vms | loss.instances):
            yield from no_failover(context, mirror).reads


def _joined(found: Sequence[Unknown]) -> Unknown:
    """Return several reasons as one, which states the first in words."""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Unknown(
        found[0].cause,
        f"{found[0].reason}{more}",
        tuple(dict.fromkeys(gap for each in found for gap in each.gaps)),
        tuple(dict.fromkeys(name for each in found for name in each.about)),
        optional=all(each.optional for each in found),
    )
