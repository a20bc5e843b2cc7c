"""Proposal of a deployment file for a snapshot. A scan never uses it: a user has to review it first.

Hints about roles are collected by subject (CPFs, tags, mirror pools, names, other pools, availability sets), combined
for each VM, and sorted into deployments, mirrors and tiers. The other keys are proposed from the resources that then
belong to the deployment. Every line of the proposal has its confidence and reasons.
"""

from __future__ import annotations

from typing import NamedTuple

from auditor import yaml_documents
from auditor.discover.candidates import Candidates
from auditor.discover.grouping import group_into_deployments
from auditor.discover.hints import collect_hints
from auditor.discover.keys import keys_of
from auditor.discover.proposals import proposals_of
from auditor.discover.yaml_text import last_lines, left_open, text_of
from auditor.errors import InputError
from auditor.snapshot.model import Snapshot


class Proposal(NamedTuple):
    """A deployment file as text."""

    text: str
    found: bool
    """False if no deployment was recognised; the text is then a skeleton of comments."""
    open: int
    """How many things it leaves open."""
    last_lines: tuple[str, ...]
    """What it leaves open, and the next command, which are also the last comments of the text."""


def propose(snapshot: Snapshot, command: str = "auditor scan --snapshot FILE --deployment deployment.yaml") -> Proposal:
    """Return the proposal for a snapshot; it ends with the command that scans it with the proposed file.

    Raises:
        InputError: the proposal would exceed the size limit of a deployment file.
    """
    candidates = Candidates(snapshot)
    mirrors = collect_hints(candidates)
    proposals = proposals_of(group_into_deployments(candidates), mirrors)
    keys = keys_of(snapshot, proposals)
    text = text_of(candidates, mirrors, proposals, keys, command)
    if len(text.encode()) > yaml_documents.MAX_BYTES:
        message = "has too many virtual machines for one deployment file: discover one subscription at a time"
        raise InputError(message)
    opened = left_open(candidates, proposals, keys)
    number = sum(len(undecided) for _, undecided in opened)
    return Proposal(text, bool(proposals), number, tuple(last_lines(opened, command)))
