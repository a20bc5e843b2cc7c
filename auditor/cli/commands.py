"""The commands: each takes the parsed options, does its work through the package, and returns the exit code."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from auditor import bundled, files, scan
from auditor.azure import arm
from auditor.cli import ending, exit_codes, live_line, outputs, scan_codes
from auditor.cli.command_arguments import CLOUDS
from auditor.errors import InputError
from auditor.escape import printable
from auditor.evaluation.engine import Detail
from auditor.report import brief, reading, rules, wording
from auditor.report.build import build
from auditor.report.formats import FORMATS, RUNBOOKS
from auditor.rules import packs
from auditor.rules.facts import FACTS
from auditor.snapshot.model import Gap, Snapshot
from auditor.sources.file_source import FileSource
from auditor.sources.source import Source
from auditor.workers import Workers, check_scheduler

if TYPE_CHECKING:
    from auditor.sources.live.collection import CollectOptions
    from auditor.sources.live.live_source import LiveSource
    from auditor.sources.live.results import ReadResult


def _scan(options: argparse.Namespace) -> int:
    wanted = outputs.parse(options, {*FORMATS, outputs.SNAPSHOT})
    _check_filter(options)
    if options.fail_on_new and options.baseline is None:
        message = "--fail-on-new counts what is worse than in a baseline: name one by --baseline SNAPSHOT"
        raise InputError(message)
    deployment = options.deployment or (bundled.DEMO / bundled.DEPLOYMENT if options.demo else None)
    passes = outputs.need_passes(wanted, asked=options.passes)
    read, wanted = _source_into(options, wanted, deployment)
    request = msgspec.structs.replace(
        _request(options, read, deployment, previous=options.previous, passes=passes),
        maps=outputs.need_maps(wanted),
        workers=Workers(options.workers, check_scheduler(options.scheduler) if options.scheduler else ""),
        remember=bool(outputs.json_reports(wanted)),
        keep_snapshot=any(output.format == outputs.SNAPSHOT for output in wanted),
    )
    evaluation = ending.hold(scan.scan(request))
    sys.stderr.writelines(f"auditor: {printable(line)}\n" for line in evaluation.warnings)
    source = _words(options)
    since = shlex.join(["", "--baseline", str(options.baseline)]).removeprefix("''") if options.baseline else ""
    outputs.write_report(evaluation, wanted, outputs.view(options, f"auditor scan {source}{since}", source))
    fail_on = options.fail_on or ("info" if options.fail_on_new else "high")
    return scan_codes.of(evaluation, fail_on, only_worse=options.fail_on_new, allow_incomplete=options.allow_incomplete)


def _source_into(
    options: argparse.Namespace, wanted: list[outputs.Output], deployment: Path | None
) -> tuple[Source, list[outputs.Output]]:
    """Return the source that the options name, and the outputs that are written after the evaluation.

    A snapshot folder of live subscriptions is written while they are read, and evaluated part by part.
    """
    folder = next((output.path for output in wanted if output.is_folder), None)
    if folder is None or options.guest or not _names_live(options):
        return _source(options, deployment), wanted
    from auditor.sources.live.live_source import LiveFolder

    return LiveFolder(_live(options, deployment), folder), [output for output in wanted if output.path != folder]


def _names_live(options: argparse.Namespace) -> bool:
    return bool(options.subscription or options.management_group or options.all_subscriptions)


def _check_filter(options: argparse.Namespace) -> None:
    if options.rule:
        _check_rules(options.rule, packs.ids(packs.load_all(options.rules, FACTS)))


def _drift(options: argparse.Namespace) -> int:
    wanted = outputs.parse(options, FORMATS)
    _check_filter(options)
    request = _request(options, FileSource(options.snapshot), options.deployment)
    evaluation = ending.hold(scan.scan(msgspec.structs.replace(request, maps=outputs.need_maps(wanted))))
    others = _words(argparse.Namespace(**{**vars(options), "snapshot": None}))
    command = f"{shlex.join(['auditor', 'drift', str(options.baseline), str(options.snapshot)])} {others}".strip()
    view = outputs.view(options, command, _words(options), only_changes=True)
    outputs.write_report(evaluation, wanted, view)
    return scan_codes.of(evaluation, "info", only_worse=True, allow_incomplete=options.allow_incomplete)


def _report(options: argparse.Namespace) -> int:
    wanted = outputs.parse(options, FORMATS)
    file = shlex.quote(str(options.report))
    view = outputs.view(options, f"auditor report {file}", f"--report {file}")
    document = ending.hold(reading.read(options.report))
    _check_rules(options.rule or (), rules.by_id(document))
    outputs.write_document(document, wanted, view)
    return exit_codes.OK


def _explain(options: argparse.Namespace) -> int:
    # What lays out text for a terminal takes a tenth of a second to import.
    from auditor.report.terminal import explanation

    if options.report:
        document = reading.read(options.report)
    else:
        _check_rules([options.rule_id], packs.ids(packs.load_all(options.rules, FACTS)))
        deployment = options.deployment or (bundled.DEMO / bundled.DEPLOYMENT if options.demo else None)
        request = _request(options, _source(options, deployment), deployment, passes=True)
        document = build(scan.scan(msgspec.structs.replace(request, maps=True)), passes=True)
    view = outputs.on_terminal(outputs.view(options, "", ""))
    text = explanation.render(document, options.rule_id, options.subject, view)
    outputs.write([outputs.Content(None, (text.encode("utf-8", "backslashreplace"),))])
    return exit_codes.OK


def _remedy(options: argparse.Namespace) -> int:
    wanted = outputs.parse(options, RUNBOOKS, next(iter(RUNBOOKS)))
    if options.report:
        document = reading.read(options.report)
        _check_rules(options.rule or (), rules.by_id(document))
    else:
        _check_filter(options)
        deployment = options.deployment or (bundled.DEMO / bundled.DEPLOYMENT if options.demo else None)
        document = build(scan.scan(_request(options, _source(options, deployment), deployment)), passes=False)
    outputs.write_runbook(outputs.view(options, "", "").chosen.applied(document), wanted)
    return exit_codes.OK


def _check_rules(patterns: Iterable[str], known: Collection[str]) -> None:
    """Refuse a rule that there is not, before anything is read.

    Raises:
        InputError: no rule has an id or glob.
    """
    import difflib

    for pattern in patterns:
        if not any(fnmatchcase(id_.casefold(), pattern.casefold()) for id_ in known):
            near = difflib.get_close_matches(pattern.upper(), known, n=1)
            meant = f"; did you mean '{near[0]}'?" if near else "; auditor rules list names them"
            message = f"there is no rule '{pattern}'{meant}"
            raise InputError(message)


_SOURCE: Final = (
    *(
        "subscription",
        "management_group",
        "all_subscriptions",
        "trust_resource_graph",
        "snapshot",
        "demo",
        "tenant",
        "cloud",
        "arm_endpoint",
        "authority",
    ),
    *("ca_bundle", "config", "deployment", "guest", "profile", "rules", "waivers", "attestations", "as_of"),
)
"""Options that decide what is read and evaluated, and by what."""


def _words(options: argparse.Namespace) -> str:
    """Return the options that decide what is evaluated, as words of a shell."""
    words: list[str] = []
    for name in _SOURCE:
        given = getattr(options, name, None)
        option = f"--{name.replace('_', '-')}"
        if name == "profile" and given == scan.DEFAULT_PROFILE:
            continue
        for value in given if isinstance(given, list) else [given] if given else []:
            words += [option] if value is True else [option, str(value)]
    return shlex.join(words)


def _trend(options: argparse.Namespace) -> int:
    # SQLite takes 10 ms to import.
    from auditor.history import folder, formats, trend

    wanted = outputs.parse(options, formats.FORMATS)
    archive = folder.read(options.folder)
    warnings = [f"{options.folder / one.file} is left out: it {one.why}" for one in archive.left_out]
    warnings += [archive.warning] * bool(archive.warning)
    sys.stderr.writelines(f"auditor: {printable(line)}\n" for line in warnings)
    found = trend.of(archive, options.rule, options.since)
    outputs.write_trend(found, wanted)
    return exit_codes.INCOMPLETE if archive.left_out else exit_codes.OK


def _foresee(options: argparse.Namespace) -> int:
    # What plays losses is of no other command.
    from auditor.foresight import formats, play
    from auditor.losses.objectives import Met

    wanted = outputs.parse(options, formats.FORMATS)
    deployment = options.deployment or (bundled.DEMO / bundled.DEPLOYMENT if options.demo else None)
    request = play.Request(
        source=_source(options, deployment),
        deployment=deployment,
        guest=_guest(options),
        lose=tuple(options.lose),
        pairs=options.pairs,
        first=options.first,
    )
    found = play.foresight(request)
    outputs.write_foresight(found, wanted)
    codes = {Met.MET: exit_codes.OK, Met.BREACHED: exit_codes.FINDINGS, Met.UNKNOWN: exit_codes.INCOMPLETE}
    return codes[found.met]


def _request(
    options: argparse.Namespace,
    source: Source,
    deployment: Path | None,
    previous: Path | None = None,
    *,
    passes: bool = False,
) -> scan.Request:
    return scan.Request(
        source=source,
        deployment=deployment,
        rules=tuple(options.rules),
        profile=options.profile,
        as_of=options.as_of,
        waivers=options.waivers,
        attestations=options.attestations,
        previous=previous,
        baseline=options.baseline,
        guest=_guest(options),
        config=options.config,
        detail=Detail.ALL if passes else Detail.FAILURES,
    )


def _source(options: argparse.Namespace, deployment: Path | None = None) -> Source:
    """Return the source that the options name."""
    if _names_live(options):
        return _live(options, deployment)
    return FileSource(bundled.DEMO / bundled.INVENTORY if options.demo else options.snapshot)


def _guest(options: argparse.Namespace) -> Path | None:
    """Return the folder of guest files that the options name; the demo has one."""
    return options.guest or (bundled.DEMO / bundled.GUEST if options.demo else None)


def _live(options: argparse.Namespace, deployment: Path | None) -> LiveSource:
    """Return the source that reads live subscriptions."""
    # The Azure SDK and what it needs take half a second to import.
    from auditor.report.terminal.progress import ConsoleProgress
    from auditor.sources.live.live_source import LiveSource

    return LiveSource(_wanted(options), deployment, ConsoleProgress(verbose=options.verbose))


def _wanted(options: argparse.Namespace) -> CollectOptions:
    """Return which live subscriptions the options name, and how they are read."""
    from auditor.sources.live.collection import CollectOptions

    return CollectOptions(
        tuple(options.subscription or ()),
        tuple(options.management_group or ()),
        trust_resource_graph=options.trust_resource_graph,
        cloud=options.cloud or CLOUDS[0],
        endpoint=options.arm_endpoint,
        authority=options.authority,
        tenant=options.tenant,
        timeout=options.timeout,
        ca_bundle=options.ca_bundle,
        verbose=options.verbose,
    )


def _collect(options: argparse.Namespace) -> int:
    wanted = outputs.parse(options, {outputs.SNAPSHOT})
    if any(output.is_folder for output in wanted):
        return _collect_into(options, wanted)
    snapshot = _with_guest_files(options.guest, _live(options, options.deployment))
    outputs.write([outputs.Content(output.path, (outputs.encode(snapshot, output),)) for output in wanted])
    return exit_codes.INCOMPLETE if any(not gap.is_of_guest_file for gap in snapshot.gaps) else exit_codes.OK


def _collect_into(options: argparse.Namespace, wanted: list[outputs.Output]) -> int:
    """Collect into a snapshot folder, of which one subscription at a time is held, so that nothing else is written."""
    folder = wanted[0].path
    if len(wanted) > 1 or folder is None:
        message = "a snapshot folder is the only output of auditor collect; leave out the others"
        raise InputError(message)
    if options.guest:
        message = (
            "files from inside VMs are not written into a snapshot folder; name them when it is scanned: --guest DIR"
        )
        raise InputError(message)
    read = _live(options, options.deployment).read_into(folder)
    return exit_codes.INCOMPLETE if read.gaps else exit_codes.OK


def _with_guest_files(guest: Path | None, source: Source) -> Snapshot:
    """Return what a source has, with the guest files of a folder; these are read first."""
    from auditor.sources.guest import attaching

    supplied = attaching.read(guest)
    return attaching.attach(source.read(), supplied).snapshot


def _permissions(options: argparse.Namespace) -> int:
    from auditor.sources.live.permissions import custom_role

    sys.stdout.write(
        json.dumps(custom_role(options.subscription or (), options.management_group or ""), indent=2) + "\n"
    )
    return exit_codes.OK


def _guest_script(options: argparse.Namespace) -> int:
    from auditor.sources.guest import gathering

    sys.stdout.write(gathering.script(options.os))
    return exit_codes.OK


def _discover(options: argparse.Namespace) -> int:
    from auditor import discover

    output = outputs.only(options.output, outputs.DEPLOYMENT)
    if output:
        outputs.destination(output, options)
    if output and output.is_file():
        message = "exists already, and a proposal replaces no file; name a new file"
        raise InputError(message, str(output))
    snapshot = _with_guest_files(_guest(options), _source(options))
    proposal = discover.propose(snapshot, _scan_with(options, output))
    outputs.write([outputs.Content(output, (proposal.text.encode(),))])
    if output:
        are_open = f"{wording.count(proposal.open, 'thing')} {'is' if proposal.open == 1 else 'are'} open"
        state = are_open if proposal.found else "no deployment was recognised"
        lines = (f"{output} is written; {state}", *proposal.last_lines)
        sys.stderr.writelines(f"auditor: {printable(line)}\n" for line in lines)
    return exit_codes.OK if proposal.found else exit_codes.INCOMPLETE


def _scan_with(options: argparse.Namespace, deployment: Path | None) -> str:
    """Return the command that scans the source of the options with a deployment file."""
    words = ["auditor", "scan", *(word for each in options.subscription or () for word in ("--subscription", each))]
    words += [word for each in options.management_group or () for word in ("--management-group", each)]
    words += ["--all-subscriptions"] if options.all_subscriptions else []
    words += ["--trust-resource-graph"] if options.trust_resource_graph else []
    words += ["--demo"] if options.demo else []
    words += ["--snapshot", str(options.snapshot)] if options.snapshot else []
    words += ["--guest", str(options.guest)] if options.guest else []
    return shlex.join([*words, "--deployment", str(deployment or "deployment.yaml")])


def _approve(options: argparse.Namespace) -> int:
    from auditor.sources import approval

    output = outputs.only(options.output, outputs.SNAPSHOT)
    approved = approval.approve(options.snapshot, options.by, options.reason, output)
    lines = [f"approved {approved.resource_count:,} resources, taken {approved.taken_at or 'at an unknown time'}"]
    if approved.gaps:
        hidden = ", ".join(dict.fromkeys(map(_hidden_by, approved.gaps)))
        gaps = wording.count(len(approved.gaps), "gap")
        lines.append(f"it has {gaps}; drift cannot be detected in what was not read: {hidden}")
    sys.stderr.writelines(f"auditor: {printable(line)}\n" for line in lines)
    return exit_codes.OK


def _hidden_by(gap: Gap) -> str:
    """Return what a gap hides; of guest files, which file has it."""
    if not gap.is_of_guest_file:
        return gap.what
    vm, _, name = gap.scope.rsplit("/", 2)
    return f"{name} of {arm.name_of(vm)}"


def _rules_list(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue

    sys.stdout.write(catalogue.listing(catalogue.load(options.rules), options.profile))
    return exit_codes.OK


def _rules_show(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue
    from auditor.rules import maps

    loaded = catalogue.load(options.rules)
    sys.stdout.write(catalogue.show(loaded, maps.load(loaded, options.rules), options.id))
    return exit_codes.OK


def _rules_matrix(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue, controls
    from auditor.rules import maps

    wanted = outputs.parse(options, controls.FORMATS, next(iter(controls.FORMATS)))
    loaded = catalogue.load(options.rules)
    found = maps.load(loaded, options.rules)
    chosen = found.framework(options.framework) if options.framework else None
    statements = "" if chosen else f"{catalogue.matrix(loaded)}\n"
    written = [(output.path, controls.render(found, chosen, loaded, statements, output.format)) for output in wanted]
    outputs.write([outputs.Content(path, (text.encode("utf-8", "backslashreplace"),)) for path, text in written])
    return exit_codes.OK


def _rules_conflicts(options: argparse.Namespace) -> int:
    from auditor.authoring import catalogue, conflicts
    from auditor.rules import maps
    from auditor.sources import advice

    loaded = catalogue.load(options.rules)
    found = maps.load(loaded, options.rules)
    report = reading.read(options.report) if options.report else None
    profile = report.profile if report else options.profile
    known = brief.resources_of_deployments(report) if report else None
    packs.select(loaded, profile)  # refuses a profile that does not exist
    if options.advisor:
        sys.stdout.write(conflicts.of_advice(advice.read(options.advisor), found, profile, known))
        return exit_codes.OK
    if _names_live(options):
        read = _live_advice(options)
        sys.stdout.write(conflicts.of_advice(advice.of(read.resources.values()), found, profile, known))
        sys.stdout.writelines(f"not read: {printable(str(gap))}\n" for gap in read.gaps)
        return exit_codes.INCOMPLETE if read.gaps else exit_codes.OK
    sys.stdout.write(conflicts.of_checks(found, profile))
    return exit_codes.OK


def _live_advice(options: argparse.Namespace) -> ReadResult:
    from auditor.report.terminal.progress import ConsoleProgress
    from auditor.sources.live import advisor

    with ConsoleProgress(verbose=options.verbose) as display:
        return advisor.read(_wanted(options), display)


def _rules_test(options: argparse.Namespace) -> int:
    from auditor.authoring import testing

    with live_line.open_line() as progress:
        result = testing.test(options.path, options.rules, progress)
    sys.stdout.writelines(f"{printable(str(fault))}\n" for fault in result.faults)
    counts = (
        (result.rules, "rule"),
        (result.examples, "example"),
        (result.mutations, "mutation"),
        (len(result.faults), "fault"),
    )
    sys.stdout.write(", ".join(wording.count(*count) for count in counts) + "\n")
    return exit_codes.FINDINGS if result.faults else exit_codes.OK


def _rules_new(options: argparse.Namespace) -> int:
    from auditor.authoring import scaffold

    sys.stdout.write(f"{files.relative(scaffold.new(options.group, options.rules))}\n")
    return exit_codes.OK


COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "scan": _scan,
    "collect": _collect,
    "discover": _discover,
    "approve": _approve,
    "drift": _drift,
    "report": _report,
    "trend": _trend,
    "foresee": _foresee,
    "explain": _explain,
    "remedy": _remedy,
    "permissions": _permissions,
    "guest script": _guest_script,
    "rules list": _rules_list,
    "rules show": _rules_show,
    "rules test": _rules_test,
    "rules matrix": _rules_matrix,
    "rules conflicts": _rules_conflicts,
    "rules new": _rules_new,
}
"""The commands by the names that the parser gives them."""
