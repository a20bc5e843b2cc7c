"""The arguments of each command."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from auditor.cli.arguments import Parser, epilog, print_help_without_command
from auditor.report.formats import FORMATS, RUNBOOKS

_MOST_WORKERS: Final = 256

CLOUDS: Final = ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud")
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SYSTEMS: Final = ("linux", "windows")
SEVERITIES: Final = ("critical", "high", "medium", "low", "info")
FAIL_ON: Final = (*SEVERITIES, "none")
LOSSES: Final = (
    *("machine", "disk", "fault-domain", "update-domain", "zone", "region", "link"),
    *("balancer", "gateway", "endpoint", "profile", "arbiter-network"),
)

_ONLY_PRINTS: Final = """\
exit codes:
  0  it was printed
  2  wrong arguments, or an error in one of your files
"""


def _add_source(parser: argparse.ArgumentParser, *, kept: bool = False, named: bool = False) -> None:
    """Add the options that name the source; `kept` is whether it may be a report, `named` by an argument."""
    source = parser.add_mutually_exclusive_group(required=True)
    if named:
        source.add_argument("report", metavar="REPORT", nargs="?", type=Path, help="a report written by -o json=FILE")
    if kept:
        source.add_argument("--report", metavar="FILE", type=Path, help="a report written by -o json=FILE")
    _add_subscriptions(source)
    source.add_argument(
        "--snapshot",
        metavar="FILE",
        type=Path,
        help="a snapshot file or folder, or raw ARM bodies as JSON; files also gzip-compressed",
    )
    source.add_argument("--demo", action="store_true", help="the bundled demo subscription")
    _add_live(parser)
    _add_config(parser)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="default options (default: auditor.yaml in the working folder)"
    )
    parser.add_argument("--no-config", action="store_true", help="use no auditor.yaml of the working folder")


def _add_subscriptions(group: argparse._MutuallyExclusiveGroup) -> None:
    """Add the options that name live subscriptions."""
    group.add_argument(
        "--subscription",
        metavar="ID_OR_NAME",
        type=_subscription,
        action="append",
        help="a live subscription; repeatable",
    )
    group.add_argument(
        "--management-group",
        metavar="ID_OR_NAME",
        action="append",
        help="every live subscription below a management group; repeatable",
    )
    group.add_argument(
        "--all-subscriptions", action="store_true", help="every live subscription that the identity can see"
    )


def _add_guest_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--guest",
        metavar="DIR",
        type=Path,
        help="files from inside the virtual machines: DIR/manifest.yaml, DIR/NAME/...",
    )


def _add_live(parser: argparse.ArgumentParser) -> None:
    live = parser.add_argument_group("live subscriptions")
    live.add_argument("--tenant", metavar="ID", help="the tenant to sign in to (default: that of the credential)")
    live.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=1800.0,
        help="stop reading after SECONDS; what is still unread is a gap (default: 1800)",
    )
    live.add_argument(
        "--trust-resource-graph",
        action="store_true",
        help="list a type only where Azure Resource Graph saw it, unless an outcome rests on its absence; the others "
        "are gaps",
    )
    cloud = live.add_mutually_exclusive_group()
    cloud.add_argument(
        "--cloud",
        metavar="NAME",
        choices=CLOUDS,
        help=f"{', '.join(CLOUDS)} (default: {CLOUDS[0]})",
    )
    cloud.add_argument("--arm-endpoint", metavar="URL", help="the Azure Resource Manager endpoint of any other cloud")
    live.add_argument("--authority", metavar="URL", help="the token issuer, if the cloud's metadata does not name it")
    live.add_argument(
        "--ca-bundle", metavar="FILE", type=Path, help="CA certificates to trust, instead of the system's"
    )
    live.add_argument("-v", "--verbose", action="store_true", help="show each request with its request id")


def _add_scan(scan: Parser) -> None:
    scan.epilog = epilog(
        "auditor scan --demo",
        "auditor scan --subscription ID --deployment deployment.yaml -o terminal -o json=report.json",
        "auditor scan --snapshot now.jsonl.gz --baseline approved.jsonl.gz --fail-on-new",
    )
    _add_source(scan)
    _add_evaluation(scan, formats=[*FORMATS, "snapshot=FILE"])
    scan.add_argument(
        "--previous",
        metavar="REPORT",
        type=Path,
        help="the last run's JSON report: findings that this run cannot evaluate stay open in sarif-github, and with "
        "-o json=FILE, FILE.reuse keeps what later runs need to evaluate only what changed",
    )
    scan.add_argument("--baseline", metavar="SNAPSHOT", type=Path, help="an approved snapshot: report the drift since")
    _add_passes(scan)
    scan.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        choices=FAIL_ON,
        help="lowest severity for exit code 1: critical, high, medium, low, info or none (default: high; with "
        "--fail-on-new, info)",
    )
    scan.add_argument(
        "--fail-on-new", action="store_true", help="count only findings that are worse than in the baseline"
    )
    by = scan.add_mutually_exclusive_group()
    by.add_argument("--workers", metavar="N", type=_workers, default=1, help="evaluate in N processes (default: 1)")
    by.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="evaluate on the Dask cluster of the scheduler at tls://HOST:PORT",
    )
    scan.set_defaults(command="scan")


def _add_evaluation(parser: Parser, formats: Iterable[str]) -> None:
    """Add the options for evaluation and outputs."""
    _add_inputs(parser)
    _add_output(parser, formats)
    _add_view(parser)
    parser.add_argument(
        "--allow-incomplete", action="store_true", help="do not exit with 3 for gaps or missing declarations"
    )


def _add_inputs(parser: Parser) -> None:
    """Add the options for the user's files by which a source is evaluated."""
    parser.add_argument(
        "--deployment",
        metavar="FILE",
        type=Path,
        help="the deployment file: which virtual machine has which role",
    )
    _add_guest_folder(parser)
    _add_profile(parser)
    _add_packs(parser)
    parser.add_argument("--waivers", metavar="FILE", type=Path, help="time-limited exemptions of findings and gaps")
    parser.add_argument("--attestations", metavar="FILE", type=Path, help="manual sign-offs for what Azure cannot show")
    parser.add_argument(
        "--as-of",
        metavar="DATE",
        type=_date,
        help="evaluate retirements and expiries as of DATE (default: the later snapshot's)",
    )


def _add_output(parser: Parser, formats: Iterable[str]) -> None:
    parser.suggested["output"] = tuple(form.removesuffix("FILE") for form in formats)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORMAT[=PATH]",
        action="append",
        help=f"{', '.join(formats)} (default: {next(iter(FORMATS))}); repeatable",
    )


def _add_passes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--passes", action="store_true", help="also list passes and rules that do not apply")


def _add_view(parser: argparse.ArgumentParser) -> None:
    """Add the options for what is shown, whatever is evaluated."""
    parser.add_argument(
        "--ids", action="store_true", help="in -o html show the ids of subscriptions, with links to the Azure portal"
    )
    shown = parser.add_argument_group(
        "what terminal, Markdown, CSV and HTML show; the exit code and other formats ignore it"
    )
    shown.add_argument("--details", action="store_true", help="show every finding in full on the terminal")
    shown.add_argument(
        "--rule", metavar="ID", action="append", help="only findings of the rule, in any case; repeatable"
    )
    shown.add_argument("--severity", metavar="SEVERITY", choices=SEVERITIES, help="only findings of at least SEVERITY")
    shown.add_argument("--deployment-name", metavar="NAME", action="append", help="only of the deployment; repeatable")
    shown.add_argument(
        "--resource-group", metavar="NAME", action="append", help="only of the resource group; repeatable"
    )


def _add_report(report: Parser) -> None:
    report.epilog = epilog(
        "auditor report report.json",
        "auditor report report.json -o markdown=report.md -o sarif=report.sarif",
        exit_codes="exit codes:\n  0  the report was rendered, whatever it says\n"
        "  2  wrong arguments, or the file is not a report\n",
    )
    report.add_argument("report", metavar="REPORT", type=Path, help="a file written by -o json=FILE")
    _add_output(report, FORMATS)
    _add_view(report)
    _add_passes(report)
    report.set_defaults(command="report")


def _add_trend(trend: Parser) -> None:
    from auditor.history import formats

    trend.epilog = epilog(
        "auditor trend reports",
        "auditor trend reports --rule MIR003 --since 2026-10-01 -o csv=mir003.csv",
        "auditor trend reports -o changes",
        exit_codes="exit codes:\n  0  the trend was shown, whatever it says\n"
        "  2  wrong arguments, or the folder has no report\n"
        "  3  the trend was shown, but a file in the folder is left out: standard error has the reasons\n",
    )
    trend.add_argument("folder", metavar="DIR", type=Path, help="a folder of files written by -o json=FILE")
    trend.add_argument("--rule", metavar="ID", action="append", default=[], help="show only this rule; repeatable")
    trend.add_argument("--since", metavar="DATE", type=_date, help="show only days from DATE on")
    _add_output(trend, formats.FORMATS)
    trend.set_defaults(command="trend")


def _add_foresee(foresee: Parser) -> None:
    from auditor.foresight import formats

    foresee.epilog = epilog(
        "auditor foresee --demo",
        "auditor foresee --subscription ID --deployment deployment.yaml --pairs -o json=foresight.json",
        "auditor foresee --demo --lose zone:westeurope/1",
        "auditor foresee --demo --lose machine:vm-arbiter --lose machine:vm-db-a --first vm-db-a",
        exit_codes="exit codes:\n  0  every declared objective is met, or none is declared\n"
        "  1  an objective is breached\n"
        "  2  wrong arguments, or an error in one of your files\n"
        "  3  no objective is breached, but it is not known whether each is met, or what the loss does\n",
    )
    _add_source(foresee)
    foresee.add_argument(
        "--deployment",
        metavar="FILE",
        type=Path,
        help="the deployment file: which virtual machine has which role, and the objectives",
    )
    _add_guest_folder(foresee)
    foresee.add_argument(
        "--lose",
        metavar="LOSS",
        action="append",
        default=[],
        help="lose only KIND:NAME, such as zone:westeurope/1, several at once as A+B; repeatable, in this order "
        "(default: every loss, each alone)",
    )
    foresee.suggested["lose"] = tuple(f"{kind}:" for kind in LOSSES)
    foresee.add_argument("--pairs", action="store_true", help="also lose each two of what is survived alone")
    foresee.add_argument(
        "--first",
        metavar="MEMBER",
        default="",
        help="the failover member that is primary before (default: the worst case)",
    )
    _add_output(foresee, formats.FORMATS)
    foresee.set_defaults(command="foresee")


def _add_explain(explain: Parser) -> None:
    explain.epilog = epilog(
        "auditor explain MIR003 --demo",
        "auditor explain mir003 TRAKDB --report report.json",
        exit_codes="exit codes:\n  0  it was printed, whatever it says\n"
        "  2  wrong arguments, or an error in one of your files\n",
    )
    explain.add_argument("rule_id", metavar="RULE", help="the id of a rule, in any case")
    explain.add_argument("subject", metavar="SUBJECT", nargs="?", default="", help="a name or id, or a glob of them")
    _add_source(explain, kept=True)
    _add_inputs(explain)
    explain.set_defaults(command="explain", baseline=None)


def _add_remedy(remedy: Parser) -> None:
    remedy.epilog = epilog(
        "auditor remedy --demo",
        "auditor remedy report.json --rule LB004 -o sh=lb004.sh",
        exit_codes="exit codes:\n  0  it was printed, whatever it says\n"
        "  2  wrong arguments, or an error in one of your files\n",
    )
    _add_source(remedy, named=True)
    _add_inputs(remedy)
    remedy.suggested["output"] = tuple(RUNBOOKS)
    remedy.add_argument(
        "-o",
        "--output",
        metavar="FORMAT[=PATH]",
        action="append",
        help=f"{', '.join(RUNBOOKS)} (default: {next(iter(RUNBOOKS))}); repeatable",
    )
    remedy.add_argument(
        "--rule", metavar="ID", action="append", help="only findings of the rule, in any case; repeatable"
    )
    remedy.set_defaults(command="remedy", baseline=None)


def _add_collect(collect: Parser) -> None:
    collect.epilog = epilog(
        "auditor collect --subscription ID -o snapshot=now.jsonl.gz",
        "auditor collect --management-group ID -o snapshot=now/",
        exit_codes="exit codes:\n  0  everything was read\n"
        "  2  wrong arguments, an error in one of your files, or the sign-in failed\n"
        "  3  the snapshot was written and has gaps: something could not be read\n",
    )
    _add_subscriptions(collect.add_mutually_exclusive_group(required=True))
    collect.add_argument(
        "--deployment",
        metavar="FILE",
        type=Path,
        help="the deployment file, kept in the snapshot; more is read of its members",
    )
    _add_guest_folder(collect)
    collect.add_argument(
        "-o",
        "--output",
        metavar="snapshot=PATH",
        action="append",
        required=True,
        help="PATH.gz is compressed; PATH/ is a folder",
    )
    collect.suggested["output"] = ("snapshot=",)
    _add_live(collect)
    _add_config(collect)
    collect.set_defaults(command="collect")


def _add_permissions(permissions: Parser) -> None:
    permissions.epilog = epilog(
        "auditor permissions --subscription ID > role.json",
        "auditor permissions --management-group ID > role.json",
        exit_codes=_ONLY_PRINTS,
    )
    scope = permissions.add_mutually_exclusive_group(required=True)
    scope.add_argument(
        "--subscription",
        metavar="ID",
        type=_subscription_id,
        action="append",
        help="a subscription in which the role can be assigned; repeatable",
    )
    scope.add_argument(
        "--management-group",
        metavar="ID",
        type=_management_group_id,
        help="the management group in which the role can be assigned; Azure accepts only one",
    )
    permissions.set_defaults(command="permissions")


def _add_guest(guest: Parser) -> None:
    guest.epilog = epilog("auditor guest script --os linux > gather.sh", exit_codes=_ONLY_PRINTS)
    print_help_without_command(guest)
    script = guest.add_subparsers(metavar="ACTION").add_parser(
        "script",
        help="print the script that gathers the files of one virtual machine for --guest",
        epilog=epilog("auditor guest script --os linux > gather.sh", exit_codes=_ONLY_PRINTS),
    )
    script.add_argument("--os", choices=SYSTEMS, required=True, help="the operating system of the virtual machine")
    script.set_defaults(command="guest script")


def _add_completion(completion: Parser) -> None:
    from auditor.cli.completion import SHELLS

    completion.epilog = epilog(
        "auditor completion bash > ~/.local/share/bash-completion/completions/auditor",
        "auditor completion zsh > ~/.zsh/completions/_auditor    # a folder of your fpath",
        "auditor completion fish > ~/.config/fish/completions/auditor.fish",
        exit_codes=_ONLY_PRINTS,
    )
    completion.add_argument("shell", metavar="SHELL", choices=[*SHELLS], help=", ".join(SHELLS))
    completion.set_defaults(command="completion")


def _add_discover(discover: Parser) -> None:
    discover.epilog = epilog(
        "auditor discover --subscription ID -o deployment=deployment.yaml",
        "auditor discover --snapshot now.jsonl.gz --guest guest",
        exit_codes="exit codes:\n  0  a proposal was written\n"
        "  2  wrong arguments, or an error in one of your files\n"
        "  3  no InterSystems deployment was recognised: the proposal is a skeleton\n",
    )
    _add_source(discover)
    _add_guest_folder(discover)
    discover.add_argument(
        "-o", "--output", metavar="deployment[=FILE]", help="FILE is a new file (default: deployment, standard output)"
    )
    discover.suggested["output"] = ("deployment", "deployment=")
    discover.set_defaults(command="discover")


def _add_approve(approve: Parser) -> None:
    approve.epilog = epilog(
        "auditor approve now.jsonl.gz -o snapshot=approved.jsonl.gz --by WHO --reason WHY",
        exit_codes="exit codes:\n  0  the snapshot is approved\n"
        "  2  wrong arguments, or an error in one of your files\n",
    )
    approve.add_argument("snapshot", metavar="SNAPSHOT", type=Path, help="a file written by -o snapshot=FILE")
    approve.add_argument("--by", metavar="WHO", required=True, help="the person who approves it")
    approve.add_argument("--reason", metavar="WHY", required=True, help="for example the number of the change")
    approve.add_argument(
        "-o",
        "--output",
        metavar="snapshot=FILE",
        help="a new file, FILE.gz compressed (default: the snapshot itself)",
    )
    approve.suggested["output"] = ("snapshot=",)
    approve.set_defaults(command="approve")


def _add_drift(drift: Parser) -> None:
    drift.epilog = epilog(
        "auditor drift approved.jsonl.gz now.jsonl.gz",
        exit_codes="exit codes:\n  0  no finding is worse than in the approved snapshot\n  1  a finding is worse\n"
        "  2  wrong arguments, or an error in one of your files\n"
        "  3  no finding is worse, but the result is incomplete: something could not be read or is not declared\n",
    )
    drift.add_argument("baseline", metavar="APPROVED", type=Path, help="a snapshot approved by auditor approve")
    drift.add_argument("snapshot", metavar="CURRENT", type=Path, help="a later snapshot, or raw ARM bodies as JSON")
    _add_evaluation(drift, formats=FORMATS)
    _add_config(drift)
    drift.set_defaults(command="drift", demo=False)


def _add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", metavar="NAME", default="current", help="current (default) or article-2018")


def _add_packs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rules",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="the folder of another rule pack; repeatable",
    )


def _add_rules(group: Parser) -> None:
    from auditor.authoring.controls import FORMATS as CONTROLS

    group.epilog = epilog("auditor rules list", "auditor rules show MIR003", exit_codes=_ONLY_PRINTS)
    print_help_without_command(group)
    rules = group.add_subparsers(metavar="ACTION")
    listing = rules.add_parser(
        "list",
        help="list the rules, one per line",
        epilog=epilog("auditor rules list --profile article-2018", exit_codes=_ONLY_PRINTS),
    )
    _add_profile(listing)
    _add_packs(listing)
    listing.set_defaults(command="rules list")
    show = rules.add_parser(
        "show",
        help="explain a rule and its fix",
        epilog=epilog("auditor rules show MIR003", exit_codes=_ONLY_PRINTS),
    )
    show.add_argument("id", metavar="ID")
    _add_packs(show)
    show.set_defaults(command="rules show")
    test = rules.add_parser(
        "test",
        help="test rules by their examples",
        epilog=epilog(
            "auditor rules test rules/intersystems-azure/MIR003.yaml",
            "auditor rules test my-pack --rules my-pack",
            exit_codes="exit codes:\n  0  no rule has a fault\n  1  a rule has a fault\n"
            "  2  wrong arguments, or an error in one of your files\n",
        ),
    )
    test.add_argument(
        "path", metavar="PATH", type=Path, nargs="?", help="the folder of a pack, or a rule file (default: all packs)"
    )
    _add_packs(test)
    test.set_defaults(command="rules test")
    matrix = rules.add_parser(
        "matrix",
        help="map statements of the reference, and controls of frameworks, to rules",
        epilog=epilog(
            "auditor rules matrix",
            "auditor rules matrix --framework nist-800-53 -o csv=nist.csv",
            exit_codes=_ONLY_PRINTS,
        ),
    )
    matrix.add_argument(
        "--framework",
        metavar="NAME",
        help="show the controls of a framework with the rules that are evidence for a part of them",
    )
    matrix.suggested["output"] = tuple(CONTROLS)
    matrix.add_argument(
        "-o",
        "--output",
        metavar="FORMAT[=PATH]",
        action="append",
        help=f"{', '.join(CONTROLS)} (default: {next(iter(CONTROLS))}); repeatable; csv without --framework has all",
    )
    _add_packs(matrix)
    matrix.set_defaults(command="rules matrix")
    conflicts = rules.add_parser(
        "conflicts",
        help="show what other tools recommend that contradicts the rules",
        epilog=epilog(
            "auditor rules conflicts",
            "az advisor recommendation list -o json > advisor.json",
            "auditor rules conflicts --advisor advisor.json --report report.json",
            exit_codes="exit codes:\n  0  all was read\n  2  wrong arguments, or an error in one of your files\n"
            "  3  the recommendations of a subscription could not all be read\n",
        ),
    )
    advice = conflicts.add_mutually_exclusive_group()
    advice.add_argument(
        "--advisor", metavar="FILE", type=Path, help="recommendations that az advisor recommendation list printed"
    )
    _add_subscriptions(advice)
    conflicts.add_argument(
        "--report",
        metavar="FILE",
        type=Path,
        help="a report written by -o json=FILE, whose rule profile is used; a recommendation is contradicted only for "
        "resources that it names",
    )
    _add_live(conflicts)
    _add_config(conflicts)
    _add_profile(conflicts)
    _add_packs(conflicts)
    conflicts.set_defaults(command="rules conflicts")
    new = rules.add_parser(
        "new",
        help="scaffold a rule with the next free id of a group",
        epilog=epilog(
            "auditor rules new LB --rules my-pack",
            exit_codes="exit codes:\n  0  the file was written\n"
            "  2  wrong arguments, or an error in one of your files\n",
        ),
    )
    new.add_argument("group", metavar="GROUP", help="for example LB")
    new.add_argument(
        "--rules", metavar="DIR", type=Path, help="the folder of your own pack (default: the built-in pack)"
    )
    new.set_defaults(command="rules new")


def _subscription(text: str) -> str:
    """Return the id of a subscription in lower case, or its name."""
    found = text.strip()
    is_path = found.startswith("/") or _ID.match(found)
    return _subscription_id(found) if is_path or not found else found


def _subscription_id(text: str) -> str:
    found = text.strip().lower().removeprefix("/subscriptions/")
    if not _ID.fullmatch(found):
        message = f"'{text}' is not the id of a subscription, like 00000000-0000-0000-0000-000000000001"
        raise argparse.ArgumentTypeError(message)
    return found


def _management_group_id(text: str) -> str:
    """Return an id as Azure accepts it: at most 90 letters, digits, hyphens, underscores, brackets and full stops."""
    if not re.fullmatch(r"[A-Za-z0-9_().-]{1,90}", text):
        message = f"'{text}' is not the id of a management group; auditor scan accepts its name, a role does not"
        raise argparse.ArgumentTypeError(message)
    return text


def _workers(text: str) -> int:
    """Return a number of processes."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_WORKERS:
        message = f"expected a number of processes from 1 to {_MOST_WORKERS}, not '{text}'"
        raise argparse.ArgumentTypeError(message)
    return int(text)


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


ADD: Final[Mapping[str, Callable[[Parser], None]]] = {
    "scan": _add_scan,
    "collect": _add_collect,
    "discover": _add_discover,
    "approve": _add_approve,
    "drift": _add_drift,
    "report": _add_report,
    "trend": _add_trend,
    "foresee": _add_foresee,
    "explain": _add_explain,
    "remedy": _add_remedy,
    "rules": _add_rules,
    "permissions": _add_permissions,
    "guest": _add_guest,
    "completion": _add_completion,
}
"""What adds the arguments of a command to its parser, by the command."""
