"""Files from inside VMs: their formats, and the folder in which a user supplies them (`--guest DIR`)."""
