"""A local server for the Azure SDK that answers over https as Azure Resource Manager and its login do."""

from tests.arm.estate import Estate
from tests.arm.exchange import Call
from tests.arm.faults import Fault, Faults, On
from tests.arm.identity import Identity, Role
from tests.arm.server import ArmServer, Entry
from tests.arm.throttle import Throttle

__all__ = ["ArmServer", "Call", "Entry", "Estate", "Fault", "Faults", "Identity", "On", "Role", "Throttle"]
