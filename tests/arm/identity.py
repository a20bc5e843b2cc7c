"""An identity and its permissions."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from auditor.azure import arm


@dataclass(frozen=True)
class Role:
    """A role assignment: actions granted at a scope and below it."""

    actions: tuple[str, ...] = ("*/read",)
    not_actions: tuple[str, ...] = ()
    scope: str = "/"

    def covers(self, scope: str) -> bool:
        """Return whether a scope is that of the assignment or below it."""
        own = arm.key(self.scope)
        return (arm.key(scope) + "/").startswith(own + "/")

    def grants(self, action: str) -> bool:
        return _any(self.actions, action) and not _any(self.not_actions, action)


@dataclass(frozen=True)
class Identity:
    """A service principal, which may also be a workload or a managed identity. All values are invented."""

    tenant_id: str = "11111111-1111-4111-8111-111111111111"
    client_id: str = "22222222-2222-4222-8222-222222222222"
    object_id: str = "33333333-3333-4333-8333-333333333333"
    secret: str = "a-client-secret"
    assertion: str = "a-federated-token"
    managed_identity_header: str = "a-header-secret"
    upn: str = ""
    roles: tuple[Role, ...] = (Role(),)

    def may(self, action: str, scope: str) -> bool:
        """Return whether any role grants an action at a scope."""
        return any(role.covers(scope) and role.grants(action) for role in self.roles)

    def sees(self, subscription: str) -> bool:
        """Return whether a subscription is visible: a role anywhere in it is enough."""
        own = arm.key(subscription)
        within = any((arm.key(role.scope) + "/").startswith(own + "/resourcegroups/") for role in self.roles)
        return within or self.may("Microsoft.Resources/subscriptions/read", subscription)

    def effective(self, scope: str) -> Iterator[Role]:
        """Yield the roles that apply at a scope."""
        return (role for role in self.roles if role.covers(scope))


@lru_cache(maxsize=4096)
def _any(patterns: tuple[str, ...], action: str) -> bool:
    return any(re.match(fnmatch.translate(pattern.lower()), action.lower()) for pattern in patterns)
