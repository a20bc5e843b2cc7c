"""What was read: resources, gaps, and values that may be unknown."""
