"""Fetch the newest report that action.yml stored for this branch, if there is one, with the runner's `gh`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ARTIFACT = "auditor-report"


def main() -> int:
    """Write the step's output `report`, a path or nothing; return 2 if GitHub does not answer."""
    repository = os.environ["GITHUB_REPOSITORY"]
    folder = Path(os.environ["RUNNER_TEMP"]) / "auditor-last"
    try:
        listed = _gh(
            "api", "--paginate", "--slurp", f"repos/{repository}/actions/artifacts?name={ARTIFACT}&per_page=100"
        )
        run = _newest([artifact for page in json.loads(listed) for artifact in page["artifacts"]])
        if run is not None:
            _gh("run", "download", str(run), "--repo", repository, "--name", ARTIFACT, "--dir", str(folder))
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        print("::error::the last report cannot be fetched: the job needs the permission actions, read")
        return 2
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.write(f"report={folder / 'report.json' if run is not None else ''}\n")
    print(f"The last report is from run {run}." if run is not None else "There is no earlier report on this branch.")
    return 0


def _newest(artifacts: list[dict[str, Any]]) -> int | None:
    """Return the run of the newest artifact of this branch, without those of a fork's branch with the same name."""
    branch = os.environ["GITHUB_REF_NAME"]
    ours = [
        artifact
        for artifact in artifacts
        if not artifact["expired"]
        and (run := artifact["workflow_run"])["head_branch"] == branch
        and run["head_repository_id"] == run["repository_id"]
    ]
    newest = max(ours, key=lambda artifact: str(artifact["created_at"]), default=None)
    return None if newest is None else int(newest["workflow_run"]["id"])


def _gh(*arguments: str) -> str:
    command = ["gh", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
