"""Watching: a log of what is read of a snapshot, so that results can be used again where nothing of it has changed.

A watched topology consists of the same objects as any other. Only their data are replaced by what logs each use:
resources and other records by subclasses, dicts by `Table`. So nothing that is read is overlooked, whichever function
reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from operator import attrgetter
from typing import Any, Final, NoReturn, TypeVar

from auditor.azure import arm, paths
from auditor.snapshot.model import Resource

T = TypeVar("T")

Read = tuple[Hashable, Hashable]
"""What was looked up: (key of a resource, group of its properties), or (name of a table, key in it)."""

Group = tuple[str, ...]
"""The names that lead to a property of a body, or to one of its `properties`; none for the whole body."""

WHOLE: Final[Group] = ()
"""The whole of a body, or as a key all keys of a table."""


class Watch:
    """The log of what is read of one topology, by numbers.

    A number is that of a look-up, or of a result that was computed once and is used several times.
    """

    def __init__(self) -> None:
        """Start with an empty log."""
        self.log: list[int] = []
        """What was read since `take`; the list stays the same object."""
        self.looked_up: dict[Read, int] = {}
        """The number of each look-up."""
        self.computed: dict[int, tuple[int, ...]] = {}
        """What was read for each result; results can refer to each other in a circle, as backend pools can."""
        self._next = count().__next__

    def number_of(self, read: Read) -> int:
        """Return the number of a look-up."""
        return self.looked_up.setdefault(read, self._next())

    def compute(self, function: Callable[..., T], *arguments: object) -> tuple[T, int]:
        """Return what a function returns, with the number of this result; it is logged that it is used."""
        start = len(self.log)
        result = function(*arguments)
        number = self.taken(start)
        self.log.append(number)
        return result, number

    def taken(self, start: int = 0) -> int:
        """Return one number for all that was logged since the log had a length, and remove it."""
        reads = tuple(dict.fromkeys(self.log[start:]))
        del self.log[start:]
        return reads[0] if len(reads) == 1 else self.keep(reads)

    def keep(self, reads: tuple[int, ...]) -> int:
        """Return a new number of a result for which something was read."""
        number = self._next()
        self.computed[number] = reads
        return number

    def forget(self, start: int = 0) -> None:
        """Remove what was logged since the log had a length."""
        del self.log[start:]

    def unlogged(self, compute: Callable[[], T]) -> T:
        """Return what a function computes, without logging what it reads."""
        start = len(self.log)
        try:
            return compute()
        finally:
            self.forget(start)


class Numbers(dict[Any, int]):
    """The numbers of look-ups in one table, by key."""

    __slots__ = ("_name", "_watch")

    def __init__(self, watch: Watch, name: Hashable) -> None:
        """Take the name of the table."""
        self._watch = watch
        self._name = name

    def __missing__(self, key: Any) -> int:  # noqa: ANN401 - as of any dict
        """Number a look-up."""
        found = self[key] = self._watch.number_of((self._name, key))
        return found


# --- records ----------------------------------------------------------------------------------------------------------


class WatchedResource(Resource, frozen=True):
    """A resource that logs which of its properties are read.

    What else it says (its id, its api-version, what was not read) is not logged: only a look-up leads to a resource,
    and it returns all this: see `head`.
    """

    log: Any = None
    """Logs a number."""
    numbers: Any = None
    """What the use of each group is logged as."""

    def __post_init__(self) -> None:
        """Redact nothing: it is a copy of what is redacted."""

    def at(self, path: str) -> dict[str, object]:
        """Return the body, of which only what stands at a path is read."""
        self.log(self.numbers[group_of(path)])
        return _body(self)

    @property
    def location(self) -> str:
        """Return the normalised region, "" where the body has none."""
        found = self.at("location").get("location")
        return arm.location(found) if isinstance(found, str) else ""


@lru_cache(maxsize=4096)
def group_of(path: str) -> Group:
    """Return the group of properties to which a path belongs: its first name, the first two below `properties`."""
    steps = paths.parse(path)
    return tuple(step for step in steps[: 2 if steps[:1] == ("properties",) else 1] if isinstance(step, str))


def group_in(resource: Resource, group: Group) -> object:
    """Return what the body of a resource has in a group; nothing is logged."""
    found: object = _body(resource)
    for name in group:
        found = found.get(name) if isinstance(found, dict) else found
    return found


def head(resource: Resource) -> tuple[object, ...]:
    """Return everything that a resource says beside its body."""
    return resource.id, resource.call, resource.version, resource.unread


def watch_fields(cls: type, names: Iterable[str]) -> None:
    """Replace fields of a subclass by properties that log the number of their name, which is among its `numbers`."""
    for name in names:
        setattr(cls, name, _logged(name, getattr(cls, name).__get__))


def _logged(name: str, value: Callable[[object], Any]) -> property:
    def get(record: Any) -> Any:  # noqa: ANN401 - a record, and the value of any field
        record.log(record.numbers[name])
        return value(record)

    return property(get)


def _logged_body(resource: WatchedResource) -> dict[str, object]:
    resource.log(resource.numbers[WHOLE])
    return _body(resource)


_body: Final[Callable[[Resource], dict[str, object]]] = Resource.body.__get__  # type: ignore[attr-defined]  # a field
WatchedResource.body = property(_logged_body)  # type: ignore[assignment]  # a field


def watched(resource: Resource, watch: Watch) -> Resource:
    """Return a resource that logs what is read of it."""
    return WatchedResource(*_fields(resource), watch.log.append, Numbers(watch, resource.key))  # type: ignore[call-arg]  # any number


_fields: Final = attrgetter(*Resource.__struct_fields__)


# --- tables -----------------------------------------------------------------------------------------------------------


_NOTHING: Final = object()
_found: Final[Callable[[dict[Any, Any], Hashable, object], Any]] = dict.get
"""The look-up that is not logged."""


class Table(dict[Any, Any]):
    """A dict that logs which keys are looked up.

    What is set later is a result that its user computes at the first request: what was read between the vain look-up
    of the key and its setting was read for the result, and so for each use of it.
    """

    def __init__(
        self,
        watch: Watch,
        name: Hashable,
        content: Mapping[Any, Any] | None = None,
        default: Callable[[Any], Any] | None = None,
    ) -> None:
        """Take what is there; without content, only results will be. `default` returns the value of another key."""
        super().__init__(content or {})
        self._watch = watch
        self._log = watch.log.append
        self._name = name
        self._has_only_results = content is None
        self._default = default
        self._numbers = Numbers(watch, name)
        """What the use of a key is logged as."""
        self._started: dict[Hashable, int] = {}
        """The length of the log when a key was looked up in vain."""

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as of any dict
        """Log that a key is looked up."""
        found = _found(self, key, _NOTHING)
        if found is not _NOTHING:
            self._log(self._numbers[key])
            return found
        self._lacks(key)
        if self._default is None:
            raise KeyError(key)
        return self._default(key)

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ANN401 - as of any dict
        """Log that a key is looked up."""
        found = _found(self, key, _NOTHING)
        if found is _NOTHING:
            self._lacks(key)
            return default
        self._log(self._numbers[key])
        return found

    def __contains__(self, key: Any) -> bool:  # noqa: ANN401 - as of any dict
        """Log that a key is looked up."""
        if _found(self, key, _NOTHING) is _NOTHING:
            self._lacks(key)
            return False
        self._log(self._numbers[key])
        return True

    def _lacks(self, key: Hashable) -> None:
        """Log that a key is looked up in vain, which may be the beginning of its computation."""
        self._started[key] = len(self._watch.log)
        if not self._has_only_results:
            self._log(self._numbers[key])

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401 - as of any dict
        """Keep a result with what was read for it."""
        super().__setitem__(key, value)
        start = self._started[key]
        number = self._numbers.get(key)
        reads = tuple(read for read in dict.fromkeys(self._watch.log[start:]) if read != number)
        self._watch.forget(start)
        if number in self._watch.computed:  # set again, it ends a circle: what has led to it in between has its number
            self._watch.computed[number] = reads
        else:
            number = self._numbers[key] = self._watch.keep(reads)
        self._log(number)

    def _all(self) -> None:
        """Log that all keys, or any of them, are looked up."""
        if self._has_only_results:
            self._refuse()
        self._log(self._numbers[WHOLE])

    def __iter__(self) -> Iterator[Any]:
        """Log that all keys are looked up."""
        self._all()
        return super().__iter__()

    def __len__(self) -> int:
        """Log that all keys are looked up."""
        self._all()
        return super().__len__()

    def keys(self) -> Any:  # noqa: ANN401 - the type of the built-in one has no public name
        """Log that all keys are looked up."""
        self._all()
        return super().keys()

    def values(self) -> Any:  # noqa: ANN401 - as for `keys`
        """Log that all keys are looked up."""
        self._all()
        return super().values()

    def items(self) -> Any:  # noqa: ANN401 - as for `keys`
        """Log that all keys are looked up."""
        self._all()
        return super().items()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        message = "a table of a watched topology has only look-ups"
        raise NotImplementedError(message)

    __or__ = __ror__ = __ior__ = __eq__ = __ne__ = __reversed__ = __delitem__ = _refuse
    copy = setdefault = pop = popitem = update = clear = _refuse
    __hash__ = None


class Watchable:
    """A table of another type than a dict."""

    def watched(self, watch: Watch, name: Hashable) -> Watchable:
        """Return the same as a table that logs each look-up by its name."""
        raise NotImplementedError


class Results(Table):
    """The kept results of a function, by its arguments.

    Some are summaries, which rest on much of the snapshot: those of functions that are declared as such, and all dicts
    and other tables. What uses one depends on what it is, or on what is looked up in it, and not on what was read for
    it.
    """

    def __init__(self, watch: Watch, name: Hashable, *, summaries: bool) -> None:
        """Take the name of the function, and whether all its results are summaries."""
        super().__init__(watch, name)
        self._summaries = summaries
        self._in_tables: dict[Hashable, Any] = {}
        """The results that log by themselves what is looked up in them, by their arguments."""

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as of any dict
        """Log that a key is looked up."""
        table = self._in_tables.get(key)
        return super().__getitem__(key) if table is None else table

    def __contains__(self, key: Any) -> bool:  # noqa: ANN401 - as of any dict
        """Log that a key is looked up."""
        return key in self._in_tables or super().__contains__(key)

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401 - as of any dict
        """Keep a result with what was read for it."""
        result = shielded(self._watch, (self._name, key), value)
        logs_itself = isinstance(value, Mapping | Watchable)
        if not self._summaries and not logs_itself:
            super().__setitem__(key, value)
            return
        if logs_itself:
            self._in_tables[key] = result
        else:
            dict.__setitem__(self, key, result)
        self._watch.forget(self._started[key])


def shielded(watch: Watch, name: Hashable, value: Any) -> Any:  # noqa: ANN401 - any result
    """Return a value with the dicts, and other tables, in it replaced by what logs each look-up."""
    if isinstance(value, Watchable):
        return value.watched(watch, name)
    if isinstance(value, Mapping):
        factory = getattr(value, "default_factory", None)
        return Table(watch, name, value, factory and (lambda _: factory()))
    if isinstance(value, tuple) and any(isinstance(member, Mapping) for member in value):
        members = [shielded(watch, (name, index), member) for index, member in enumerate(value)]
        return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
    return value
