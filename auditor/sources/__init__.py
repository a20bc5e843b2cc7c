"""Sources of snapshots: live subscriptions, snapshot files and raw ARM bodies."""
