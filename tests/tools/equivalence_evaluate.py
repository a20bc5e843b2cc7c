"""Run command lines with the product of one checkout and keep their results, without the prose.

For `equivalence.py`, which starts it with the checkout's own Python in the folder of the inputs. Every case of a part
is run in this one process through the program's entry point, so that only stable names are used: the command line and
the formats of its files. Each line that is written is one case: its exit codes and its output files, in which lists of
findings, resources and gaps are objects by the identity of their members, beside the order of those.
"""

from __future__ import annotations

import contextlib
import gc
import gzip
import importlib
import io
import json
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import yaml

LEFT_OUT: Final = frozenset(
    {
        # prose of reports
        "title",
        "fix",
        "why",
        "expected",
        "detail",
        # prose of SARIF
        "message",
        "text",
        "markdown",
        "justification",
        # the version of the program
        "version",
        "semanticVersion",
        "fullName",
        # the time of an approval
        "at",
    }
)
"""Keys that are left out. A `reason` is too, unless it is that of a gap, which is one of a fixed list."""
TIMES: Final = frozenset({"takenAt", "startTimeUtc", "lastSeen", "guid", "baselineGuid"})
"""Keys that depend on the time at which a live subscription is read."""
VALUES: Final = frozenset({"observed", "before", "after", "body"})
"""Keys with data of Azure, of which nothing is left out."""
COLLECT_EVERY: Final = 20
"""Cases between two runs of the garbage collector, which the program switches off."""


class Normalizer:
    """Reduces the output of the program to what must not change."""

    def __init__(self, *, live: bool) -> None:
        self._left_out = LEFT_OUT | (TIMES if live else frozenset())

    def reduced(self, value: Any) -> Any:
        """Return a JSON value without prose, its lists of identified members as objects."""
        if isinstance(value, list):
            return self._list(value)
        if not isinstance(value, dict):
            return value
        return {
            name: member if name in VALUES else len(member) if name == "declarationsMissing" else self.reduced(member)
            for name, member in value.items()
            if name not in self._left_out and (name != "reason" or "what" in value)
        }

    def _list(self, members: list[Any]) -> Any:
        names = [identity(member) for member in members]
        reduced = [self.reduced(member) for member in members]
        if None in names or len({*names}) < len(names) or not members:
            return reduced
        return {**dict(zip(names, reduced, strict=True)), "the order": names}

    def file(self, path: Path) -> Any:
        """Return the content of an output file."""
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", path.read_text(encoding="utf-8"))
        match path.suffix:
            case ".json" | ".sarif":
                return self.reduced(json.loads(text))
            case ".jsonl":
                header, *records, _ = map(json.loads, text.splitlines())
                return {"header": self.reduced(header), "records": self.reduced(records)}
            case ".yaml":
                return yaml.safe_load(text)
        raise ValueError(path.name)


def identity(member: Any) -> str | None:
    """Return the identity of an item of a list, None where it has none."""
    match member:
        case {"ruleId": rule, "partialFingerprints": {"auditorFinding/v1": key}}:
            return f"{rule} {key}"
        case {"rule": rule, "deployment": deployment, "subject": {"id": subject}} | {
            "finding": {"rule": rule, "deployment": deployment, "subject": {"id": subject}}
        }:
            return f"{rule} {deployment} {subject}"
        case {"scope": scope, "what": what} | {"gap": {"scope": scope, "what": what}}:
            return f"{scope} {what}"
        case {"record": "listed", "id": scope, "type": type_}:
            return f"{scope} {type_} listed"
        case {"id": str(id_)}:
            return id_
    return None


def run(program: Callable[[], int], arguments: list[str]) -> tuple[int, str]:
    """Return the exit code of a command line and its standard output.

    Raises:
        RuntimeError: the command line was refused.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    sys.argv = ["auditor", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = program()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out.flush()
        err.flush()
    if code not in {0, 1, 3}:
        raise RuntimeError(f"exit code {code}: {err.buffer.getvalue().decode()}")
    return code, out.buffer.getvalue().decode()


def outcome(program: Callable[[], int], case: dict[str, Any], replaced: dict[str, str]) -> dict[str, Any]:
    """Run the commands of a case; return their exit codes and the content of their files."""
    normalizer = Normalizer(live=case["part"] == "live")
    with tempfile.TemporaryDirectory() as folder:
        codes = []
        for number, command in enumerate(case["commands"]):
            arguments = [replace(argument, {**replaced, "case": folder}) for argument in command]
            code, said = run(program, arguments)
            codes.append(code)
            if command[0] == "permissions":
                Path(folder, f"{number}.json").write_text(said, encoding="utf-8")
        files = {path.name: normalizer.file(path) for path in sorted(Path(folder).iterdir())}
    return {"exit codes": codes, **files}


def replace(argument: str, values: dict[str, str]) -> str:
    """Return an argument with the values of the names in braces."""
    return re.sub(r"\{([^{}]+)\}", lambda found: values[found[1]], argument)


def count(files: dict[str, Any]) -> int:
    """Return the number of findings in the reports of a case."""
    reports = [said for name, said in files.items() if name.endswith(".json") and "findings" in said]
    return sum(len(report["findings"].get("the order", ())) for report in reports if report["findings"])


def concluded(program: Callable[[], int], cases: list[dict[str, Any]], replaced: dict[str, str]) -> Iterator[str]:
    """Yield each case as a line."""
    for number, case in enumerate(cases):
        try:
            files = outcome(program, case, replaced)
            line = {"case": case["name"], "findings": count(files), "files": files}
        except Exception:  # noqa: BLE001 - the line has the traceback, and is then a difference
            line = {"case": case["name"], "findings": 0, "crash": traceback.format_exc()}
        yield json.dumps(line, sort_keys=True, ensure_ascii=False)
        if number % COLLECT_EVERY == 0:
            gc.collect()


def main() -> None:
    """Evaluate the cases of one part; the arguments are CHECKOUT CASES OUTPUT, standard input the values of names."""
    checkout, cases_file, output = (Path(argument) for argument in sys.argv[1:])
    replaced = json.load(sys.stdin)
    package = importlib.import_module("auditor")
    if checkout.resolve() not in Path(str(package.__file__)).resolve().parents:
        raise SystemExit(f"{sys.executable} imports auditor from {package.__file__}, not from {checkout}")
    entry = next(iter(entry_points(group="console_scripts", name="auditor")))
    cases = [json.loads(line) for line in cases_file.read_text(encoding="utf-8").splitlines()]
    with gzip.open(output, "wt", compresslevel=1, encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in concluded(entry.load(), cases, replaced))


if __name__ == "__main__":
    main()
