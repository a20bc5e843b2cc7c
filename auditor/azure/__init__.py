"""Azure Resource Manager as such: ids, property paths and resource types; no I/O."""
