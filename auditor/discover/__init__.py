"""Proposes a deployment file from what an inventory shows; nothing in here has a say in a scan.

Evidence is collected by subject (tags, mirror pools, names, other pools, availability sets), weighed for each machine,
and sorted into deployments, mirrors and tiers. Every line of the proposal tells how sure it is, and why.
"""

from __future__ import annotations

from typing import NamedTuple

from auditor import yaml_documents
from auditor.discover.estates import estates
from auditor.discover.evidence import weigh
from auditor.discover.machines import Inventory
from auditor.discover.plans import plans_of
from auditor.discover.writing import text_of
from auditor.errors import InputError
from auditor.snapshot.model import Snapshot


class Proposal(NamedTuple):
    """A deployment file as text."""

    text: str
    found: bool
    """False where no deployment was recognised, so that the text is a skeleton of comments."""


def propose(snapshot: Snapshot) -> Proposal:
    """Return the deployment file that an inventory suggests.

    Raises:
        InputError: it would be larger than such a file may be.
    """
    inventory = Inventory(snapshot)
    weigh(inventory)
    plans = plans_of(estates(inventory))
    text = text_of(inventory, plans)
    if len(text.encode()) > yaml_documents.MAX_BYTES:
        message = "has more machines than one deployment file may name: discover one subscription at a time"
        raise InputError(message)
    return Proposal(text, bool(plans))
