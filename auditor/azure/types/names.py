"""The resource types that the code speaks of, in lower case."""

from __future__ import annotations

from typing import Final

VM: Final = "microsoft.compute/virtualmachines"
DISK: Final = "microsoft.compute/disks"
EXTENSION: Final = "microsoft.compute/virtualmachines/extensions"
NIC: Final = "microsoft.network/networkinterfaces"
AVAILABILITY_SET: Final = "microsoft.compute/availabilitysets"
SCALE_SET: Final = "microsoft.compute/virtualmachinescalesets"
PLACEMENT_GROUP: Final = "microsoft.compute/proximityplacementgroups"
LOAD_BALANCER: Final = "microsoft.network/loadbalancers"
APPLICATION_GATEWAY: Final = "microsoft.network/applicationgateways"
PUBLIC_ADDRESS: Final = "microsoft.network/publicipaddresses"
SKU: Final = "microsoft.compute/skus"
VIRTUAL_NETWORK: Final = "microsoft.network/virtualnetworks"
SECURITY_GROUP: Final = "microsoft.network/networksecuritygroups"
TRAFFIC_MANAGER: Final = "microsoft.network/trafficmanagerprofiles"
NETWORK_GATEWAY: Final = "microsoft.network/virtualnetworkgateways"
FLOW_LOG: Final = "microsoft.network/networkwatchers/flowlogs"
