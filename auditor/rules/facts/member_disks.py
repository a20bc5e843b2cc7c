"""Facts of the data disks of failover members, compared with each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from auditor.azure.paths import ABSENT
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.disks import (
    attachment_iops,
    attachment_mbps,
    attachment_size,
    attachment_sku,
    attachments,
)
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, PartialList, Unknown, interval
from auditor.snapshot.lookup import unusable
from auditor.snapshot.model import Part, Resource

_PAIR: Final = 2


class _Disk(NamedTuple):
    """A data disk with the properties that are compared, each a text, a number or unknown; None for any number."""

    attachment: Part
    properties: tuple[object, ...]
    answers: tuple[Answer, ...]
    """From which the properties come."""

    @property
    def unknown(self) -> Unknown | None:
        """Return why a property is unknown, if one is."""
        return next((found for found in self.properties if isinstance(found, Unknown)), None)

    def may_be_like(self, other: _Disk) -> bool:
        """Return whether no property is known to differ."""
        pairs = zip(self.properties, other.properties, strict=True)
        return all(a == b or isinstance(a, Unknown) or isinstance(b, Unknown) for a, b in pairs)


@fact("mirror.unlike_disks", "mirror", gives="attachment*")
def unlike_disks(context: Context, mirror: Mirror) -> Answer:
    """The data disks of two failover members that have no counterpart on the other one.

    Disks are alike if SKU, size, IOPS, MB/s and host caching are the same, and the logical unit number (LUN) too if the
    deployment file declares what is at it: another number has no meaning in Azure.
    """
    members = PartialList.of(mirror.failover)
    attached = [PartialList.of(attachments(context, vm).value) for vm in members.of_type(Resource)]
    unread = next(filter(None, (found.incomplete_because for found in (members, *attached))), None)
    if unread is not None or len(attached) != _PAIR:
        return Answer(PartialList(missing=unread))
    disks = [[_disk(context, mirror, part) for part in found.of_type(Part)] for found in attached]
    unlike, unknown = _without_counterpart(*disks)
    shown = _differing(unlike) if unlike else (answer for own in disks for disk in own for answer in disk.answers)
    reads = tuple(read for answer in shown for read in answer.reads)
    return Answer(PartialList(tuple(disk.attachment for disk in unlike), unknown), reads)


def _disk(context: Context, mirror: Mirror, attachment: Part) -> _Disk:
    """Return a disk with what is compared."""
    sku = attachment_sku(context, attachment)
    caching = text_at(attachment, "caching")
    numbers = [find(context, attachment) for find in (attachment_size, attachment_iops, attachment_mbps)]
    answers = [sku, caching, *numbers]
    properties = [_text(sku), "none" if caching.value is ABSENT else _text(caching), *map(_number, numbers)]
    declared = {lun for luns in mirror.declared.disks.values() for lun in luns}
    if declared:
        answers.append(number_at(attachment, "lun"))
        lun = _number(answers[-1])
        properties.append(lun if lun in declared or isinstance(lun, Unknown) else None)
    return _Disk(attachment, tuple(properties), tuple(answers))


def _text(answer: Answer) -> object:
    """Return a text in lower case, or why there is none."""
    return answer.value.lower() if isinstance(answer.value, str) else unusable(answer, "a text")


def _number(answer: Answer) -> object:
    """Return a number, or why there is none."""
    bounds = interval(answer.value)
    return unusable(answer, "a number") if bounds is None else bounds.low


def _without_counterpart(one: list[_Disk], other: list[_Disk]) -> tuple[list[_Disk], Unknown | None]:
    """Return the disks that certainly have no counterpart, and why some of the rest may have none."""
    rest = [*other]
    left: list[_Disk] = []
    for disk in one:
        twins = (i for i, found in enumerate(rest) if disk.unknown is None and found.properties == disk.properties)
        index = next(twins, None)
        if index is None:
            left.append(disk)
        else:
            del rest[index]
    paired = _paired(left, rest)
    unlike = [disk for i, disk in enumerate(left) if i not in paired.values()]
    unlike += [disk for i, disk in enumerate(rest) if i not in paired]
    reasons = (reason for i, j in paired.items() for reason in (left[j].unknown, rest[i].unknown))
    return unlike, next(filter(None, reasons), None)


def _paired(left: list[_Disk], right: list[_Disk]) -> dict[int, int]:
    """Return the largest number of pairs of disks that may be alike: for places in `right`, those in `left`."""
    found: dict[int, int] = {}

    def pair(place: int, tried: set[int]) -> bool:
        for candidate, disk in enumerate(right):
            if candidate not in tried and left[place].may_be_like(disk):
                tried.add(candidate)
                if candidate not in found or pair(found[candidate], tried):
                    found[candidate] = place
                    return True
        return False

    for place in range(len(left)):
        pair(place, set())
    return found


def _differing(disks: list[_Disk]) -> Iterator[Answer]:
    """Yield the properties in which disks without a counterpart differ, all of a single one."""
    for index in range(len(disks[0].properties)):
        if len(disks) == 1 or any(disk.properties[index] != disks[0].properties[index] for disk in disks):
            yield from (disk.answers[index] for disk in disks)
