"""The command line: arguments in, exit code out."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from auditor import __version__
from auditor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.report.document import Report
    from auditor.report.view import View
    from auditor.scan import Request
    from auditor.snapshot.model import Snapshot

OK, FINDINGS, USAGE, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130

_CLOUDS = ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud")
_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_READ = ("snapshot", "deployment", "waivers", "attestations", "baseline")
"""The options whose files no output may take the place of; the report of the last run may become that of this one."""

_FAIL_ON = ("critical", "high", "medium", "low", "info", "none")

_EXIT_CODES = """\
exit codes:
  0  nothing at or above --fail-on
  1  a finding at or above --fail-on
  2  wrong arguments, or a file of yours is wrong
  3  no such finding, but no clean answer either: something could not be read or was not declared
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding cannot show is shown escaped, never as a traceback.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        options = _parser().parse_args(arguments)
        code: int = options.run(options)
        sys.stdout.flush()
    except InputError as error:
        from auditor.escape import printable  # noqa: PLC0415 - only where something is wrong

        sys.stderr.write(f"auditor: error: {printable(str(error))}\n")
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="auditor",
        description="Judge an Azure subscription that runs InterSystems databases against the reference architecture.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"auditor {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_scan(commands)
    _add_collect(commands)
    _add_discover(commands)
    _add_approve(commands)
    _add_drift(commands)
    _add_rules(commands)
    _add_permissions(commands)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    """Add where the inventory comes from, and how a live one is reached."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--subscription", metavar="ID", type=_subscription, action="append", help="a live subscription; repeatable"
    )
    source.add_argument(
        "--snapshot", metavar="FILE", type=Path, help="a snapshot, or raw ARM bodies as JSON; either may be gzip"
    )
    source.add_argument("--demo", action="store_true", help="the bundled demo subscription")
    _add_live(parser)


def _add_live(parser: argparse.ArgumentParser) -> None:
    live = parser.add_argument_group("live subscriptions")
    live.add_argument("--tenant", metavar="ID", help="the tenant to sign in to (default: that of the credential)")
    live.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=1800.0,
        help="after which what has not been read is a gap (default: 1800)",
    )
    cloud = live.add_mutually_exclusive_group()
    cloud.add_argument(
        "--cloud",
        metavar="NAME",
        choices=_CLOUDS,
        help=f"{', '.join(_CLOUDS)} (the default is the first)",
    )
    cloud.add_argument("--arm-endpoint", metavar="URL", help="the Azure Resource Manager of any other cloud")
    live.add_argument("--authority", metavar="URL", help="who issues tokens, where the cloud does not say so itself")
    live.add_argument("--ca-bundle", metavar="FILE", type=Path, help="certificates to trust instead of the system's")
    live.add_argument("-v", "--verbose", action="store_true", help="show each call with its request id")


def _add_scan(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    scan = commands.add_parser(
        "scan",
        help="judge a live subscription, a snapshot, raw Azure answers or the bundled demo",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_source(scan)
    _add_judging(scan, formats="terminal (default), json, sarif, sarif-github, markdown, or snapshot=FILE")
    scan.add_argument(
        "--previous",
        metavar="REPORT",
        type=Path,
        help="the JSON report of the last run: what it had and this one cannot see stays open in sarif-github",
    )
    scan.add_argument("--baseline", metavar="SNAPSHOT", type=Path, help="an approved snapshot: say what moved since")
    scan.add_argument("--passes", action="store_true", help="also list what passes and what does not apply")
    scan.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        choices=_FAIL_ON,
        default="high",
        help="critical, high, medium, low, info or none: from where on a finding makes the exit code 1 (default: high)",
    )
    scan.add_argument(
        "--fail-on-new", action="store_true", help="count only findings that are worse than in the baseline"
    )
    scan.set_defaults(run=_scan)


def _add_judging(parser: argparse.ArgumentParser, formats: str) -> None:
    """Add by what is judged, and where it is to be shown."""
    parser.add_argument("--deployment", metavar="FILE", type=Path, help="which machine plays which role")
    _add_profile(parser)
    _add_packs(parser)
    parser.add_argument(
        "--waivers", metavar="FILE", type=Path, help="which findings and gaps may stand, and until when"
    )
    parser.add_argument("--attestations", metavar="FILE", type=Path, help="what only people know, and whose word it is")
    parser.add_argument("-o", "--output", metavar="FORMAT[=PATH]", action="append", help=f"{formats}; repeatable")
    parser.add_argument(
        "--allow-incomplete", action="store_true", help="forgive what could not be read or was not declared"
    )
    parser.add_argument(
        "--as-of", metavar="DATE", type=_date, help="the date that counts (default: that of the later snapshot)"
    )


def _add_collect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    collect = commands.add_parser(
        "collect",
        help="only read live subscriptions into a snapshot",
        epilog="exit codes:\n  0  all was read\n"
        "  2  wrong arguments, a file of yours is wrong, or nobody could sign in\n"
        "  3  the snapshot was written, and names what could not be read\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    collect.add_argument(
        "--subscription", metavar="ID", type=_subscription, action="append", required=True, help="repeatable"
    )
    collect.add_argument(
        "--deployment", metavar="FILE", type=Path, help="whose machines are asked for more; kept in the snapshot"
    )
    collect.add_argument(
        "-o", "--output", metavar="snapshot=FILE", action="append", required=True, help="FILE.gz is compressed"
    )
    _add_live(collect)
    collect.set_defaults(run=_collect)


def _add_permissions(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    permissions = commands.add_parser(
        "permissions",
        help="the custom role that reading a live subscription needs, as az role definition create takes it",
    )
    permissions.add_argument(
        "--subscription",
        metavar="ID",
        type=_subscription,
        action="append",
        required=True,
        help="where the role can be assigned; repeatable",
    )
    permissions.set_defaults(run=_permissions)


def _add_discover(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    discover = commands.add_parser(
        "discover",
        help="propose a deployment file from what is there",
        epilog="exit codes:\n  0  a proposal was written\n  2  wrong arguments, or a file of yours is wrong\n"
        "  3  no InterSystems deployment was recognised: what is written is a skeleton\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_source(discover)
    discover.add_argument("-o", "--output", metavar="PATH", type=Path, help="a new file instead of standard output")
    discover.set_defaults(run=_discover)


def _add_approve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    approve = commands.add_parser(
        "approve",
        help="make a snapshot the baseline that later ones are compared with",
        epilog="exit codes:\n  0  the snapshot is approved\n  2  wrong arguments, or a file of yours is wrong\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    approve.add_argument("snapshot", metavar="SNAPSHOT", type=Path, help="what -o snapshot=FILE has written")
    approve.add_argument("--by", metavar="WHO", required=True, help="who answers for it")
    approve.add_argument("--reason", metavar="WHY", required=True, help="for example the number of the change")
    approve.add_argument(
        "--output", metavar="FILE", type=Path, help="a new file, FILE.gz compressed (default: the snapshot itself)"
    )
    approve.set_defaults(run=_approve)


def _add_drift(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    drift = commands.add_parser(
        "drift",
        help="what has moved between an approved snapshot and another",
        epilog="exit codes:\n  0  no finding is worse than it was\n  1  a finding is\n"
        "  2  wrong arguments, or a file of yours is wrong\n"
        "  3  none is, but no clean answer either: something could not be read or was not declared\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    drift.add_argument("baseline", metavar="APPROVED", type=Path, help="a snapshot that auditor approve has approved")
    drift.add_argument("snapshot", metavar="CURRENT", type=Path, help="a later snapshot, or raw ARM bodies as JSON")
    _add_judging(drift, formats="terminal (default), json, sarif, sarif-github or markdown")
    drift.set_defaults(run=_drift)


def _add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", metavar="NAME", default="current", help="current (default) or article-2018")


def _add_packs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rules", metavar="DIR", type=Path, action="append", default=[], help="a folder of further rules; repeatable"
    )


def _add_rules(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rules = commands.add_parser("rules", help="list, show, map, test or begin rules").add_subparsers(
        required=True, metavar="ACTION"
    )
    listing = rules.add_parser("list", help="one line a rule")
    _add_profile(listing)
    _add_packs(listing)
    listing.set_defaults(run=_rules_list)
    show = rules.add_parser("show", help="what a rule asks, why, and how to mend it")
    show.add_argument("id", metavar="ID")
    _add_packs(show)
    show.set_defaults(run=_rules_show)
    test = rules.add_parser("test", help="try the examples of rules")
    test.add_argument(
        "path", metavar="PATH", type=Path, nargs="?", help="a pack's folder or a rule file (default: all)"
    )
    _add_packs(test)
    test.set_defaults(run=_rules_test)
    matrix = rules.add_parser("matrix", help="which rules check which statement of the reference, both ways")
    _add_packs(matrix)
    matrix.set_defaults(run=_rules_matrix)
    new = rules.add_parser("new", help="begin a rule under the next free id of a group")
    new.add_argument("group", metavar="GROUP", help="for example LB")
    new.add_argument(
        "--rules", metavar="DIR", type=Path, help="the folder of your own pack (default: the built-in one)"
    )
    new.set_defaults(run=_rules_new)


def _scan(options: argparse.Namespace) -> int:
    from auditor import bundled, scan  # noqa: PLC0415 - `auditor --help` needs none of it
    from auditor.report import FORMATS  # noqa: PLC0415

    outputs = _outputs(options, {*FORMATS, "snapshot"})
    if options.fail_on_new and options.baseline is None:
        message = "--fail-on-new counts what is worse than in a baseline: name one by --baseline SNAPSHOT"
        raise InputError(message)
    deployment = options.deployment or (bundled.DEMO / bundled.DEPLOYMENT if options.demo else None)
    inventory = _inventory(options, deployment)
    report = scan.scan(_request(options, inventory, deployment, previous=options.previous))
    _show(report, outputs, passes=options.passes)
    return _exit_code(report, options, options.fail_on, worse_only=options.fail_on_new)


def _drift(options: argparse.Namespace) -> int:
    from auditor import scan  # noqa: PLC0415
    from auditor.report import FORMATS  # noqa: PLC0415

    outputs = _outputs(options, {*FORMATS})
    report = scan.scan(_request(options, options.snapshot, options.deployment))
    _show(report, outputs, only_changes=True)
    return _exit_code(report, options, "info", worse_only=True)


def _request(
    options: argparse.Namespace,
    inventory: Path | Callable[[], Snapshot],
    deployment: Path | None,
    previous: Path | None = None,
) -> Request:
    """Return what is to be scanned, and by what."""
    from auditor import scan  # noqa: PLC0415

    return scan.Request(
        inventory=inventory,
        deployment=deployment,
        rules=tuple(options.rules),
        profile=options.profile,
        as_of=options.as_of,
        waivers=options.waivers,
        attestations=options.attestations,
        previous=previous,
        baseline=options.baseline,
    )


def _show(report: Report, outputs: list[tuple[str, Path | None]], **view: bool) -> None:
    """Write a report in the formats that were asked for."""
    from auditor.report import render  # noqa: PLC0415
    from auditor.sources import snapshot_file  # noqa: PLC0415

    def content(name: str, path: Path | None) -> bytes:
        if name == "snapshot":
            return snapshot_file.encode(report.snapshot, compress=_compressed(path))
        shown = render(name, report, _view(to_file=path is not None, **view))
        return shown.encode("utf-8", "backslashreplace")

    _write([(path, content(name, path)) for name, path in outputs])


def _inventory(options: argparse.Namespace, deployment: Path | None = None) -> Path | Callable[[], Snapshot]:
    """Return the inventory's file, or what reads live subscriptions."""
    from auditor import bundled  # noqa: PLC0415

    if options.subscription:
        return lambda: _read_live(options, deployment)
    path: Path = bundled.DEMO / bundled.INVENTORY if options.demo else options.snapshot
    return path


def _read_live(options: argparse.Namespace, deployment: Path | None) -> Snapshot:
    from auditor import scan  # noqa: PLC0415
    from auditor.report.terminal.progress import Shown  # noqa: PLC0415
    from auditor.sources.live.collection import Wanted  # noqa: PLC0415

    wanted = Wanted(
        tuple(dict.fromkeys(options.subscription)),
        cloud=options.cloud or _CLOUDS[0],
        endpoint=options.arm_endpoint,
        authority=options.authority,
        tenant=options.tenant,
        timeout=options.timeout,
        ca_bundle=options.ca_bundle,
    )
    with Shown(verbose=options.verbose) as shown:
        collected = scan.read_live(wanted, deployment, shown)
    shown.ends(collected.snapshot, collected.calls, collected.retries, collected.seconds)
    return collected.snapshot


def _collect(options: argparse.Namespace) -> int:
    from auditor.sources import snapshot_file  # noqa: PLC0415

    outputs = _outputs(options, {"snapshot"})
    taken = _read_live(options, options.deployment)
    _write([(path, snapshot_file.encode(taken, compress=_compressed(path))) for _, path in outputs])
    return INCOMPLETE if taken.gaps else OK


def _permissions(options: argparse.Namespace) -> int:
    import json  # noqa: PLC0415

    from auditor.sources.live.permissions import role  # noqa: PLC0415

    sys.stdout.write(json.dumps(role(options.subscription), indent=2) + "\n")
    return OK


def _compressed(path: Path | None) -> bool:
    return path is not None and path.suffix == ".gz"


def _exit_code(report: Report, options: argparse.Namespace, fail_on: str, *, worse_only: bool) -> int:
    from auditor import scan  # noqa: PLC0415

    if scan.worst_is_at_least(report, fail_on, worse_than_baseline=worse_only):
        return FINDINGS
    complete = report.coverage.complete and not (worse_only and scan.has_lost_sight(report))
    if scan.has_errors(report) or not (complete or options.allow_incomplete):
        return INCOMPLETE
    return OK


def _outputs(options: argparse.Namespace, known: set[str]) -> list[tuple[str, Path | None]]:
    """Return the formats asked for, each with its file; None is standard output, which only one can have."""
    outputs = []
    for text in options.output or ["terminal"]:
        name, _, path = text.partition("=")
        if name not in known:
            message = f"there is no output format '{name}'; there is {', '.join(sorted(known))}"
            raise InputError(message)
        if name == "snapshot" and not path:
            message = "the format snapshot needs a file: -o snapshot=FILE"
            raise InputError(message)
        outputs.append((name, _place(Path(path), options) if path else None))
    targets = [str(path) for _, path in outputs]
    twice = next((target for target in targets if targets.count(target) > 1), None)
    if twice is not None:
        message = f"two outputs go to {'standard output' if twice == 'None' else twice}"
        raise InputError(message)
    return outputs


def _place(path: Path, options: argparse.Namespace) -> Path:
    """Return where a file is to be written to, which is said to be wrong before anything is read.

    Raises:
        InputError: there is no such folder, or the file is one that is read.
    """
    if not path.parent.is_dir():
        message = "cannot be written: there is no such folder"
        raise InputError(message, str(path))
    read = [file for name in _READ if (file := getattr(options, name, None)) and file.is_file()]
    if path.is_file() and any(path.samefile(file) for file in read):
        message = "is read by this run, which would overwrite it; name another file"
        raise InputError(message, str(path))
    return path


def _write(contents: list[tuple[Path | None, bytes]]) -> None:
    """Write files first, so that what goes to standard output is the last word."""
    from auditor import files  # noqa: PLC0415

    for path, data in contents:
        if path is not None:
            files.write(path, data)
    for path, data in contents:
        if path is None:
            sys.stdout.write(data.decode())


def _view(*, to_file: bool, passes: bool = False, only_changes: bool = False) -> View:
    from auditor.report.view import View  # noqa: PLC0415

    on_terminal = sys.stdout.isatty() and not to_file and os.environ.get("TERM") != "dumb"
    colour = bool(os.environ.get("FORCE_COLOR")) or on_terminal
    return View(
        passes=passes,
        only_changes=only_changes,
        width=shutil.get_terminal_size((80, 24)).columns,
        colour=colour and not to_file and not os.environ.get("NO_COLOR"),
    )


def _discover(options: argparse.Namespace) -> int:
    from auditor import discover, scan  # noqa: PLC0415

    output = _place(options.output, options) if options.output else None
    if output and output.is_file():
        message = "exists already: a proposal overwrites nothing; name a new file"
        raise InputError(message, str(output))
    found = _inventory(options)
    proposal = discover.propose(scan.read_inventory(found) if isinstance(found, Path) else found())
    _write([(output, proposal.text.encode())])
    return OK if proposal.found else INCOMPLETE


def _approve(options: argparse.Namespace) -> int:
    from auditor.escape import printable  # noqa: PLC0415
    from auditor.report import wording  # noqa: PLC0415
    from auditor.sources import approval  # noqa: PLC0415

    approved = approval.approve(options.snapshot, options.by, options.reason, options.output)
    lines = [f"approved {len(approved.resources):,} resources, taken {approved.taken_at or 'at an unknown time'}"]
    if approved.gaps:
        hidden = ", ".join(dict.fromkeys(gap.what for gap in approved.gaps))
        found = wording.count(len(approved.gaps), "gap")
        lines.append(f"it has {found}, and nothing is compared with what they hide: {hidden}")
    sys.stderr.writelines(f"auditor: {printable(line)}\n" for line in lines)
    return OK


def _rules_list(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue  # noqa: PLC0415

    sys.stdout.write(catalogue.listing(catalogue.load(options.rules), options.profile))
    return OK


def _rules_show(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue  # noqa: PLC0415

    sys.stdout.write(catalogue.show(catalogue.load(options.rules), options.id))
    return OK


def _rules_matrix(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue  # noqa: PLC0415

    sys.stdout.write(catalogue.matrix(catalogue.load(options.rules)))
    return OK


def _rules_test(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue  # noqa: PLC0415

    count, failures = catalogue.check(options.path, catalogue.load(options.rules))
    sys.stdout.writelines(f"{failure}\n" for failure in failures)
    sys.stdout.write(f"{count} examples, {len(failures)} faults\n")
    return FINDINGS if failures else OK


def _rules_new(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue  # noqa: PLC0415

    sys.stdout.write(f"{catalogue.new(options.group, options.rules)}\n")
    return OK


def _subscription(text: str) -> str:
    found = text.strip().lower().removeprefix("/subscriptions/")
    if not _SUBSCRIPTION.fullmatch(found):
        message = f"'{text}' is not the id of a subscription, like 00000000-0000-0000-0000-000000000001"
        raise argparse.ArgumentTypeError(message)
    return found


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        message = f"'{text}' is not a number of seconds"
        raise argparse.ArgumentTypeError(message)
    return found


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        message = f"'{text}' is not a date like 2026-11-01"
        raise argparse.ArgumentTypeError(message) from None
