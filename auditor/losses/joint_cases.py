"""What lost networks leave of several mirrors together, as their tiers need it.

A VM of a tier needs a primary of each of its mirrors on its own side of a lost network. Where the primaries are after
a loss, and whether the mirrors have one, depends on the same unknown places, so that both are found together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple, TypeAlias

from auditor.losses.foreseen import Effect
from auditor.losses.parts import UNTOUCHED, Part, worst_of
from auditor.losses.play_mirror import MirrorCase
from auditor.losses.site import Site
from auditor.losses.taken import Completion, Option, Sides, Taken
from auditor.snapshot.known import Unknown

Choices: TypeAlias = tuple[Sides, ...]
"""Where the primaries of some mirrors can be together: the sides of all of them, for each choice of one of each."""

ANYWHERE: Choices = (Sides(),)
"""No network is lost."""


class JointCase(NamedTuple):
    """One of the cases that are possible of several mirrors."""

    part: Part
    """The worst effect on a mirror."""
    choices: tuple[Choices, ...]
    """For each set of mirrors that was asked for."""
    shared: tuple[tuple[str, Option], ...]
    """How the VMs stand that several parts of the deployment share."""
    stated: Mapping[str, Completion]
    """By mirror: how that stands on which the place of its primary depends."""


class _Outcome(NamedTuple):
    """What can come of one mirror."""

    part: Part
    choices: Choices
    shared: frozenset[tuple[str, Option]]
    stated: Completion


def joint_cases(
    site: Site,
    taken: Taken,
    played: Mapping[str, Sequence[MirrorCase]],
    wanted: Sequence[Collection[str]],
) -> tuple[JointCase, ...]:
    """Return the cases that differ, by the cases of each mirror; `wanted` has sets of mirrors."""
    shared = _shared(site, taken)
    pending = [
        JointCase(UNTOUCHED, tuple(ANYWHERE for _ in wanted), tuple(zip(shared, options, strict=True)), {})
        for options in product(*map(taken.options, shared))
    ]
    for mirror in site.mirrors:
        if isinstance(mirror.members, Unknown):
            continue
        outcomes = tuple(_outcomes(mirror.members, played[mirror.id], frozenset(shared)))
        found: dict[object, JointCase] = {}
        for joint in pending:
            for outcome in outcomes:
                if outcome.shared.issubset(joint.shared):
                    after = _with(joint, mirror.id, outcome, wanted)
                    found.setdefault((after.part.effect, tuple(map(frozenset, after.choices)), after.shared), after)
        pending = list(found.values())
    return tuple(pending)


def _shared(site: Site, taken: Taken) -> tuple[str, ...]:
    """Return the VMs of mirrors with an unknown place that another mirror or a tier has too."""
    if not taken.unplaced:
        return ()
    count: dict[str, int] = defaultdict(int)
    for mirror in site.mirrors:
        for key in mirror.nodes.difference(mirror.entrances):
            count[key] += 1
    for tier in site.tiers:
        for key in tier.vms & count.keys():
            count[key] += 1
    return tuple(key for key, number in count.items() if number > 1 and taken.is_unplaced(key))


def _outcomes(members: tuple[str, str], cases: Sequence[MirrorCase], shared: frozenset[str]) -> Iterator[_Outcome]:
    """Yield the outcomes of one mirror that differ.

    Of the places of the arbiter and the entrances nothing is stated where those of the members alone decide.
    """
    by_members: dict[tuple[Option, ...], set[Choices]] = defaultdict(set)
    found: dict[tuple[Effect, Choices, frozenset[tuple[str, Option]]], tuple[MirrorCase, tuple[Option, ...]]] = {}
    for case in cases:
        options = tuple(case.completion[key] for key in members)
        choices = tuple(dict.fromkeys(case.completion[key].stand.sides for key in sorted(case.primaries)))
        by_members[options].add(choices)
        pinned = frozenset((key, option) for key, option in case.completion.items() if key in shared)
        found.setdefault((case.part.effect, choices, pinned), (case, options))
    for (_, choices, pinned), (case, options) in found.items():
        stated = case.completion
        if len(by_members[options]) == 1:
            stated = dict(zip(members, options, strict=True))
        yield _Outcome(case.part, choices, pinned, stated)


def _with(joint: JointCase, mirror: str, outcome: _Outcome, wanted: Iterable[Collection[str]]) -> JointCase:
    """Return a case of some mirrors together with what comes of another one."""
    choices = tuple(
        _joined(own, outcome.choices) if mirror in mirrors else own
        for own, mirrors in zip(joint.choices, wanted, strict=True)
    )
    return JointCase(
        worst_of((joint.part, outcome.part)), choices, joint.shared, {**joint.stated, mirror: outcome.stated}
    )


def _joined(some: Choices, others: Choices) -> Choices:
    """Return the choices of a primary of each of two sets of mirrors; a mirror without any does not count."""
    if not some or not others:
        return some or others
    return tuple(dict.fromkeys(one.joined(other) for one in some for other in others))
