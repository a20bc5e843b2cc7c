"""What survives which loss: a deployment after VMs, zones, links or entrances are lost."""
