"""Watching a topology: all data of its objects are replaced by what logs each use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from auditor.estate.caching import caches
from auditor.estate.subjects import Deployment, Subscription
from auditor.snapshot.model import Snapshot
from auditor.snapshot.watching import Numbers, Results, Table, Watch, shielded, watch_fields

ONCE: Final = "once"
"""The name of the table of what facts compute from the topology."""
TOPOLOGY, SNAPSHOT, DEPLOYMENT, SUBSCRIPTION = "topology", "snapshot", "deployment", "subscription"
"""The names of the records: of deployments and subscriptions with their ids, as in `("deployment", "hospital-a")`."""

_WITHOUT_DATA: Final = frozenset({"watch", "as_of", "_results"})
"""Attributes of a topology that are watched otherwise."""


def estate_objects(topology: object) -> Iterator[tuple[str, Any]]:
    """Yield the objects with the look-ups of a topology, by the path of attributes that leads to them."""
    found: dict[int, str] = {}
    queue: list[tuple[str, Any]] = [("", topology)]
    for path, owner in queue:
        for name, value in vars(owner).items():
            where = f"{path}.{name}".lstrip(".")
            if _is_of_estate(value) and id(value) not in found:
                found[id(value)] = where
                queue.append((where, value))
    yield from queue


def watch_tables(topology: Any, watch: Watch) -> None:  # noqa: ANN401 - a Topology without its deployments
    """Replace the dicts and the kept results of a topology by tables, and its snapshot by one that logs.

    Raises:
        TypeError: an object has data of another type, which could not be watched.
    """
    snapshot = topology.graph.snapshot
    fields = {name: getattr(snapshot, name) for name in snapshot.__struct_fields__}
    topology.graph.snapshot = _WatchedSnapshot(**fields, log=watch.log.append, numbers=Numbers(watch, SNAPSHOT))
    for path, owner in estate_objects(topology):
        for name, value in vars(owner).items():
            where = f"{path}.{name}".lstrip(".")
            if isinstance(value, dict) and where != "_results":
                setattr(owner, name, _table(watch, where, value))
            elif not (path == "" and name in _WITHOUT_DATA) and not _is_watched(value):
                message = f"{where} is a {type(value).__name__}, whose use cannot be logged"
                raise TypeError(message)
        for name, kept_as, is_summary in caches(type(owner)):
            vars(owner)[kept_as] = Results(watch, f"{path}.{name}".lstrip("."), summaries=is_summary)
    topology._results = Results(watch, ONCE, summaries=True)  # noqa: SLF001 - as the other tables


def _table(watch: Watch, name: str, content: dict[Any, Any]) -> Table:
    """Return an index that is there at the beginning, or the place of results if there is nothing yet."""
    return shielded(watch, name, content) if content else Table(watch, name)


def _is_watched(value: object) -> bool:
    return _is_of_estate(value) or isinstance(value, _WatchedSnapshot)


def watch_fields_of(topology: Any) -> None:  # noqa: ANN401 - a Topology
    """Log which of its own data are read of a topology, and forget what was read to build it."""
    topology.watch.forget()
    topology.__class__ = _watched_class(type(topology))


def _watched_class(cls: type) -> type:
    """Return a subclass of a topology whose data log that they are read."""

    def logged(name: str) -> property:
        def read(topology: Any) -> Any:  # noqa: ANN401
            topology.watch.log.append(topology.watch.number_of((TOPOLOGY, name)))
            return vars(topology)[name]

        return property(read)

    return type(cls.__name__, (cls,), {name: logged(name) for name in ("as_of", "deployments", "subscriptions")})


class _WatchedSnapshot(Snapshot, frozen=True):
    log: Any = None
    numbers: Any = None

    def __post_init__(self) -> None:
        """Redact nothing: it is a copy of what is redacted."""


class _WatchedDeployment(Deployment, frozen=True, eq=False):
    log: Any = None
    numbers: Any = None


class _WatchedSubscription(Subscription, frozen=True, eq=False):
    log: Any = None
    numbers: Any = None


_TABLES: Final = ("roles", "vms", "expected", "scope", "load_balancers", "lines")
"""The fields of a deployment that are dicts, which log by themselves what is looked up in them."""
_OTHERS: Final = tuple(name for name in Deployment.__struct_fields__ if name not in _TABLES)
watch_fields(_WatchedSnapshot, Snapshot.__struct_fields__)
watch_fields(_WatchedDeployment, _OTHERS)
watch_fields(_WatchedSubscription, ("deployments",))


def watched_deployment(deployment: Deployment, watch: Watch) -> Deployment:
    """Return a deployment that logs what is read of it."""
    name = (DEPLOYMENT, deployment.id)
    values = {field: getattr(deployment, field) for field in deployment.__struct_fields__}
    for field in _TABLES:
        values[field] = Table(watch, (name, field), values[field], getattr(values[field], "__missing__", None))
    return _WatchedDeployment(**values, log=watch.log.append, numbers=Numbers(watch, name))


def watched_subscription(subscription: Subscription, watch: Watch) -> Subscription:
    """Return a subscription that logs what is read of it."""
    numbers = Numbers(watch, (SUBSCRIPTION, subscription.id))
    return _WatchedSubscription(subscription.id, subscription.deployments, watch.log.append, numbers)


def _is_of_estate(value: object) -> bool:
    """Return whether an object is one with look-ups."""
    return type(value).__module__.startswith("auditor.estate.") and not isinstance(value, msgspec.Struct)
