"""How long clients wait after a loss that a mirror or a tier survives.

Sources: "Configuring the Quality of Service (QoS) Timeout" and "Automatic Failover Mechanics" in the High Availability
Guide of InterSystems IRIS; the health probes of Azure Load Balancer and Application Gateway.
"""

from __future__ import annotations

from auditor.losses.mirror import Pause
from auditor.losses.site import AT_ONCE, Seconds


def waiting(pause: Pause, qos: Seconds) -> Seconds:
    """Return how long a mirror needs until a member is primary, without the opening of its databases.

    A lost connection is noticed after half to one QoS timeout. In agent controlled mode, the primary then waits for its
    trouble timeout, which is twice the QoS timeout, and the backup as long at most for the ISCAgent of the primary.
    """
    match pause:
        case Pause.NONE:
            return AT_ONCE
        case Pause.TROUBLE:
            return Seconds(2.5 * qos.least, 3 * qos.most)
        case Pause.TAKEOVER_BY_AGENT:
            return Seconds(0.5 * qos.least, 3 * qos.most)
        case Pause.BACKUP_LOST | Pause.TAKEOVER:
            return Seconds(0.5 * qos.least, qos.most)


def longest(*times: Seconds) -> Seconds:
    """Return how long things that happen side by side need together."""
    return Seconds(max(time.least for time in times), max(time.most for time in times)) if times else AT_ONCE
