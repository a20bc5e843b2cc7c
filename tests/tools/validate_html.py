"""Validate HTML pages as readers see them: the validator of the W3C, and axe-core in Chromium, in light and dark.

A page must make no request, cause no message of the browser, show every command in print, and cut no picture there. The
filter of findings must leave what it names. With `--screenshots`, pictures of each page are written to a folder.
"""

import argparse
import asyncio
import base64
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

LARGEST = 1_500_000
"""The largest size of a page in bytes."""
SCHEMES = ("light", "dark")
_AXE = """axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations.map(
  ({id, nodes}) => `axe: ${id} at ${nodes[0].target.join(' ')} (${nodes.length} times): ${nodes[0].failureSummary}`))"""
_OPEN = "document.querySelectorAll('details').forEach((details) => { details.open = true })"
_PRINTED = """[...document.querySelectorAll('.finding pre')].filter((code) => !code.closest('.more') &&
  !code.getClientRects().length).map(() => 'print: a command is not shown').slice(0, 1)"""
_CUT = """[...document.querySelectorAll('svg')].filter((svg) => svg.getBoundingClientRect().height > 1000 ||
  svg.getBoundingClientRect().width > innerWidth).map(() => 'print: a picture is larger than a page').slice(0, 1)"""
_FILTER = """(() => {
  const findings = [...document.querySelectorAll('.finding')], form = document.getElementById('filter');
  if (!form) return findings.length ? ['filter: there is none'] : [];
  const level = form.elements.level;
  if (form.hidden || !level) return form.hidden ? ['filter: it is hidden'] : [];
  level.value = level.options[1].value;
  form.dispatchEvent(new Event('input'));
  const wrong = findings.filter((finding) => finding.hidden === (finding.dataset.level === level.value));
  const kept = location.hash === `#level=${level.value}`;
  level.value = '';
  form.dispatchEvent(new Event('input'));
  return [...wrong.map(() => 'filter: a finding is wrongly shown or hidden').slice(0, 1),
    ...(kept ? [] : ['filter: the address does not keep it'])];
})()"""


def main() -> int:
    """Validate each page, print its errors, and return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="chromium", metavar="PROGRAM")
    parser.add_argument("--vnu", type=Path, required=True, metavar="JAR", help="the validator of the W3C")
    parser.add_argument("--axe", type=Path, required=True, metavar="FILE", help="axe.min.js")
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    args = parser.parse_args()
    with browser(args.chromium) as address:
        pages = [file.resolve().as_uri() for file in args.files]
        seen = asyncio.run(in_browser(address, pages, args.axe.read_text(encoding="utf-8")))
    failed = 0
    for file in args.files:
        found, shots = seen[file.resolve().as_uri()]
        for scheme, shot in zip(SCHEMES, shots, strict=True) if args.screenshots else ():
            (args.screenshots / f"{file.stem}-{scheme}.png").write_bytes(shot)
        problems = [*size_problems(file), *markup_problems(file, args.vnu), *found]
        failed += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '} {file}", *problems, sep="\n     ")
    print(f"{failed} of {len(args.files)} refused")
    return 1 if failed else 0


def size_problems(file: Path) -> Iterator[str]:
    """Yield that a page is too large."""
    size = file.stat().st_size
    if size > LARGEST:
        yield f"size: {size:,} bytes, not at most {LARGEST:,}"


def markup_problems(file: Path, vnu: Path) -> Iterator[str]:
    """Yield the errors and warnings of the validator of the W3C."""
    command = ["java", "-jar", str(vnu), "--format", "json", "--exit-zero-always", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    for message in json.loads(said.stderr)["messages"]:
        if not _is_of_print(message["message"]) and not _is_of_policy(message["message"]):
            yield f"markup: line {message.get('lastLine')}: {message['message']}"


def _is_of_print(message: str) -> bool:
    """Return whether a message is about a selector that is newer than the validator."""
    return "details-content" in message


def _is_of_policy(message: str) -> bool:
    """Return whether a message is about hashes of the policy, which Chromium checks and the validator does not."""
    return "violates Content Security Policy" in message


class Tab:
    """A tab of Chromium, by the DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take the connection to the tab."""
        self._socket = socket
        self._last = 0
        self.events: list[dict[str, Any]] = []

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Return the result of a method; events that come first are kept."""
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=60)
            if message.get("id") == self._last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    async def value(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, which may be a promise."""
        found = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"])[:500])
        return found["result"].get("value")

    async def show(self, page: str) -> None:
        """Open a page and wait until it is loaded."""
        await self.call("Page.navigate", url=page)
        while not any(event["method"] == _LOADED for event in self.events):
            self.events.append(await self._socket.receive_json(timeout=60))
        self.events = [event for event in self.events if event["method"] != _LOADED]

    async def emulate(self, scheme: str, media: str = "screen") -> None:
        """Show a page in light or dark, on a screen or in print."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", media=media, features=features)


@contextmanager
def browser(program: str) -> Iterator[str]:
    """Start Chromium with one tab, and yield the address of its DevTools."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0")
        command = [program, *options, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                yield address_of_tab(Path(profile, "DevToolsActivePort"))
            finally:
                process.terminate()


def address_of_tab(port: Path) -> str:
    """Return the address of a new tab, once Chromium has written its port to a file."""
    for _ in range(600):
        if port.exists() and port.read_text().count("\n"):
            break
        time.sleep(0.05)
    url = f"http://127.0.0.1:{port.read_text().splitlines()[0]}/json/new?about:blank"
    with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=30) as answer:
        address: str = json.load(answer)["webSocketDebuggerUrl"]
    return address


async def in_browser(address: str, pages: Iterable[str], axe: str) -> dict[str, tuple[list[str], list[bytes]]]:
    """Return the problems that Chromium shows, and its screenshots, by the address of the page."""
    found: dict[str, tuple[list[str], list[bytes]]] = {}
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
        tab = Tab(socket)
        for domain in ("Page", "Network", "Log", "Runtime"):
            await tab.call(f"{domain}.enable")
        for page in pages:
            found[page] = [], []
            for scheme in SCHEMES:
                problems, shot = await page_problems(tab, page, scheme, axe)
                found[page][0].extend(problems)
                found[page][1].append(shot)
    return found


async def page_problems(tab: Tab, address: str, scheme: str, axe: str) -> tuple[list[str], bytes]:
    """Return what is wrong with a page in light or dark, and a screenshot."""
    tab.events.clear()
    await tab.call("Emulation.setDeviceMetricsOverride", width=1600, height=1200, deviceScaleFactor=1, mobile=False)
    await tab.emulate(scheme)
    await tab.show(address)
    shot = base64.b64decode((await tab.call("Page.captureScreenshot", format="png"))["data"])
    problems = [f"{scheme}: {problem}" for problem in await tab.value(_FILTER)]
    await tab.value(_OPEN)
    await tab.value(axe)
    problems += [f"{scheme}: {problem}" for problem in await tab.value(_AXE)]
    requests = [event["params"]["request"]["url"] for event in tab.events if event["method"] == _REQUEST]
    problems += [f"request: {url}" for url in requests if url.partition("#")[0] != address]
    problems += [f"browser: {event['params']}" for event in tab.events if event["method"] in _MESSAGES]
    if scheme == SCHEMES[0]:
        await tab.show("about:blank")
        await tab.call("Emulation.setDeviceMetricsOverride", width=718, height=1000, deviceScaleFactor=1, mobile=False)
        await tab.emulate(scheme, "print")
        await tab.show(address)
        problems += [*await tab.value(_PRINTED), *await tab.value(_CUT)]
    return problems, shot


_REQUEST = "Network.requestWillBeSent"
_LOADED = "Page.loadEventFired"
_MESSAGES = ("Log.entryAdded", "Runtime.exceptionThrown")


if __name__ == "__main__":
    sys.exit(main())
