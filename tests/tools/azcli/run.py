"""Run every `az` command of the rules and pages with Azure CLI against a fake ARM, and compare what it sends.

Standard input has what `commands.py` prints. The commands of one source run in their order against the same
resources, so that a step that takes away what a later step needs is noticed. `expected.yaml` says what each must send.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import jmespath
import yaml

from tests.tools.azcli.fake_arm import SUBSCRIPTION, FakeArm, Write, body_of, expanded
from tests.tools.azcli.fake_backup import ACCEPTED

HERE = Path(__file__).resolve().parent
TENANT = "00000000-0000-0000-0000-0000000000aa"


def main() -> int:
    """Print each fault, and return 1 if there is any."""
    given = json.load(sys.stdin)
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in given["files"].items():
            Path(folder, name).write_text(text, encoding="utf-8")
        check = Check(AzureCli(Path(folder)))
        for source, items in groupby(given["commands"], key=lambda item: item[0]):
            arm = FakeArm(HERE / "estate.yaml")
            for _, command in items:
                faults += [f"{source}: {command}\n     {problem}" for problem in check.problems(command, arm)]
        unused = [f"expected.yaml: no command is {pattern}" for pattern in check.unused]
        missed = [f"expected.yaml: {command}\n     {problem}" for command, problem in check.missed()]
    for fault in (*faults, *unused, *missed):
        print(f"FAIL {fault}")
    print(f"{check.ran} commands ran, {len(faults) + len(unused) + len(missed)} faults")
    return 1 if faults or unused or missed else 0


class Check:
    """Compares what commands send with what `expected.yaml` says."""

    def __init__(self, azure_cli: AzureCli) -> None:
        self._azure_cli = azure_cli
        self._expected = yaml.safe_load((HERE / "expected.yaml").read_text(encoding="utf-8"))
        self.unused = {item["command"] for item in self._expected["commands"]}
        self.ran = 0

    def problems(self, command: str, arm: FakeArm) -> list[str]:
        """Return what is wrong with a command, which runs against a fake ARM."""
        known = self._expected["commands"]
        expectation = next((item for item in known if re.fullmatch(item["command"], command)), None)
        if expectation is None:
            return ["expected.yaml does not say what it must send"]
        self.unused.discard(expectation["command"])
        if "not_run" in expectation:
            return []
        self.ran += 1
        arm.writes.clear()
        code, printed, said = self._azure_cli.run(_with_values(command, self._expected["values"]), arm)
        if code:
            return [f"exit code {code}: {said}"]
        if expectation.get("prints", "") not in printed:
            return [f"prints {printed}, not {expectation['prints']}"]
        return [*differences(arm.writes, expectation)]

    def missed(self) -> Iterator[tuple[str, str]]:
        """Yield the commands that are known to be wrong and in which nothing, or something else, is found wrong."""
        for item in self._expected["wrong"]:
            found = " ".join(self.problems(item["command"], FakeArm(HERE / "estate.yaml")))
            if item["because"] not in found:
                yield item["command"], f"it is wrong because of {item['because']!r}; found: {found}"


def differences(writes: list[Write], expectation: dict[str, Any]) -> Iterator[str]:
    """Yield how the requests of a command differ from what it must send."""
    sends: dict[str, dict[str, Any]] = expectation.get("sends", {})
    requests = [write.request for write in writes]
    if len(requests) != len(sends) or not all(map(fnmatch, requests, sends)):
        yield f"sends {requests}, not {[*sends]}"
        return
    for write, (request, properties) in zip(writes, sends.items(), strict=True):
        for path, value in (properties or {}).items():
            if (found := jmespath.search(path, write.body)) != expanded(value):
                yield f"{request}: {path} is {json.dumps(found)}, not {json.dumps(expanded(value))}"
        if [*write.lost] != expectation.get("loses", []):
            yield f"{request}: loses {[*write.lost]}, not {expectation.get('loses', [])}"


def _with_values(command: str, values: dict[str, str]) -> str:
    """Replace the placeholders that stand for a value; the others are names of resources of the fake ARM."""
    for placeholder, value in values.items():
        command = re.sub(rf"(?<![A-Z_]){re.escape(placeholder)}(?![A-Z_])", value.replace("\\", r"\\"), command)
    return command


class AzureCli:
    """Azure CLI in this process: signed in, with a fake ARM in place of the network."""

    def __init__(self, folder: Path) -> None:
        os.environ |= {
            "HOME": str(folder),  # --generate-ssh-keys writes there
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_CORE_DISABLE_CONFIRM_PROMPT": "yes",
            "AZURE_CORE_NO_COLOR": "yes",
        }
        # Imported here, since the import reads the environment.
        import azure.cli.core  # noqa: PLC0415
        import azure.cli.core._profile  # noqa: PLC0415
        import requests  # noqa: PLC0415

        self._folder = folder
        self._core = azure.cli.core
        self._requests = requests
        self._arm: FakeArm | None = None
        _sign_in(azure.cli.core._profile.Profile)  # noqa: SLF001  # there is no other place
        adapter = requests.adapters.HTTPAdapter
        mock.patch.object(adapter, "send", lambda _, request, **_options: self._respond(request)).start()

    def run(self, command: str, arm: FakeArm) -> tuple[int, str, str]:
        """Run a command against a fake ARM, and return the exit code and the ends of standard output and error."""
        self._arm = arm
        out, err = io.StringIO(), io.StringIO()
        azure_cli = self._core.get_default_cli()
        _log_to(err)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(self._folder):
            try:
                code = azure_cli.invoke(shlex.split(command)[1:], out_file=out)
            except SystemExit as exit_:
                code = exit_.code if isinstance(exit_.code, int) else 1
        printed, said = (" ".join(text.getvalue().split())[-500:] for text in (out, err))
        return int(code or 0), printed, said

    def _respond(self, request: Any) -> Any:
        assert self._arm is not None
        status, body = self._arm.answer(request.method, request.url, body_of(request.body))
        response = self._requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.reason = "OK" if status < 400 else "Refused"
        data = b"" if body is None else json.dumps(body).encode()
        response.raw = io.BytesIO(data)
        response.headers.update({"Content-Type": "application/json", "Content-Length": str(len(data))})
        if status == ACCEPTED:
            response.headers["Azure-AsyncOperation"] = f"{request.url.partition('?')[0]}/operations/1"
        return response


def _sign_in(profile: Any) -> None:
    """Sign Azure CLI in with an invented account."""
    subscription_id = SUBSCRIPTION.rsplit("/", 1)[1]
    token = SimpleNamespace(token="e30.e30.e30", expires_on=int(time.time()) + 3600)
    credential = SimpleNamespace(get_token=lambda *_, **__: token, get_token_info=lambda *_, **__: token)
    subscription = {
        "id": subscription_id,
        "name": "subscription",
        "tenantId": TENANT,
        "user": {"name": "user", "type": "user"},
        "environmentName": "AzureCloud",
        "isDefault": True,
        "state": "Enabled",
    }
    profile.get_login_credentials = lambda *_, **given: (
        credential,
        given.get("subscription_id") or subscription_id,
        TENANT,
    )
    profile.get_raw_token = lambda *_, **__: (("Bearer", token.token, {}), subscription_id, TENANT)
    profile.get_subscription = lambda *_, **__: subscription
    profile.get_subscription_id = lambda *_, **__: subscription_id
    profile.load_cached_subscriptions = lambda *_, **__: [subscription]


def _log_to(stream: io.StringIO) -> None:
    """Send the warnings and errors of Azure CLI to a stream."""
    for name in ("cli", "az_command_data_logger"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
    root = logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    root.handlers[:] = [handler]


if __name__ == "__main__":
    sys.exit(main())
