"""What survives which loss: mirrors, tiers and entrances of a deployment after VMs, zones, links or entrances are lost."""
