"""The terminal format."""
