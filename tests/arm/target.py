"""What the path of a request names: a resource, or a collection within a scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Target:
    """`{scope}/providers/{namespace}/{segments}`, as requested."""

    scope: str
    namespace: str
    segments: tuple[str, ...]

    @classmethod
    def of(cls, path: str) -> Self | None:
        """Return the target of a path, or None where it names no type of a provider."""
        parts = path.split("/")
        # Words and names alternate behind the leading slash: at an even position, `providers` is a name.
        places = [place for place in range(1, len(parts), 2) if parts[place].lower() == "providers"]
        if not places or len(parts) < places[-1] + 3:
            return None
        place = places[-1]
        return cls("/".join(parts[:place]), parts[place + 1], tuple(parts[place + 2 :]))

    @property
    def path(self) -> str:
        return f"{self.scope}/providers/{self.namespace}/{'/'.join(self.segments)}"

    @property
    def types(self) -> tuple[str, ...]:
        return self.segments[::2]

    @property
    def type(self) -> str:
        """The lower-case type with its namespace."""
        return "/".join([self.namespace, *self.types]).lower()

    @property
    def name(self) -> str:
        """The name of a resource, or "" for a collection."""
        return "" if len(self.segments) % 2 else self.segments[-1]

    @property
    def action(self) -> str:
        """The action that permits reading it."""
        return "/".join([self.namespace, *self.types, "read"])

    @property
    def group(self) -> str:
        """The resource group that contains it, or ""."""
        parts = self.scope.split("/")
        return "/".join(parts[:5]) if len(parts) >= 5 and parts[3].lower() == "resourcegroups" else ""

    @property
    def parent(self) -> str:
        """The id of the parent of a nested collection or resource, or ""."""
        kept = (len(self.segments) - 1) // 2 * 2
        return f"{self.scope}/providers/{self.namespace}/{'/'.join(self.segments[:kept])}" if kept else ""
