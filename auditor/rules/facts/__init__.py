"""Facts: named, pure functions of the topology that return a value, `ABSENT`, or why the value is unknown.

Rules use them for what a comparison cannot express: joins, sums, look-ups. Every module of this folder is imported, so
a fact in a new file needs no registration.
"""

import importlib
import pkgutil

from auditor.rules.registry import FACTS

__all__ = ["FACTS"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
