"""Methods and properties whose results are kept in the instance."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import wraps
from typing import Any, Generic, Self, TypeVar, cast, overload

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def cached_method(compute: F) -> F:
    """Return a method that computes the result for each combination of arguments once.

    Unlike `functools.cache`, it neither keeps instances alive nor refers back to them, so that they are freed at once.
    """
    name = f"_results_of_{compute.__name__}"

    @wraps(compute)
    def cached(self: Any, *arguments: Hashable) -> Any:  # noqa: ANN401 - of any class and method
        try:
            return self.__dict__[name][arguments]
        except KeyError:
            found = compute(self, *arguments)
            kept = self.__dict__.setdefault(name, {})
            kept[arguments] = found
            return kept[arguments]

    cached.__dict__["kept_as"] = name
    return cast("F", cached)


def cached_summary(compute: F) -> F:
    """Return a cached method whose results rest on much of a snapshot: see `auditor.snapshot.watching.Results`."""
    cached = cached_method(compute)
    cached.__dict__["is_summary"] = True
    return cached


class cached_value(Generic[T]):  # noqa: N801 - a decorator
    """A property that is computed once; it is a summary."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        """Take the function that computes it."""
        self.compute = cached_summary(compute)
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        """Return the value of an instance."""
        return self if instance is None else self.compute(instance)


def caches(cls: type) -> Iterator[tuple[str, str, bool]]:
    """Yield the cached methods and values of a class: (name, attribute of the results, whether they are summaries)."""
    for name in dir(cls):
        found = getattr(cls, name)
        function = found.compute if isinstance(found, cached_value) else found
        kept_as = getattr(function, "kept_as", None)
        if kept_as is not None:
            yield name, kept_as, hasattr(function, "is_summary")
