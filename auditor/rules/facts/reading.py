"""Properties of one type, with Azure's default, or why they are unknown."""

from __future__ import annotations

from typing import Final

from auditor.azure import commands
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import VM
from auditor.estate.graph import Graph
from auditor.snapshot.known import Answer, Cause, Unknown, interval
from auditor.snapshot.lookup import unusable, value
from auditor.snapshot.model import Part, Resource

UNRECOGNISED: Final = Unknown(
    Cause.DECLARATION,
    "no InterSystems deployment is recognised here: declare it in a deployment file, which `auditor discover` "
    "proposes, or tag its VMs with iris-deployment and iris-role",
)
"""Why facts of a subscription without deployments are unknown."""
_VMS: Final = (VM, "microsoft.classiccompute/virtualmachines")


def has_no_vm(graph: Graph, subscription: str) -> bool:
    """Return whether it is certain that nothing can run a deployment in a subscription."""
    return all(graph.listing(type_, subscription) is None and not graph.keys_of(type_, subscription) for type_ in _VMS)


def text_at(element: Resource | Part, path: str) -> Answer:
    """Return the text at a path; a value of another type is malformed."""
    found = value(element, path)
    known = found.value is ABSENT or isinstance(found.value, str | Unknown)
    return found if known else Answer(unusable(found, "a text"), found.reads)


def number_at(element: Resource | Part, path: str, default: float | None = None) -> Answer:
    """Return the number at a path; if it is absent, the default, if given."""
    found = value(element, path)
    if found.value is ABSENT:
        return found if default is None else Answer(default, found.reads)
    known = isinstance(found.value, Unknown) or interval(found.value) is not None
    return found if known else Answer(unusable(found, "a number"), found.reads)


def unviewed(vm: Resource) -> Unknown:
    """Return the unknown of an instance view that was not read, or not completely."""
    reason = f"the instance view of {vm.id} was not read completely; read it with {commands.get_instance_view(vm.id)}"
    return Unknown(Cause.GAP, reason, about=(vm.id,))
