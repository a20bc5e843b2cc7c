"""Computing facts, and the notation of their answers in tables of tests."""

from __future__ import annotations

from typing import Any, Final

from auditor.azure.types.names import SKU
from auditor.estate.topology import Topology
from auditor.rules.facts import FACTS
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Unknown
from tests.estate import subscription as s
from tests.estate.subscription import Body

GAP, VALUE, DECLARATION = Cause.GAP, Cause.VALUE, Cause.DECLARATION
INFINITY: Final = float("inf")


def ask(name: str, built: Topology, element: object) -> Answer:
    """Return the answer of a fact for the first deployment of a topology; its value alone is the same."""
    fact, context = FACTS[name], s.context(built)
    answer = fact.find(context, element)
    assert fact.value is None or fact.value(context, element) == answer.value
    return answer


def shown(value: object) -> object:
    """Return a value in the notation of tables: the cause of an unknown, the bounds of a number, sorted names."""
    if isinstance(value, Unknown):
        return value.cause
    if isinstance(value, Interval):
        return value.low if value.exact else (value.low, value.high)
    return s.names(value) if isinstance(value, PartialList) else value


def said(name: str, built: Topology, element: object) -> object:
    """Return the answer of a fact in the notation of tables."""
    return shown(ask(name, built, element).value)


def vm_fact(name: str, *others: Body, gaps: list[Body] | None = None, **vm: Any) -> Answer:
    """Return the answer of a fact for a VM with these properties, besides other resources."""
    body = s.vm("vm-a", **vm)
    built = s.topology(body, *others, gaps=gaps or (), unlisted=[] if others else [SKU])
    return ask(name, built, s.item(built, "Compute/virtualMachines", "vm-a"))
