"""How long clients wait after a loss that a mirror or a tier survives.

Sources: "Configuring the Quality of Service (QoS) Timeout" and "Automatic Failover Mechanics" in the High Availability
Guide of InterSystems IRIS; the health probes of Azure Load Balancer and Application Gateway.
"""

from __future__ import annotations

from auditor.losses.mirror import Pause
from auditor.losses.site import AT_ONCE, Seconds


def waiting(pause: Pause, qos: Seconds, *, arbiter_controlled: bool) -> Seconds:
    """Return how long a mirror needs until a member is primary, without the opening of its databases.

    A lost connection is noticed after half to one QoS timeout. The trouble timeout, in agent controlled mode, is twice
    the QoS timeout more. There, the backup waits for the agent of the primary for up to twice the QoS timeout.
    """
    if pause is Pause.NONE:
        return AT_ONCE
    if pause is Pause.TROUBLE:
        return Seconds(2.5 * qos.least, 3 * qos.most)
    agent = pause is Pause.TAKEOVER and not arbiter_controlled
    return Seconds(0.5 * qos.least, (2 if agent else 1) * qos.most)


def longest(*times: Seconds) -> Seconds:
    """Return how long things that happen side by side need together."""
    return Seconds(max(time.least for time in times), max(time.most for time in times)) if times else AT_ONCE
