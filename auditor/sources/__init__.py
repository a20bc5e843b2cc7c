"""Sources of snapshots: live subscriptions, snapshot files and ARM JSON files."""
