"""Facts of the memory that instances take, by their CPFs and logs."""

from __future__ import annotations

from typing import Final

from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import total
from auditor.rules.facts.reading import number_at
from auditor.rules.facts.vm_files import cpfs, files_of
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown, interval
from auditor.snapshot.lookup import items, objects, unusable, value
from auditor.snapshot.model import Part, Resource

_CONFIG: Final = "properties.config"
_FIXED_MB: Final = 300
"""What an instance takes beyond all that is configured."""
_PER_CONNECTION_MB: Final = 2
_GLOBALS_OVERHEAD: Final = 1.08
_ROUTINES_OVERHEAD: Final = 1.02
_AUTOMATIC_ROUTINES: Final = 0.1
"""The part of the database cache that automatic routine buffers have."""
_AUTOMATIC_HEAP: Final = 0.03
_SMALLEST_AUTOMATIC_HEAP_MB: Final = 300
_LARGEST_AUTOMATIC_HEAP_MB: Final = 2048
_JOURNAL_BUFFERS_MB: Final = 64
_ECP_CLIENTS: Final = 1
_KIB_PER_MIB: Final = 1024
_ALLOCATED: Final = "memory-allocated"


@fact("cpf.database_cache_mb", "guest-file", gives="number")
def database_cache_mb(_: Context, cpf: Resource) -> Answer:
    """The configured size of the database cache in MB, all block sizes together; 0 if the instance chooses it."""
    return _sum_of(cpf, "globals")


@fact("vm.shared_memory_mb", "vm", gives="number")
def shared_memory_mb(context: Context, vm: Resource) -> Answer:
    """The shared memory in MB that all instances of the VM take together, by their configuration.

    It is that of the formula of InterSystems: `globals` x 1.08, `routines` x 1.02, `gmheap`, `jrnbufs`, 2 for each ECP
    connection, and 300. What an instance chooses by itself is estimated by what InterSystems documents.
    """
    found = PartialList.of(cpfs(context, vm).value)
    parts = [part for cpf in found.of_type(Resource) for part in _parts(cpf)]
    return total(parts, found.incomplete_because)


@fact("vm.memory_allocations", "vm", gives="log-event*")
def memory_allocations(context: Context, vm: Resource) -> Answer:
    """The last event in each log of an instance by which it has taken its shared memory; unknown if a log has none."""
    logs = files_of(context, vm, GuestKind.MESSAGES_LOG)
    known = tuple(_last_allocation(log) if isinstance(log, Resource) else log for log in logs.known)
    return Answer(PartialList(known, logs.missing))


def _last_allocation(log: Resource) -> Part | Unknown:
    events = objects(log, "properties.events[*]")
    found = [event for event in events.of_type(Part) if value(event, "event").value == _ALLOCATED]
    if events.incomplete_because is not None:
        return events.incomplete_because
    reason = f"{log.id} has no start of the instance: supply the log from the last start on"
    return found[-1] if found else Unknown(Cause.GUEST, reason, about=(log.id,))


def _parts(cpf: Resource) -> list[Answer]:
    """Return what makes up the shared memory of an instance, each in MB."""
    cache, routines = _sum_of(cpf, "globals"), _sum_of(cpf, "routines")
    heap, buffers = number_at(cpf, f"{_CONFIG}.gmheap"), number_at(cpf, f"{_CONFIG}.jrnbufs", _JOURNAL_BUFFERS_MB)
    servers = number_at(cpf, f"{_CONFIG}.maxServers")
    clients = number_at(cpf, f"{_CONFIG}.maxServerConn", _ECP_CLIENTS)
    if routines.value == 0:
        routines = _scaled(cache, _AUTOMATIC_ROUTINES)
    heap = _automatic_heap(cache) if heap.value == 0 else _scaled(heap, 1 / _KIB_PER_MIB)
    return [
        _scaled(cache, _GLOBALS_OVERHEAD),
        _scaled(routines, _ROUTINES_OVERHEAD),
        heap,
        buffers,
        *(_scaled(connections, _PER_CONNECTION_MB) for connections in (servers, clients)),
        Answer(_FIXED_MB),
    ]


def _automatic_heap(cache: Answer) -> Answer:
    """Return the size in MB of a shared memory heap that the instance chooses by itself."""
    bounds = interval(cache.value)
    if bounds is None:
        return Answer(_SMALLEST_AUTOMATIC_HEAP_MB, cache.reads)
    share = bounds.low * _AUTOMATIC_HEAP
    return Answer(min(max(share, _SMALLEST_AUTOMATIC_HEAP_MB), _LARGEST_AUTOMATIC_HEAP_MB), cache.reads)


def _sum_of(cpf: Resource, key: str) -> Answer:
    """Return the sum of the numbers of a key, unknown if it is absent."""
    whole = value(cpf, f"{_CONFIG}.{key}")
    if not isinstance(whole.value, list):
        return Answer(unusable(whole, "a list of numbers"), whole.reads)
    found = items(cpf, f"{_CONFIG}.{key}[*]")
    known = PartialList.of(found.value)
    numbers = [interval(item) for item in known.known]
    if known.incomplete_because is not None:
        return Answer(known.incomplete_because, found.reads)
    if None in numbers or not numbers:
        return Answer(unusable(whole, "a list of numbers"), whole.reads)
    return Answer(sum(number.low for number in numbers if number), found.reads)


def _scaled(answer: Answer, factor: float) -> Answer:
    bounds = interval(answer.value)
    return answer if bounds is None else Answer(bounds.low * factor, answer.reads)
