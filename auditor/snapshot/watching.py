"""Watching: a log of what is read of a snapshot, so that results can be used again where nothing of it has changed.

A watched topology consists of the same objects as any other. Only their data are replaced by what logs each use:
resources and other records by subclasses, dicts by `Table`. So nothing that is read is overlooked, whichever function
reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
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


class Computed:
    """A result that was computed once and is used several times, with everything that was read for it."""

    __slots__ = ("reads",)

    def __init__(self, reads: tuple[Read | Computed, ...]) -> None:
        """Take what was read; results can refer to each other in a circle, as backend pools can."""
        self.reads = reads


class Watch:
    """The log of what is read of one topology."""

    def __init__(self) -> None:
        """Start with an empty log."""
        self.log: list[Read | Computed] = []
        """What was read since `take`; the list stays the same object."""
        self.computed: list[Computed] = []
        """All results that are used several times; but for circles, what was read for one is before it."""

    def compute(self, function: Callable[..., T], *arguments: object) -> tuple[T, Computed]:
        """Return what a function returns, with what it reads; it is logged that this result is used."""
        start = len(self.log)
        result = function(*arguments)
        computed = Computed(self.since(start))
        self.computed.append(computed)
        self.forget(start)
        self.log.append(computed)
        return result, computed

    def since(self, start: int) -> tuple[Read | Computed, ...]:
        """Return what was logged since the log had a length, each entry once."""
        return tuple(dict.fromkeys(self.log[start:]))

    def forget(self, start: int) -> None:
        """Remove what was logged since the log had a length."""
        del self.log[start:]

    def take(self) -> tuple[Read | Computed, ...]:
        """Return the log, each entry once, and empty it."""
        found = self.since(0)
        self.log.clear()
        return found

    def unlogged(self, compute: Callable[[], T]) -> T:
        """Return what a function computes, without logging what it reads."""
        start = len(self.log)
        try:
            return compute()
        finally:
            self.forget(start)


# --- records ----------------------------------------------------------------------------------------------------------


class WatchedResource(Resource, frozen=True):
    """A resource that logs which of its properties are read.

    What else it says (its id, its api-version, what was not read) is not logged: only a look-up leads to a resource,
    and it returns all this: see `head`.
    """

    log: Any = None
    """Logs a read."""

    def __post_init__(self) -> None:
        """Redact nothing: it is a copy of what is redacted."""

    def at(self, path: str) -> dict[str, object]:
        """Return the body, of which only what stands at a path is read."""
        self.log((self.key, group_of(path)))
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


def watch_fields(cls: type, names: Iterable[str], read_of: Callable[[Any, str], Read]) -> None:
    """Replace fields of a subclass by properties that log; `read_of` returns as what, from the record and the name."""
    for name in names:
        setattr(cls, name, _logged(name, getattr(cls, name).__get__, read_of))


def _logged(name: str, value: Callable[[object], Any], read_of: Callable[[Any, str], Read]) -> property:
    def get(record: Any) -> Any:  # noqa: ANN401 - a record, and the value of any field
        record.log(read_of(record, name))
        return value(record)

    return property(get)


_body: Final[Callable[[Resource], dict[str, object]]] = Resource.body.__get__  # type: ignore[attr-defined]  # a field
watch_fields(WatchedResource, ("body",), lambda resource, _: (resource.key, WHOLE))


def watched(resource: Resource, watch: Watch) -> Resource:
    """Return a resource that logs what is read of it."""
    fields = {name: getattr(resource, name) for name in resource.__struct_fields__}
    return WatchedResource(**fields, log=watch.log.append)


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
        self._logged: dict[Hashable, Read | Computed] = {}
        """What the use of a key is logged as."""
        self._started: dict[Hashable, int] = {}
        """The length of the log when a key was looked up in vain."""

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as of any dict
        """Log that a key is looked up."""
        found = _found(self, key, _NOTHING)
        if found is not _NOTHING:
            self._log(self._logged.get(key) or self._own(key))
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
        self._log(self._logged.get(key) or self._own(key))
        return found

    def __contains__(self, key: Any) -> bool:  # noqa: ANN401 - as of any dict
        """Log that a key is looked up."""
        if _found(self, key, _NOTHING) is _NOTHING:
            self._lacks(key)
            return False
        self._log(self._logged.get(key) or self._own(key))
        return True

    def _own(self, key: Hashable) -> Read:
        read = self._logged[key] = self._name, key
        return read

    def _lacks(self, key: Hashable) -> None:
        """Log that a key is looked up in vain, which may be the beginning of its computation."""
        self._started[key] = len(self._watch.log)
        if not self._has_only_results:
            self._log((self._name, key))

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401 - as of any dict
        """Keep a result with what was read for it."""
        super().__setitem__(key, value)
        start = self._started[key]
        reads = self._watch.since(start)
        computed = self._logged.get(key)
        if not isinstance(computed, Computed):
            computed = self._logged[key] = Computed(())
            self._watch.computed.append(computed)
        # Set again, it ends a circle: what has led to it in between has it already.
        own = computed, (self._name, key)
        computed.reads = tuple(read for read in reads if read not in own)
        self._watch.forget(start)
        self._log(computed)

    def _all(self) -> None:
        """Log that all keys, or any of them, are looked up."""
        if self._has_only_results:
            self._refuse()
        self._log((self._name, WHOLE))

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
