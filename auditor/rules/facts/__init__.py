"""Facts: named, pure functions of the topology that yield a value, its absence or the reason why it is not known.

A rule names them where one leaf of a condition cannot say what it needs: a join, a sum, a look-up.
"""

from auditor.rules.facts import (
    balancers,
    deployments,
    disks,
    entrances,
    frontends,
    gateways,
    internet,
    mirrors,
    needs,
    neighbours,
    placement,
    pools,
    redundancy,
    retirements,
    sizes,
    traffic_manager,
    vm_state,
)
from auditor.rules.facts.registry import FACTS, Fact

__all__ = [
    "FACTS",
    "Fact",
    "balancers",
    "deployments",
    "disks",
    "entrances",
    "frontends",
    "gateways",
    "internet",
    "mirrors",
    "needs",
    "neighbours",
    "placement",
    "pools",
    "redundancy",
    "retirements",
    "sizes",
    "traffic_manager",
    "vm_state",
]
