"""Write workflows for actionlint, which reads nothing else: that of docs/github.md, and action.yml as a workflow."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def example() -> str:
    """Return the workflow in docs/github.md."""
    (found,) = re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / "docs/github.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return str(found)


def action() -> str:
    """Return a reusable workflow with the inputs, the outputs and the steps of action.yml."""
    own = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    inputs = {name: {**described, "type": "string"} for name, described in own["inputs"].items()}
    outputs = {name: described["value"] for name, described in own["outputs"].items()}
    job = {"runs-on": "ubuntu-24.04", "outputs": outputs, "steps": own["runs"]["steps"]}
    return yaml.safe_dump({"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"action": job}}, sort_keys=False)


if __name__ == "__main__":
    for name, text in (("example.yml", example()), ("action.yml", action())):
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
