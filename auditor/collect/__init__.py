"""The live subscription: the only place that talks to Azure, which it only reads."""

from auditor.collect.clouds import CLOUDS
from auditor.collect.collecting import Outcome, Wanted, collect
from auditor.collect.permissions import role
from auditor.collect.progress import Progress

__all__ = ["CLOUDS", "Outcome", "Progress", "Wanted", "collect", "role"]
