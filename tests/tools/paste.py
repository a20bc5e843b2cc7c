"""Paste the code blocks of README into one shell, one after the other; `auditor` reads the server of the tests.

The blocks behind `<!-- ci: ... -->`, which install something, are left out. `az` is a stand-in that answers as Azure
CLI does for the estate of the server; `make azcli` runs Azure CLI itself. Each command must succeed, and each run of
`auditor` end with 0, 1 or 3.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.arm.server import ArmServer
from tests.sources.live import live

ROOT = Path(__file__).resolve().parents[2]
NAME = "trakcare-current"
(SUBSCRIPTION,) = live.subscriptions_of(NAME)

AUDITOR = """\
#!/bin/sh
case $1 in
  scan | collect | discover) for word; do case $word in --subscription*) live=$word ;; esac; done ;;
esac
[ -z "${live:-}" ] || set -- "$@" "--config=$SERVER"
code=0
"$REAL" "$@" || code=$?
echo "$code $*" >>"$LOG"
exit "$code"
"""
AZ = """\
#!/bin/sh
case $* in
  login | "extension add -n resource-graph" | "role assignment create "*) ;;
  "role definition create --role-definition @role.json") grep -q '"Actions"' role.json ;;
  "account show --query id --output tsv") echo "$ID" ;;
  "ad signed-in-user show --query id --output tsv") echo 22222222-2222-2222-2222-222222222222 ;;
  "graph query --subscriptions $ID --first 1000 -q resources") cat "$ROWS" ;;
  "vm list --query [0].id --output tsv") echo "$VM" ;;
  "rest --method get --url /subscriptions/$ID/"*) echo '{}' ;;
  *) echo "az: not expected: $*" >&2; exit 64 ;;
esac
"""
GUARD = """\
trap 'code=$?; case $BASH_COMMAND in auditor*) [ $code -ne 2 ] || exit 9 ;; *) exit 9 ;; esac' ERR
set -E
"""
"""Ends the shell at a command that fails; `auditor` may end with 1 or 3."""


def main() -> int:
    """Paste the blocks; print what was wrong, and return 1 if anything was."""
    script = "".join(blocks((ROOT / "README.md").read_text(encoding="utf-8")))
    written = re.findall(r"^auditor(?:-nightly)? ", script, re.MULTILINE)
    with tempfile.TemporaryDirectory() as name, ArmServer(live.estate_of(NAME)) as server:
        folder = Path(name)
        environment = prepare(folder, server)
        command = ["bash", "-c", f"{GUARD}{script}"]
        done = subprocess.run(command, cwd=folder / "checkout", env=environment, check=False)
        runs = (folder / "log").read_text().splitlines()
    faults = [f"ended with {run}" for run in runs if run[:2] not in {"0 ", "1 ", "3 "}]
    faults += [f"{len(written)} commands of auditor, {len(runs)} ran"] if len(runs) != len(written) else []
    faults += ["a command failed"] if done.returncode == 9 else []
    print("\n".join(faults) or f"README: {len(runs)} commands of auditor ran")
    return 1 if faults else 0


def blocks(text: str) -> Iterator[str]:
    """Yield the code of each block for a shell that no marker precedes."""
    for marker, block in re.findall(r"^(<!-- ci: .*-->\n)?```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        if not marker:
            yield block


def prepare(folder: Path, server: ArmServer) -> dict[str, str]:
    """Write the programs and files that the commands find, and return their environment."""
    real = shutil.which("auditor", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert real, "auditor is not installed"
    for name in ("bin", "checkout", "home"):
        (folder / name).mkdir()
    (folder / "checkout/rules").symlink_to(ROOT / "rules")
    programs = {"auditor": AUDITOR, "az": AZ, "auditor-nightly": (ROOT / "deploy/nightly.sh").read_text()}
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o700)
    config = {"format": "auditor.config/1", "arm-endpoint": server.url, "ca-bundle": server.ca_file}
    (folder / "server.yaml").write_text(json.dumps(config))
    rows = [body for body in server.estate.resources.values() if "type" in body and "location" in body]
    (folder / "rows.json").write_text(json.dumps({"count": len(rows), "data": rows, "skip_token": None}))
    (vm, *_) = (body["id"] for body in rows if body["type"] == "Microsoft.Compute/virtualMachines")
    own = {
        "HOME": folder / "home",
        "SERVER": folder / "server.yaml",
        "ROWS": folder / "rows.json",
        "LOG": folder / "log",
    }
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    given = {**own, "REAL": real, "ID": SUBSCRIPTION, "VM": vm, "PATH": path, **server.environment}
    return os.environ | {name: str(value) for name, value in given.items()}


if __name__ == "__main__":
    sys.exit(main())
