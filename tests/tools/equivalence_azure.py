"""Serve the ARM JSON files of `equivalence_inputs.py` as Azure does, until standard input ends.

It runs with the Python of the base checkout and uses the server of its tests, so that every product reads the same
Azure. One line of JSON on standard output has the URLs, the certificate and the environment.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve what `served.json` in the working folder names; the argument is the base CHECKOUT."""
    sys.path.insert(0, sys.argv[1])
    arm = importlib.import_module("tests.arm")
    served: dict[str, dict[str, Any]] = json.loads(Path("served.json").read_text(encoding="utf-8"))
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(server(arm, **how)) for name, how in served.items()}
        first = next(iter(servers.values()))
        urls = {name: started.url for name, started in servers.items()}
        print(json.dumps({"urls": urls, "authority": first.ca_file, "environment": first.environment}), flush=True)
        sys.stdin.read()


def server(
    arm: Any,
    inventories: list[str],
    forbidden: tuple[str, ...] = (),
    faults: dict[str, str] | None = None,
) -> Any:
    """Return a server of some ARM JSON files, with a role that lacks actions and with faults by pattern of address."""
    bodies = [json.loads(gzip.decompress(Path(name, "inventory.json.gz").read_bytes())) for name in inventories]
    value = [item for body in bodies for item in body["value"]]
    listed = {scope: types for body in bodies for scope, types in body["listed"].items()}
    role = arm.Role(("*/read",), not_actions=tuple(forbidden))
    return arm.ArmServer(
        arm.Estate.from_body({"value": value, "listed": listed}),
        arm.Identity(roles=(role,)),
        faults={pattern: arm.Fault[fault] for pattern, fault in (faults or {}).items()},
    )


if __name__ == "__main__":
    main()
