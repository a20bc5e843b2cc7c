"""What is foreseen in words, for the formats for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.azure import arm
from auditor.foresight.document import Deployment, Foreseen, Foresight, Objective, Seconds
from auditor.losses.foreseen import Effect
from auditor.losses.loss import LossKind, each_of
from auditor.losses.objectives import Met
from auditor.losses.statements import STATEMENTS
from auditor.report.wording import count, first

_COMES_BACK: Final = {
    LossKind.VM: "the VM comes back",
    LossKind.DISK: "the disk works again",
    LossKind.FAULT_DOMAIN: "the fault domain comes back",
    LossKind.UPDATE_DOMAIN: "the VMs are started again",
    LossKind.ZONE: "the zone comes back",
    LossKind.REGION: "the region comes back",
    LossKind.LINK: "the network works again",
    LossKind.LOAD_BALANCER: "the load balancer comes back",
    LossKind.GATEWAY: "the application gateway comes back",
    LossKind.ENDPOINT: "the endpoint comes back",
    LossKind.PROFILE: "the profile comes back",
    LossKind.ARBITER_NETWORK: "the network works again",
}
_NAMES: Final = {
    LossKind.DISK: "the disks of {name}",
    LossKind.FAULT_DOMAIN: "fault domain {part} of {whole}",
    LossKind.UPDATE_DOMAIN: "update domain {part} of {whole}",
    LossKind.ZONE: "zone {part} of {whole}",
    LossKind.ENDPOINT: "endpoint {part} of {whole}",
    LossKind.ARBITER_NETWORK: "the network of the arbiter of {name}",
}
"""How losses are called; the others by their name alone."""
_LIMITS: Final = ((300, 1, "s"), (2 * 3600, 60, "min"), (48 * 3600, 3600, "h"))
"""Below how many seconds a time is stated in which unit."""
_DAY: Final = 86400
_PLACED: Final = frozenset({"O9", "O12"})
"""The statements by which a mirror stops that loses its arbiter and a failover member at once."""
_ADVICE: Final = (
    "the guide's section on clouds lets the arbiter be in the zone of a member, and finds a third zone for it alone "
    "out of proportion; its section on separate data centres asks for a third place"
)
_TEXTS: Final = {statement.id: statement.text for statement in STATEMENTS}


def kind_of(loss: str) -> LossKind:
    """Return the kind of a loss as `--lose` spells it; of several at once, that of the first."""
    return LossKind(loss.partition(":")[0])


def names(losses: Sequence[str]) -> str:
    """Return losses, one after the other, as `--lose` spells each, in words."""
    return ", then ".join(" and ".join(map(_name, each_of(loss))) for loss in losses)


def _name(loss: str) -> str:
    spelled, _, name = loss.partition(":")
    kind = LossKind(spelled)
    whole, _, part = name.rpartition("/")
    whole = arm.name_of(whole) if whole.startswith("/") else whole
    if kind is LossKind.LINK:
        ends = part.replace("-", " and ") if part.count("-") == 1 else part
        return f"the network between zones {ends} of {whole}" if whole else f"the network between {ends}"
    name = arm.name_of(name) if name.startswith("/") else name
    return _NAMES.get(kind, "{name}").format(name=name, whole=whole, part=part)


def worst(foreseen: Foreseen) -> str:
    """Return the worst loss of a kind with its effect."""
    seconds, name = foreseen.seconds, names(foreseen.loss)
    if foreseen.outcome is Effect.SERVES:
        return f"{duration(seconds)} (worst: {name})" if seconds and seconds.most != 0 else "no pause"
    is_region = kind_of(foreseen.loss[0]) is LossKind.REGION
    return f"{name}: {effect(foreseen) if is_region else _stop(foreseen)}"


def effect(foreseen: Foreseen) -> str:
    """Return the effect of a loss on a deployment, without its reason."""
    seconds = foreseen.seconds
    if foreseen.outcome is Effect.SERVES:
        return f"serves after {duration(seconds)}" if seconds and seconds.most != 0 else "serves without a pause"
    dr = f" ({duration(seconds)} until the DR region serves)" if seconds else ""
    return _stop(foreseen, dr)


def _stop(foreseen: Foreseen, dr: str = "") -> str:
    """Return how long a deployment does not serve, with what a person can do in the DR region."""
    match foreseen.outcome:
        case Effect.STOPS:
            return f"stops until a person acts{dr} or {_comes_back(foreseen)}"
        case Effect.LOST:
            return f"stops until {_comes_back(foreseen)}"
        case _:
            return "unknown"


def _comes_back(foreseen: Foreseen) -> str:
    several = len(foreseen.loss) > 1 or len(each_of(foreseen.loss[0])) > 1
    return "what was lost comes back" if several else _COMES_BACK[kind_of(foreseen.loss[0])]


def reasons(foreseen: Foreseen) -> Iterator[str]:
    """Yield why a loss has its effect, with the ids of the statements that decide, and when it would have another."""
    found = [one.text for one in foreseen.because] + [one.reason for one in foreseen.unknown]
    ids = f" ({', '.join(foreseen.oracle)})" if foreseen.oracle else ""
    primary = f", if {foreseen.first} was primary" if foreseen.first else ""
    if found:
        yield f"{found[0]}{primary}{ids}"
    yield from filter(None, ("; ".join(found[1:]), foreseen.unless, "; ".join(foreseen.completions)))
    if _is_of_placement(foreseen):
        yield "the guide advises for and against a zone of its own for the arbiter: docs/foresight.md"


def _is_of_placement(foreseen: Foreseen) -> bool:
    """Return whether a zone stops a mirror because it has the arbiter and a failover member."""
    return bool(_PLACED & {*foreseen.oracle}) and kind_of(foreseen.loss[0]) is LossKind.ZONE


def in_full(foreseen: Foreseen, *, chosen: bool) -> Iterator[tuple[str, str]]:
    """Yield everything that is known of the effect of a loss, with a word for each.

    `chosen` is whether `--first` states which member is primary before.
    """
    yield from (("Because", one.text) for one in foreseen.because)
    yield from (("Unknown", one.reason) for one in foreseen.unknown)
    yield from (("Either", text) for text in foreseen.completions)
    if foreseen.first:
        yield "Primary", f"{foreseen.first} before the loss{'' if chosen else ', in the worst case'}"
    if foreseen.order == "sequence" and len(foreseen.loss) == 1:
        yield "Order", "one after the other, in the worst case"
    if foreseen.unless:
        yield "Unless", foreseen.unless.removeprefix("unless ")
    if foreseen.rpo:
        yield "Data", data(foreseen.rpo)
    yield from ((name, _TEXTS[name]) for name in foreseen.oracle if name in _TEXTS)
    if _is_of_placement(foreseen):
        yield "Placement", _ADVICE


def compared(objective: Objective) -> str:
    """Return an objective with its outcome, and why that is unknown."""
    why = f": {objective.unknown.reason}" if objective.unknown else ""
    return f"{objective.kind} {objective.measure} {time(objective.seconds)}: {met(objective)}{why}"


def of_pairs(pairs: Sequence[Foreseen] | None) -> str:
    """Return which pairs of losses a deployment does not survive."""
    if pairs is None:
        return "not played; --pairs plays them"
    if not pairs:
        return "no pair stops it whose losses it survives alone"
    listed = "; ".join(first([names(pair.loss) for pair in pairs]))
    return f"{count(len(pairs), 'pair')} of losses that it survives alone: {listed}"


def duration(seconds: Seconds) -> str:
    """Return a time between two bounds, in the unit that suits the longer one."""
    least, most = seconds.least, seconds.most
    if most is None:
        return f"at least {time(least)}" if least else "an unknown time"
    if least == most:
        return time(least)
    one, other = time(least), time(most)
    unit = f" {other.rpartition(' ')[2]}"
    return f"{one.removesuffix(unit)} to {other}"


def time(seconds: float) -> str:
    """Return a number of seconds in a unit in which it is short, rounded up to one decimal place."""
    for limit, unit, name in _LIMITS:
        if seconds < limit:
            return f"{_number(seconds, unit)} {name}"
    return f"{_number(seconds, _DAY)} days"


def _number(seconds: float, unit: int) -> str:
    return f"{-(-seconds * 10 // unit) / 10:g}"


def data(seconds: Seconds | None) -> str:
    """Return how much of the latest data is lost."""
    if seconds is None:
        return "not decided"
    if seconds.unknown:
        return f"unknown: {seconds.unknown}"
    return "no data is lost" if seconds.most == 0 else f"the data of {duration(seconds)} is lost"


def met(objective: Objective) -> str:
    """Return whether an objective is met."""
    if objective.outcome is Met.MET:
        return "met, by a person" if objective.by_person else "met"
    return objective.outcome.upper()


def taken(foresight: Foresight) -> str:
    """Return when and from where the resources were read."""
    return f"taken {foresight.taken_at or 'at an unknown time'} from {count(len(foresight.scopes), 'subscription')}"


NO_OBJECTIVE: Final = (
    "No objective is declared: the deployment file can state under objectives how long a loss may last."
)
NOTHING: Final = "No deployment is declared, so nothing can be foreseen; auditor discover proposes a deployment file."


def said(foresight: Foresight) -> str:
    """Return how many objectives have each outcome, and how many losses each effect."""
    objectives = [one for deployment in foresight.deployments for one in deployment.objectives]
    parts = [
        f"{sum(one.outcome is outcome for one in objectives)} {outcome}"
        for outcome in reversed(Met)
        if any(one.outcome is outcome for one in objectives)
    ]
    met = f"objectives: {', '.join(parts)}" if objectives else "" if foresight.lose else "no objective is declared"
    return "; ".join(filter(None, (met, _effects(foresight.deployments))))


def _effects(deployments: Sequence[Deployment]) -> str:
    """Return how many losses have each effect, the worst first."""
    outcomes = [one.outcome for deployment in deployments for one in (*deployment.losses, *(deployment.pairs or ()))]
    numbers = (f"{outcomes.count(each):,} {each}" for each in reversed(Effect) if each in outcomes)
    return f"losses: {', '.join(numbers)}" if outcomes else "no loss was played"
