"""Tools for rule authors: examples, listings and scaffolds."""
