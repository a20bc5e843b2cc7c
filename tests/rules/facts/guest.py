"""A mirror of two VMs with files from inside them, for tests of facts."""

from __future__ import annotations

from typing import Any, Final

from auditor.estate.topology import Topology
from auditor.snapshot.model import Resource
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id

DEPLOYMENT: Final = """
- name: d
  product: iris
  subscriptions: ["00000000-0000-0000-0000-000000000001"]
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: [c], reporting: none}]
  tiers: none
"""
TAKEN: Final = "2026-11-01T02:00:00Z"


def guest(vm: str, file: str, kind: str, **properties: Any) -> Body:
    """Return a file from inside a VM."""
    own = {"kind": kind, "takenAt": TAKEN, **properties}
    return {"id": f"{arm_id('Compute/virtualMachines', vm)}/guest/{file}", "name": file, "properties": own}


def cpf(vm: str, **properties: Any) -> Body:
    """Return a CPF."""
    return guest(vm, "iris.cpf", "cpf", **properties)


def gap(vm: str, file: str, what: str) -> Body:
    """Return that something of a file could not be read; `what` is a path below the properties."""
    scope = f"{arm_id('Compute/virtualMachines', vm)}/guest/{file}"
    return {"scope": scope, "what": f"properties.{what}", "reason": "malformed"}


def mirror_of(*resources: Body, gaps: tuple[Body, ...] = (), **vm: Any) -> Topology:
    """Return the failover members a and b and the DR async c, with other resources; `vm` are properties of a."""
    vms = [s.vm("a", **vm), s.vm("b"), s.vm("c", location="northeurope")]
    return s.topology(*vms, *resources, deployment=DEPLOYMENT, taken_at=TAKEN, gaps=gaps)


def vm_of(built: Topology, name: str = "a") -> Resource:
    """Return a VM."""
    return s.item(built, "Compute/virtualMachines", name)
