"""Remedies of findings: the steps of their rules, filled in from what is known of the subject. Nothing is ever run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import msgspec

from auditor.azure import arm, paths
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import VM
from auditor.estate.subjects import Mirror
from auditor.estate.topology import Topology
from auditor.evaluation import recreation
from auditor.evaluation.model import Finding, Outcome
from auditor.evaluation.words import UnfilledError, may_begin, quoted, safe, variable
from auditor.rules.evidence import Evidence
from auditor.rules.model import Disturbance, Step
from auditor.rules.remedies import NAME_OF, PLACEHOLDER, in_lower_case, path_in
from auditor.snapshot import lookup
from auditor.snapshot.known import PartialList
from auditor.snapshot.model import Part, Resource


class FilledStep(msgspec.Struct, frozen=True):
    """A step for one resource: a command, or what a person must check before the next one."""

    command: str = ""
    """One line for a shell, values quoted; a choice is a variable, such as `"${SIZE:?}"`. "" if `text` is there."""
    text: str = ""
    disturbs: Disturbance = Disturbance.NOTHING
    vm: str = ""
    """The ARM id of the VM that it restarts or recreates, "" if there is none."""
    choices: Mapping[str, str] = {}
    """What a person must choose, by the name of the variable."""


class _Place(NamedTuple):
    """What a step is done for."""

    resource: Resource
    part: str
    """The path of a part of it, "" for itself."""
    other: _Place | None = None
    """The second place that the same observation names, if the step has one."""

    @property
    def key(self) -> tuple[str, ...]:
        return self.resource.key, self.part, *(self.other.key if self.other else ())


class _Task(NamedTuple):
    """A step, and what it is done for."""

    step: Step
    place: _Place


_ON_VMS: Final = frozenset({Disturbance.RESTARTS, Disturbance.RECREATES})
_ALTERNATIVE: Final = re.compile(r"\[\d+\](?!.*\[\d+\])")
"""The number at the end of the path of an alternative."""


def of(findings: Iterable[Finding], topology: Topology) -> Mapping[str, tuple[FilledStep, ...]]:
    """Return the steps of those findings that have some, by fingerprint."""
    filled = ((finding, steps(finding, topology)) for finding in findings if finding.outcome is Outcome.FAIL)
    return {finding.key: found for finding, found in filled if found}


def steps(finding: Finding, topology: Topology) -> tuple[FilledStep, ...]:
    """Return the steps that correct a fail, in an order that never stops both failover members of a mirror.

    There are none if the rule has no remedy, if a value is not known, or if an observation is the concern of no step:
    half a remedy would be taken for a whole one.
    """
    if finding.outcome is not Outcome.FAIL or not finding.rule.remedy:
        return ()
    concerns = [(step, _places(step, finding, topology)) for step in finding.rule.remedy]
    if not _is_whole(finding.evidence, {number for _, places in concerns for number, _ in places}):
        return ()
    filler = _Filler(finding, topology)
    tasks: list[list[_Task]] = []
    for _, alike in groupby(concerns, key=lambda concern: _concern(concern[0])):
        together = [(step, [place for _, place in places]) for step, places in alike]
        by_place: dict[tuple[str, ...], list[_Task]] = {}
        for step, places in together:
            for place in _once(places):
                by_place.setdefault(place.key, []).append(_Task(step, place))
        tasks += by_place.values()
    try:
        blocks = [*filler.blocks(tasks)]
    except UnfilledError:
        return ()
    return tuple(step for block in _in_order(blocks, topology) for step in block)


def _once(places: Iterable[_Place]) -> list[_Place]:
    return [*{place.key: place for place in places}.values()]


def _concern(step: Step) -> tuple[object, ...]:
    """Return what `for` says, but for the properties that a resource must have or lack."""
    return step.type, step.path, step.present, step.observed, step.repeated


def _places(step: Step, finding: Finding, topology: Topology) -> list[tuple[int, _Place]]:
    """Return what a step is done for, each with the number of the observation that names it."""
    resources = topology.graph.resources
    if step.ungraded and finding.graded:
        return []
    if not step.type:
        subject = resources.get(arm.key(finding.subject.id))
        return [(number, _Place(subject, "")) for number in range(len(finding.evidence)) if subject]
    found: list[tuple[int, _Place]] = []
    for number, entry in enumerate(finding.evidence):
        others = {place.key: place for place, _ in _seen(step.other, entry, resources)} if step.other[0] else {}
        if step.other[0] and len(others) != 1:
            continue
        named = [*_seen((step.type, step.path), entry, resources)]
        if step.repeated:
            named = _repeated(step, named, topology)
        found += [
            (number, place._replace(other=next(iter(others.values()), None)))
            for place, value in named
            if _is_for(step, place.resource)
            if step.present in {None, value is not None} and _is_observed(step, value)
        ]
    return found


def _seen(
    wanted: tuple[str, str], entry: Evidence, resources: Mapping[str, Resource]
) -> Iterator[tuple[_Place, object]]:
    """Yield the place of a type and path that an observation is about, with its value, else those that were read.

    That of an observation whose id names a property, after `#`, is the value of the property.
    """
    own = _place(wanted, entry.resource, entry.path, resources)
    if own:
        id_, _, named = entry.resource.partition("#")
        of_named = (read.observed for read in entry.reads if named and (read.resource, read.path) == (id_, named))
        yield own, next(of_named, entry.observed)
        return
    for read in entry.reads:
        place = _place(wanted, read.resource, read.path, resources)
        if place:
            yield place, read.observed


def _repeated(step: Step, named: list[tuple[_Place, object]], topology: Topology) -> list[tuple[_Place, object]]:
    """Return the resources without a value, and of those with the same value all but the last in the order, or one.

    There are none if the step is not for all resources that are named: they must become different in the same way.
    """
    if not all(_is_for(step, place.resource) for place, _ in named):
        return []
    mirrored = topology.once(_Mirrored)
    found = [item for item in named if item[1] is None]
    by_value: dict[str, list[tuple[_Place, object]]] = {}
    for item in named:
        if item[1] is not None:
            by_value.setdefault(json.dumps(item[1]), []).append(item)
    for same in by_value.values():
        stays = max(same, key=lambda item: mirrored.rank(item[0].resource.key))
        moving = [item for item in same if item is not stays]
        found += moving[-1:] if step.repeated == "one" else moving
    return found


def _is_observed(step: Step, value: object) -> bool:
    """Return whether a value is one that a step is for; true is not 1."""
    found = in_lower_case(value)
    same = (each for each in step.observed if isinstance(each, bool) is isinstance(found, bool))
    return not step.observed or found in same


def _is_for(step: Step, resource: Resource) -> bool:
    """Return whether a resource has the property that it must have, and lacks the one that it must not have."""
    has, lacks = (path and paths.get(resource.body, paths.parse(path)) for path in (step.having, step.lacking))
    return has is not ABSENT and (not step.lacking or lacks is ABSENT)


def _place(wanted: tuple[str, str], id_: str, path: str, resources: Mapping[str, Resource]) -> _Place | None:
    """Return the place that an observation of a property, or of a fact, names if it has the type and path."""
    id_, _, inner = id_.partition("#")
    resource = resources.get(arm.key(id_))
    if resource is None:
        resource = resources.get(arm.owner_of(id_))
        inner = _path_of(resource, arm.key(id_)) if resource else ""
        if not inner:
            return None
    if resource is None or resource.type != wanted[0]:
        return None
    part = _part(wanted[1], inner, path)
    return None if part is None else _Place(resource, part)


@lru_cache(maxsize=2**16)
def _part(wanted: str, inner: str, path: str) -> str | None:
    """Return the part, as far as the last index, that a path below an inner one is about; None if it is not wanted."""
    steps_ = paths.parse(wanted)
    try:
        observed = paths.parse(paths.join(inner, path))
    except paths.PathError:  # such as "count of ..."
        observed = paths.parse(inner)
    same = len(observed) >= len(steps_) and all(
        isinstance(at, int) if step is None else at == step for at, step in zip(observed, steps_, strict=False)
    )
    length = max((number for number, step in enumerate(steps_, start=1) if step is None), default=0)
    return paths.render(observed[:length]) if same else None


def _path_of(resource: Resource, key: str) -> str:
    """Return the path of the part of an id, "" if the resource has none."""
    properties = resource.body.get("properties")
    for name, parts in properties.items() if isinstance(properties, dict) else ():
        for index, part in enumerate(parts if isinstance(parts, list) else ()):
            if isinstance(part, dict) and isinstance(part.get("id"), str) and arm.key(part["id"]) == key:
                return paths.render(("properties", name, index))
    return ""


def _is_whole(evidence: Iterable[Evidence], concerned: set[int]) -> bool:
    """Return whether what is corrected is all that is wrong; of alternatives one is enough."""
    corrected: dict[str, dict[str, bool]] = {}
    for number, entry in enumerate(evidence):
        if not entry.alternatives and number not in concerned:
            return False
        for path in entry.alternatives:
            of_choice = corrected.setdefault(_ALTERNATIVE.sub("", path), {})
            of_choice[path] = of_choice.get(path, True) and number in concerned
    return bool(concerned) and all(any(of_choice.values()) for of_choice in corrected.values())


class _Filler:
    """Fills in the placeholders of one finding."""

    def __init__(self, finding: Finding, topology: Topology) -> None:
        self._finding = finding
        self._topology = topology

    def blocks(self, tasks: Iterable[list[_Task]]) -> Iterator[tuple[FilledStep, ...]]:
        """Yield the steps of tasks, those that disturb one VM as one block.

        Raises:
            UnfilledError: a value is not known, or cannot be a word.
        """
        of_vms: dict[object, list[_Task]] = {}
        for number, together in enumerate(tasks):
            vm = next(filter(None, (self._vm(task) for task in together)), None)
            of_vms.setdefault(vm.key if vm else number, []).extend(together)
        for together in of_vms.values():
            yield tuple(self._block(together))

    def _block(self, tasks: list[_Task]) -> Iterator[FilledStep]:
        """Yield the steps of a block. If its VM is stopped, all that a person must do comes before that."""
        stopped = [number for number, task in enumerate(tasks) if task.step.stopped]
        vm = self._vm(tasks[stopped[0]]) if stopped else None
        chosen = [name for task in tasks for name in task.step.choices]
        once = len(chosen) == len({*chosen})
        if vm:
            yield from (FilledStep(text=text) for text in dict.fromkeys(task.step.check for task in tasks) if text)
        for number, task in enumerate(tasks):
            if vm and number == stopped[0]:
                choices = (
                    {name: meaning for task in tasks for name, meaning in task.step.choices.items()} if once else {}
                )
                stop = self._command(("az vm deallocate", *_named(vm)), vm)
                yield FilledStep(stop, disturbs=Disturbance.RESTARTS, vm=vm.id, choices=choices)
            if vm:
                yield FilledStep(self._filled(task), choices={} if once else task.step.choices)
            else:
                yield from self._steps(task)
            if vm and number == stopped[-1]:
                yield FilledStep(self._command(("az vm start", *_named(vm)), vm))

    def _steps(self, task: _Task) -> Iterator[FilledStep]:
        """Yield a command, behind what must be checked before it."""
        vm, step = self._vm(task), task.step
        if step.check:
            yield FilledStep(text=step.check)
        if vm and step.recreate is not None:
            yield from self._recreated(task, vm)
            return
        yield FilledStep(self._filled(task), disturbs=step.disturbs, vm=vm.id if vm else "", choices=step.choices)

    def _recreated(self, task: _Task, vm: Resource) -> Iterator[FilledStep]:
        """Yield the steps that recreate a VM; what a person must choose is with the first command."""
        (step, place), first = task, True
        how = dict(step.recreate or ())
        wanted = recreation.How(
            zone=self._chosen(how.get("zone", ""), step, place),
            availability_set=self._chosen(how.get("availability-set", ""), step, place),
            is_regular="priority" in how,
        )
        for each in recreation.steps(vm, self._topology, wanted):
            if isinstance(each, str):
                yield FilledStep(text=each)
                continue
            choices, first = step.choices if first else {}, False
            disturbs, id_ = (step.disturbs, vm.id) if each.disturbs else (Disturbance.NOTHING, "")
            yield FilledStep(self._command(each.words, vm), disturbs=disturbs, vm=id_, choices=choices)

    def _chosen(self, text: str, step: Step, place: _Place) -> str:
        """Return a value of a new VM, filled in; a choice as `recreation` has it."""
        name = text.removeprefix("{").removesuffix("}")
        return f"{recreation.CHOICE}{name}" if name in step.choices else self._text(text, place)

    def _filled(self, task: _Task) -> str:
        step, place = task
        return self._command((self._word(word, step, place) for word in step.words), place.resource)

    def _vm(self, task: _Task) -> Resource | None:
        """Return the VM that a command restarts or recreates, None if it does neither."""
        step, place = task
        if step.disturbs not in _ON_VMS:
            return None
        id_ = self._text(step.vm, place) if step.vm else place.resource.id
        found = self._topology.graph.resources.get(arm.key(id_))
        if found is None or found.type != VM:
            raise UnfilledError
        return found

    def _command(self, words: Iterable[str], resource: Resource) -> str:
        """Return quoted words as a command for the subscription of a resource."""
        return " ".join((*words, "--subscription", _quoted(safe(_subscription(resource)))))

    def _word(self, word: str, step: Step, place: _Place) -> str:
        """Return a word of a command for a shell."""
        begin, named = _pieces(word)
        shown, plain, is_json = "", begin, "{{" in word
        for name, behind in named:
            if name in step.choices:
                shown += (_quoted(plain) if plain else "") + variable(name)
                plain = ""
            else:
                value = self._value(name, place)
                if not plain and not shown:
                    may_begin(value)
                if is_json and any(character in value for character in '"\\'):
                    raise UnfilledError
                plain += value
            plain += behind
        return shown + (_quoted(plain) if plain or not shown else "")

    def _text(self, text: str, place: _Place) -> str:
        """Return a text, filled in."""
        begin, named = _pieces(text)
        return begin + "".join(self._value(name, place) + behind for name, behind in named)

    def _value(self, name: str, place: _Place) -> str:
        resource, (head, _, rest) = place.resource, name.partition(".")
        if head in {"param", "setting"}:
            return safe(self._of_rule(head, rest))
        if head == "other":
            assert place.other is not None  # noqa: S101 - the placeholder is refused where the step has no other place
            return self._value(f"part{name.removeprefix(head)}", place.other)
        if head == "place":
            return safe(place.part)
        if head == "attachment":
            return safe(lookup.value(self._attachment(resource), rest).value)
        if head in {"part", "parent", "resource"}:
            path, word = path_in(rest)
            value = safe(paths.get(resource.body, (*_owner(head, place.part), *paths.parse(path or "name"))))
            return safe(_segment(value, word, resource)) if word else value
        return safe(_OF_RESOURCE[name](resource))

    def _attachment(self, disk: Resource) -> Part:
        """Return the entry of a data disk in the VM that it is attached to."""
        vm = self._topology.graph.resources.get(arm.key(str(lookup.value(disk, "managedBy").value)))
        for entry in lookup.parts(vm, "properties.storageProfile.dataDisks[*]") if vm else ():
            if arm.key(str(lookup.value(entry, "managedDisk.id").value)) == disk.key:
                return entry
        raise UnfilledError

    def _of_rule(self, head: str, name: str) -> object:
        """Return a parameter of the rule, or a setting as the deployment file declares it."""
        if head == "param":
            return self._finding.rule.params.get(name)
        declared = self._topology.once(_settings).get(self._finding.deployment, {})
        return declared.get(name, self._finding.rule.settings[name].default)


def _settings(topology: Topology) -> dict[str, Mapping[str, float]]:
    """Return the settings in the deployment file by the id of the deployment."""
    return {deployment.id: deployment.declared.settings for deployment in topology.deployments}


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the text before the first placeholder, and the name of each placeholder with the text behind it."""
    texts, names, position = [""], [], 0
    for found in PLACEHOLDER.finditer(text):
        texts[-1] += text[position : found.start()]
        position = found.end()
        if found[1] is None:
            texts[-1] += found[0][0]
        else:
            names.append(found[1])
            texts.append("")
    texts[-1] += text[position:]
    return texts[0], tuple(zip(names, texts[1:], strict=True))


_quoted: Final = lru_cache(maxsize=4096)(shlex.quote)


def _owner(head: str, part: str) -> tuple[paths.Step, ...]:
    """Return the path of what a placeholder names: the resource, the part, or the part around that."""
    if head == "resource":
        return ()
    steps_ = paths.parse(part)
    if head == "part":
        return steps_
    last = max(number for number, step in enumerate(steps_[:-1]) if isinstance(step, int))
    return steps_[: last + 1]


def _segment(id_: str, word: str, resource: Resource) -> str:
    """Return the last segment of an ARM id, or that behind a word in any case.

    It is "" if there is none, or if the id is of another subscription than the resource, which the command is for.
    """
    segments = id_.split("/")
    if word == NAME_OF:
        return segments[-1]
    if arm.subscription_of(arm.key(id_)) != arm.subscription_of(resource.key):
        return ""
    return next((name for kind, name in pairwise(segments) if kind.lower() == word.lower()), "")


def _subscription(resource: Resource) -> str:
    return arm.name_of(arm.subscription_of(resource.id))


def _group(resource: Resource) -> str:
    return resource.id.split("/", 5)[4] if arm.group_of(resource.id) else ""


_OF_RESOURCE: Final[Mapping[str, Callable[[Resource], str]]] = {
    "subscription": _subscription,
    "group": _group,
    "name": lambda resource: resource.name,
    "id": lambda resource: resource.id,
    "region": lambda resource: resource.location,
}


def _named(vm: Resource) -> tuple[str, ...]:
    """Return the words that name a VM."""
    return "-g", quoted(_group(vm)), "-n", quoted(vm.name)


# --- the order --------------------------------------------------------------------------------------------------------


def _in_order(blocks: list[tuple[FilledStep, ...]], topology: Topology) -> Iterator[tuple[FilledStep, ...]]:
    """Yield the steps of each place: first those that touch no mirror, then arbiters, then failover members.

    Azure does not show which failover member is the primary, so the steps of each begin with a check.
    """
    if not any(step.vm for block in blocks for step in block):
        yield from blocks
        return
    mirrored = topology.once(_Mirrored)
    for block in sorted(blocks, key=lambda block: mirrored.rank(next((step.vm for step in block if step.vm), ""))):
        vm = next((step.vm for step in block if step.vm), "")
        if not vm:
            yield block
            continue
        before, after = mirrored.checks(vm)
        yield (FilledStep(text=before), *block, FilledStep(text=after))


class _Mirrored:
    """The failover members and arbiters of all mirrors, by the keys of the VMs."""

    def __init__(self, topology: Topology) -> None:
        self._mirrors: dict[str, tuple[Mirror, bool]] = {}
        """The first mirror that has a VM, and whether as failover member."""
        self._failover: set[str] = set()
        for mirror in (mirror for deployment in topology.deployments for mirror in deployment.mirrors):
            for members, is_failover in ((mirror.failover, True), (mirror.arbiter, False)):
                for vm in PartialList.of(members).of_type(Resource):
                    self._mirrors.setdefault(vm.key, (mirror, is_failover))
                    self._failover |= {vm.key} if is_failover else set()

    def rank(self, vm: str) -> int:
        """Return the place of a VM in the order of steps, 0 for none."""
        key = arm.key(vm)
        return 0 if not vm else 3 if key in self._failover else 2 if key in self._mirrors else 1

    def checks(self, vm: str) -> tuple[str, str]:
        """Return what must be checked before a VM is stopped, and what to wait for afterwards."""
        name = arm.name_of(vm)
        mirror, is_failover = self._mirrors.get(arm.key(vm), (None, False))
        if mirror is None:
            before = (
                f"This stops {name}. Go on only if it is no failover member of a mirror, or now the backup member, "
                "and active."
            )
            return before, f"Wait until {name} works again before you go on."
        of = f"the mirror {mirror.declared.name}"
        if is_failover:
            before = (
                f"Go on only if {name} is now the backup failover member of {of}, and active. "
                "If it is the primary, let the other member take over first."
            )
            return before, f"Wait until {name} is an active failover member of {of} again before you go on."
        before = f"{name} is the arbiter of {of}: go on only if both failover members are active, and stop neither."
        return before, f"Wait until both failover members of {of} are connected to the arbiter {name} again."
