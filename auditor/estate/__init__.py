"""The graph of a snapshot, and the deployments, mirrors and tiers in it."""
