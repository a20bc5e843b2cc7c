"""Run the commands of remedies with Azure CLI, each example's against a fake ARM that has its resources.

Standard input has what `remedies.py` prints; standard output has it with what went wrong and the resources afterwards.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.tools.azcli.fake_arm import FakeArm
from tests.tools.azcli.run import HERE, AzureCli

READS = re.compile(r"az [a-z ]+ (show|wait) ")


def main() -> None:
    """Write the result of each case."""
    cases = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        azure_cli = AzureCli(Path(folder))
        json.dump([ran(case, azure_cli) for case in cases], sys.stdout)


def ran(case: dict[str, Any], azure_cli: AzureCli) -> dict[str, Any]:
    """Return a case after its commands; the first command that is refused is the last one."""
    arm = FakeArm(HERE / "estate.yaml", case["resources"])
    problems: list[str] = []
    for command in case["commands"]:
        arm.writes.clear()
        code, _, said = azure_cli.run(command, arm)
        if code:
            problems.append(f"{command}: exit code {code}: {said}")
        elif not arm.writes and not READS.match(command):
            problems.append(f"{command}: changes nothing")
        if problems:
            break
    return {**case, "problems": problems, "resources": arm.resources}


if __name__ == "__main__":
    main()
