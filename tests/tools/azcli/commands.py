"""The `az` commands that rules, pages and messages show; as a script, prints them as JSON for `run.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from auditor.authoring import conflicts
from auditor.azure import commands
from auditor.azure.types import TYPES
from auditor.rules.maps import Origin, PublicCheck
from auditor.sources.advice import Advice
from auditor.sources.live import permissions

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("README.md", "CONTRIBUTING.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")))
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"

RECOMMENDATION = "33333333-3333-3333-3333-333333333333"
"""The name of one of the two recommendations of the fake ARM."""
POLICY = "ae243d87-5cf3-4dce-90bd-6d62be328de3"


@cache
def fixes() -> dict[str, list[str]]:
    """Return the lines of the fix of each rule."""
    files = sorted((ROOT / "rules" / "intersystems-azure").glob("[A-Z]*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))["fix"].splitlines() for file in files}


@cache
def found() -> list[tuple[str, str]]:
    """Return each command with its source: a rule, a page, or `messages`."""
    of_rules = [(rule, line) for rule, lines in fixes().items() for line in lines if line.startswith("az ")]
    of_pages = [(page, command) for page in PAGES for command in _in_page((ROOT / page).read_text(encoding="utf-8"))]
    of_messages = [("messages", command) for command in _in_messages()]
    return of_rules + of_pages + of_messages + [("rules conflicts", command) for command in _in_conflicts()]


def _in_page(text: str) -> Iterator[str]:
    """Yield the commands of the code blocks of a page."""
    for block in re.findall(r"^```(?:sh|console)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            yield from re.findall(r"\$\((az [^()]*)\)", line)
            without_comment = re.sub(r" # .*$", "", line)
            parts = (" ".join(part.split()) for part in re.split(r" (?:&&|\|) ", without_comment))
            yield from (part for part in parts if part.startswith("az "))


def _in_messages() -> Iterator[str]:
    """Yield the commands by which messages tell how to read what is missing."""
    resources = f"{SUBSCRIPTION}/resourceGroups/RG/providers"
    yield commands.get(f"{resources}/Microsoft.Compute/disks/DISK")
    yield commands.get(f"{resources}/Microsoft.ClassicCompute/virtualMachines/OLD_VM")
    yield commands.get_instance_view(f"{resources}/Microsoft.Compute/virtualMachines/VM")
    lists = (commands.list_all(type_, SUBSCRIPTION) for type_ in TYPES)
    for text in dict.fromkeys(lists):
        yield text.partition(" (")[0]  # which is followed by how to repeat it


def _in_conflicts() -> Iterator[str]:
    """Yield the command that writes the recommendations of Azure Advisor, and those that suppress them and policies."""
    yield "az advisor recommendation list -o json"
    of_vm = f"{SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/VM"
    arm_id = f"{of_vm}/providers/Microsoft.Advisor/recommendations/{RECOMMENDATION}"
    yield conflicts.suppression(Advice(arm_id, "", of_vm, "", is_open=True))
    yield from conflicts.exemption(PublicCheck("Azure Policy", POLICY, Origin("", "", ""), ""))


if __name__ == "__main__":
    role = permissions.custom_role([SUBSCRIPTION.rsplit("/", 1)[1]])
    print(json.dumps({"commands": found(), "files": {"role.json": json.dumps(role), "run.sh": "true\n"}}))
