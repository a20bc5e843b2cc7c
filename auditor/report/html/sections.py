"""A deployment as the page shows it: the outcome in a sentence, numbers, and the picture with findings pinned to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.evaluation.model import Outcome
from auditor.evaluation.picture.model import ExpectedNode, Node, Picture
from auditor.report import losses, wording
from auditor.report.document import Deployment, Document, Drift, Finding, PropertyChange
from auditor.report.grouping import group
from auditor.report.html.cells import Cell, as_built, expected
from auditor.report.html.items import Item
from auditor.report.html.layout import Drawing, Grid
from auditor.rules.model import SEVERITIES

_PLACING: Final = frozenset({"group.zones", "mirror.separation"})
_PLACING_ARBITERS: Final = frozenset({"mirror.arbiter_separation"})
_COUNTING: Final = "need.machines"
"""Facts about where the VMs of a mirror or tier are, where its arbiter is, and how many there are."""
_ARBITERS: Final = "arbiters"
_LEVELS: Final = (*(severity.value for severity in SEVERITIES), "unknown", "optional", "pass")


class Pin(NamedTuple):
    """The number of fails or unknowns at one place of the picture, with a link to the first."""

    text: str
    level: str
    about: str
    """What it says to those who do not see it."""
    anchor: str


class Drawn(NamedTuple):
    """The picture with all that stands at its boxes, rows and regions."""

    picture: Picture
    grid: Grid
    built: Drawing
    reference: Drawing
    nodes: Mapping[str, Node]
    pins: Mapping[str, tuple[Pin, ...]]
    """By the key of a node, the id of a row, or the name of a region."""
    changes: Mapping[str, tuple[str, ...]]
    """By the key of a node, the properties that differ from the baseline, with both values."""

    def at(self, cell: Cell) -> tuple[Pin, ...]:
        """Return the pins of a box."""
        return self.pins.get("\n".join(map(arm.key, cell.nodes)), ())

    def changed(self, cell: Cell) -> tuple[str, ...]:
        """Return what changed since the baseline in what a box shows."""
        return tuple(line for node in cell.nodes for line in self.changes.get(arm.key(node), ()))


class Section(NamedTuple):
    """A deployment."""

    anchor: str
    deployment: Deployment
    sentence: str
    level: str
    """The worst severity of a fail, else `unknown`, `optional` or `pass`."""
    chips: tuple[tuple[str, str], ...]
    """A level and a text each."""
    draw: Callable[[], Drawn] | None
    """What draws its picture; None without one."""
    stopped: str
    """Which losses stop the deployment."""
    losses: list[losses.Row]


def sections(document: Document, items: Iterable[Item]) -> tuple[Section, ...]:
    """Return the deployments of a report, worst first, also of one that does not list them."""
    own = group(items, lambda item: item.finding.deployment)
    named = {deployment.name: deployment for deployment in document.deployments}
    for name in own:
        if name is not None:
            named.setdefault(name, Deployment(name))
    changes = _changes(document.drift) if document.drift else {}
    found = (
        _section(f"d{number}", deployment, own.get(name, []), changes)
        for number, (name, deployment) in enumerate(named.items(), start=1)
    )

    def rank(section: Section) -> tuple[int, ...]:
        fails = Counter(item.level for item in own.get(section.deployment.name, ()))
        return (_LEVELS.index(section.level), *(-fails[level] for level in _LEVELS))

    return tuple(sorted(found, key=rank))


def row_titles(document: Document) -> Mapping[tuple[str, str], str]:
    """Return the title of the row of the picture by deployment and key of the subject of a finding."""
    found: dict[tuple[str, str], str] = {}
    for deployment in document.deployments:
        picture = deployment.picture
        titles = {row.id: row.title for row in picture.rows} if picture else {}
        for row in picture.rows if picture else ():
            found |= {(deployment.name, arm.key(subject)): row.title for subject in row.subjects}
        for node in picture.nodes if picture else ():
            found |= {(deployment.name, arm.key(part)): titles[node.row] for part in (node.id, *node.parts)}
    return found


def _section(anchor: str, deployment: Deployment, items: list[Item], changes: Mapping[str, tuple[str, ...]]) -> Section:
    fails = [item for item in items if item.finding.outcome is Outcome.FAIL]
    open_ = [item for item in items if item.finding.outcome is not Outcome.FAIL and not item.finding.optional]
    name, numbers = deployment.name, deployment.summary
    if fails:
        sentence, level = f"{name} is not what the reference architecture asks for", fails[0].level
    elif open_:
        sentence, level = f"{name}: no rule failed, but not every outcome is known", "unknown"
    elif numbers and not numbers.passed:
        sentence, level = f"{name}: no rule passed and none failed", "unknown"
    elif items:
        sentence, level = f"{name}: no rule failed; what is unknown is optional", "optional"
    else:
        sentence, level = f"{name}: no rule failed", "pass"
    return Section(
        anchor=anchor,
        deployment=deployment,
        sentence=sentence,
        level=level,
        chips=tuple(_chips(deployment, fails, open_, len(items) - len(fails) - len(open_))),
        draw=partial(_drawn, deployment.picture, items, changes) if deployment.picture else None,
        stopped=losses.brief(deployment),
        losses=losses.rows(deployment),
    )


def _chips(
    deployment: Deployment, fails: Iterable[Item], open_: Iterable[Item], optional: int
) -> Iterator[tuple[str, str]]:
    by_level = group(fails, lambda item: item.level)
    for severity in SEVERITIES:
        if severity.value in by_level:
            yield severity.value, f"{len(by_level[severity.value])} {severity}"
    for outcome, found in group(open_, lambda item: item.finding.outcome).items():
        yield "unknown", wording.count(len(found), outcome.value)
    if optional:
        yield "optional", f"{optional} optional unknown"
    numbers = deployment.summary
    if numbers:
        waived = numbers.waived.fail + numbers.waived.unknown
        if waived:
            yield "waived", f"{waived} waived"
        yield "pass", f"{numbers.passed:,} pass"


# --- the picture ------------------------------------------------------------------------------------------------------


def _drawn(picture: Picture, items: list[Item], changes: Mapping[str, tuple[str, ...]]) -> Drawn:
    fails = [item.finding for item in items if item.finding.outcome is Outcome.FAIL]
    subjects = {row.id: frozenset(map(arm.key, row.subjects)) for row in picture.rows}

    def is_missing(node: ExpectedNode) -> bool:
        return any(_misses(finding, node, subjects) for finding in fails)

    piles, wanted = as_built(picture, is_missing), expected(picture)
    grid = Grid(picture, piles, wanted)
    built = grid.drawn(piles, picture.edges)
    return Drawn(
        picture=picture,
        grid=grid,
        built=built,
        reference=grid.reference(wanted),
        nodes={arm.key(node.id): node for node in picture.nodes},
        pins=_pins(picture, built, items),
        changes=changes,
    )


def _misses(finding: Finding, node: ExpectedNode, subjects: Mapping[str, frozenset[str]]) -> bool:
    """Return whether a fail says that VMs are missing in a row, or in the wrong place."""
    paths = {path for found in finding.evidence for path in (found.path, found.path.rpartition(" ")[2])}
    if _COUNTING in paths:
        needs = (found.resource for found in finding.evidence if found.path.endswith(_COUNTING))
        return any(_is_need_of(need, node) for need in needs)
    about = arm.key(finding.subject.id)
    if node.row == _ARBITERS:
        return bool(paths & _PLACING_ARBITERS)
    in_region = "/tiers/" not in about or about.endswith(f"/{node.region}")
    return bool(paths & _PLACING) and about in subjects.get(node.row, ()) and in_region


def _is_need_of(need: str, node: ExpectedNode) -> bool:
    """Return whether a needed role, by its id, is that of a row: `D/mirrors/M/failover`, `D/tiers/ROLE[/PRODUCT]`."""
    if node.row == _ARBITERS:
        return need.endswith("/arbiter")
    if node.row.startswith("mirror/"):
        return need.endswith(f"/mirrors/{node.row.partition('/')[2]}/failover") and node.label == "failover member"
    return need.endswith(f"/tiers/{node.row}")


def _pins(picture: Picture, built: Drawing, items: Iterable[Item]) -> dict[str, tuple[Pin, ...]]:
    """Return the pins by where they stand: a box, a row, or else a region."""
    places: dict[str, str] = {}
    names: dict[str, str] = {}
    for region in picture.regions:
        names[region.name] = region.name
    for row in picture.rows:
        names[row.id] = row.title
        places |= {arm.key(subject): row.id for subject in row.subjects}
    parts = {arm.key(node.id): (arm.key(node.id), *map(arm.key, node.parts)) for node in picture.nodes}
    for box in built.boxes:
        if box.cell.nodes:
            place = "\n".join(map(arm.key, box.cell.nodes))
            names[place] = box.cell.title
            places |= {part: place for node in box.cell.nodes for part in parts[arm.key(node)]}
    found = group(items, lambda item: places.get(arm.key(item.finding.subject.id), item.finding.subject.region or ""))
    return {place: tuple(_pins_of(names.get(place, place), own)) for place, own in found.items() if place in names}


def _pins_of(name: str, items: list[Item]) -> Iterator[Pin]:
    fails = [item for item in items if item.finding.outcome is Outcome.FAIL]
    unknown = [item for item in items if item.finding.outcome is not Outcome.FAIL and not item.finding.optional]
    if fails:
        worst = f"{name}: {wording.count(len(fails), 'fail')}, the worst {fails[0].level}"
        yield Pin(f"! {len(fails)}", fails[0].level, worst, fails[0].anchor)
    if unknown:
        yield Pin(f"? {len(unknown)}", "unknown", f"{name}: {len(unknown)} unknown", unknown[0].anchor)


def _changes(drift: Drift) -> dict[str, tuple[str, ...]]:
    return {
        arm.key(change.id): tuple(_change(found, change.id) for found in change.properties) or (change.fate.value,)
        for change in drift.resources
    }


def _change(found: PropertyChange, home: str) -> str:
    return f"{found.path}: {wording.value_change(found.before, found.after, home)}"
