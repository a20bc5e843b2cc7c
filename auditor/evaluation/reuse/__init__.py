"""Findings that are used again where nothing has changed of what was read for them."""

from auditor.evaluation.reuse.memory import Memory, Unmoved

__all__ = ["Memory", "Unmoved"]
