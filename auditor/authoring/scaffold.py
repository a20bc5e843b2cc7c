"""The command `auditor rules new`: the beginning of a rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from auditor import bundled, files
from auditor.errors import InputError
from auditor.rules import packs

_GROUP: Final = re.compile(r"[A-Z]{2,8}")

_BEGINNING: Final = """\
# yaml-language-server: $schema=../../auditor/schema/rule.schema.json
id: {id}
title: What is true of a good deployment, as one sentence
fails: What is wrong when it is not so   # the headline of findings, true of every way to fail
severity: medium                   # critical | high | medium | low | info
sources:                           # or `reference: [S..]`, statements of pack.yaml
  - {{title: The page that requires this, url: "https://learn.microsoft.com/azure/", date: 2026-01}}
for: [{{type: Microsoft.Compute/virtualMachines, role: [mirror-failover]}}]
assert: {{field: properties.provisioningState, equals: Succeeded}}   # list what is right, never what is wrong
profiles: {{current: {{}}}}
why: What happens to the hospital if this is not so.
fix: az vm update -g RG -n VM
examples:
  - {{on: trakcare-current, expect: pass}}
  - on: trakcare-current
    expect: fail
    because: in a few words, what the change does
    set: [{{resource: vm-db-a, path: properties.provisioningState, value: Failed}}]
  - {{on: trakcare-current, expect: unknown, because: the VM could not be read, gap: [vm-db-a]}}
# `auditor rules test FILE` lists the mutations that no rule notices. Those that none must notice have their place here.
# insensitive:
#   - {{type: Microsoft.Compute/virtualMachines, path: [properties.provisioningState], reason: why none must notice it}}
"""


def new(group: str, folder: Path | None) -> Path:
    """Write the beginning of a rule with the next free id of a group, and return its path.

    Raises:
        InputError: the group is invalid, or the folder is not that of a pack.
    """
    if not _GROUP.fullmatch(group.upper()):
        message = f"'{group}' is not a group of rules; it takes two to eight letters, as in LB"
        raise InputError(message)
    group = group.upper()
    if folder is None:
        if bundled.RULES.parent.name == "_data":
            message = "the built-in pack is installed, not checked out; name the folder of your own pack with --rules"
            raise InputError(message)
        folder = bundled.PACK
    if not (folder / packs.PACK_FILE).is_file():
        message = f"has no {packs.PACK_FILE}"
        raise InputError(message, str(folder))
    taken = [int(found.stem[len(group) :]) for found in folder.glob(f"{group}[0-9][0-9][0-9].yaml")]
    rule_id = f"{group}{max(taken, default=0) + 1:03}"
    path = folder / f"{rule_id}.yaml"
    files.write(path, _BEGINNING.format(id=rule_id).encode())
    return path
