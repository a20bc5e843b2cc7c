"""Azure Resource Manager: permissions, lists, and the words of its refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from auditor.azure import arm
from tests.arm import catalogue, management_groups, omissions, paging, providers, refusals, resource_graph
from tests.arm.estate import Body, Estate
from tests.arm.exchange import Answer, Call, RefusalError
from tests.arm.identity import Identity
from tests.arm.omissions import Form
from tests.arm.target import Target

_UNCOUNTED = "2016-06-01"
"""The newest known api-version whose list of subscriptions does not say how many there are."""
READ_SUBSCRIPTION = "Microsoft.Resources/subscriptions/read"
READ_LOCATION = "Microsoft.Resources/subscriptions/locations/read"
FILE_SERVICES = "microsoft.storage/storageaccounts/fileservices"
READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"


@dataclass(frozen=True)
class ResourceManager:
    """Answers for an identity over an estate."""

    estate: Estate
    identity: Identity
    page_size: int = 100
    trims: bool = True
    """Whether a list at a subscription that may not be read there is trimmed to what may be read, or refused."""

    def answer(self, call: Call) -> Answer:
        """Return the answer of Azure Resource Manager to a request with a token.

        Raises:
            RefusalError: it refuses.
        """
        if not call.parameter("api-version"):
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise RefusalError(400, "MissingApiVersionParameter", message)
        path = call.path.rstrip("/")
        segments = path.lower().strip("/").split("/")
        if (call.method, path.lower()) == ("POST", resource_graph.PATH):
            return resource_graph.answer(self.estate, call, self._may, self.page_size)
        if call.method != "GET":
            message = f"The requested resource does not support http method '{call.method}'."
            raise RefusalError(405, "MethodNotAllowed", message)
        if segments == ["subscriptions"]:
            return self._subscriptions(call)
        if segments[:3] == management_groups.LIST:
            return self._management_groups(call, path.split("/")[4:])
        if segments[0] != "subscriptions":
            raise RefusalError(404, "NotFound", f"No resource was found at '{path}'.")
        self._subscription(segments[1])
        if path.lower() in self.estate.answers:
            self._demand(self._action(path), path)
            return Answer(body=self.estate.answers[path.lower()])
        target = Target.of(path)
        if target is None:
            return self._below_subscription(call, path, segments)
        self._served(target, call.parameter("api-version"))
        return self._resource(call, target) if target.name else self._collection(call, target)

    # --- subscriptions and resource groups ----------------------------------------------------------------------------

    def _subscriptions(self, call: Call) -> Answer:
        seen = [body for body in self.estate.subscriptions if self.identity.sees(body["id"])]
        beside = {"count": {"type": "Total", "value": len(seen)}} if call.parameter("api-version") > _UNCOUNTED else {}
        return paging.listing(call, seen, self.page_size, "resources", **beside)

    def _management_groups(self, call: Call, below: list[str]) -> Answer:
        """Answer for management groups: what is behind their list in the path is nothing, or one and `descendants`."""
        known = self.estate.management_groups
        if not below:
            readable = [name for name in known if self._may(management_groups.READ, management_groups.scope(name))]
            return self._page(call, [management_groups.listed(known, name) for name in readable], "management")
        if [word.lower() for word in below[1:]] != ["descendants"]:
            raise RefusalError(404, "NotFound", f"No resource was found at '{call.path}'.")
        self._demand(management_groups.READ_DESCENDANTS, management_groups.scope(below[0]))
        found = management_groups.descendants(known, below[0], self.estate)
        return self._page(call, found, "management")

    def _subscription(self, name: str) -> None:
        if self.estate.find(f"/subscriptions/{name}") is None:
            raise RefusalError(404, "SubscriptionNotFound", f"The subscription '{name}' could not be found.")

    def _below_subscription(self, call: Call, path: str, segments: list[str]) -> Answer:
        scope = f"/subscriptions/{segments[1]}"
        match segments[2:]:
            case []:
                if not self.identity.sees(scope):
                    raise self._forbidden(READ_SUBSCRIPTION, scope)
                return Answer(body=self.estate.find(scope))
            case ["resourcegroups"]:
                return self._page(call, self._readable(READ_GROUP, scope, self._groups(scope)), "resources")
            case ["locations"]:
                self._demand(READ_LOCATION, scope)
                return Answer(body={"value": providers.locations(self.estate, call, scope)})
            case ["resourcegroups", _]:
                self._demand(READ_GROUP, path)
                return Answer(body=self._group(path))
            case ["resources"] | ["resourcegroups", _, "resources"]:
                return self._page(call, self._stubs(call, path.rpartition("/")[0]), "resources")
            case ["providers", *namespace]:
                return self._providers(call, scope, namespace)
            case _:
                raise RefusalError(404, "NotFound", f"No resource was found at '{path}'.")

    def _providers(self, call: Call, scope: str, namespace: list[str]) -> Answer:
        self._demand("Microsoft.Resources/subscriptions/providers/read", scope)
        described = providers.describe(scope, self.estate.unregistered)
        if not namespace:
            return self._page(call, described, "resources")
        found = [body for body in described if [body["namespace"].lower()] == namespace]
        if not found:
            raise refusals.UNKNOWN_NAMESPACE.error(namespace="/".join(namespace))
        return Answer(body=found[0])

    def _groups(self, scope: str) -> list[Body]:
        return list(self.estate.of_type(arm.RESOURCE_GROUP, scope))

    def _group(self, scope: str) -> Body:
        found = self.estate.find(scope)
        if found is None:
            raise refusals.NO_GROUP.error(group=scope.split("/")[4])
        return found

    def _stubs(self, call: Call, scope: str) -> list[Body]:
        """Return the generic list: tracked resources, without their properties."""
        if arm.group_of(scope + "/"):
            self._group(scope)
        wanted = providers.resource_type_filter(call.parameter("$filter"))
        below = arm.key(scope) + "/"
        tracked = [
            body
            for key, body in self.estate.resources.items()
            if key.startswith(below) and arm.type_of(key) not in {arm.RESOURCE_GROUP, ""} and "location" in body
        ]
        found = [body for body in tracked if wanted in {"", arm.type_of(body["id"])}]
        return [providers.stub(body) for body in found if self._may(arm.type_of(body["id"]) + "/read", body["id"])]

    # --- what providers have ------------------------------------------------------------------------------------------

    def _served(self, target: Target, version: str) -> None:
        """Require that a type exists, in this version, and that its provider is registered.

        Raises:
            RefusalError: 400, 404 or 409.
        """
        known = (catalogue.KNOWN | self.estate.types) - self.estate.retired
        names = {"namespace": target.namespace, "type": "/".join(target.types), "version": version}
        if not any(name.startswith(target.namespace.lower() + "/") for name in known):
            raise refusals.UNKNOWN_NAMESPACE.error(**names)
        if target.type not in known:
            raise refusals.UNKNOWN_TYPE.error(**names)
        if target.type in self.estate.versions and version not in self.estate.versions[target.type]:
            raise refusals.OTHER_VERSIONS.error(**names, supported=",".join(self.estate.versions[target.type]))
        if target.namespace.lower() in self.estate.unregistered:
            raise refusals.NOT_REGISTERED.error(**names)
        if target.type.startswith(FILE_SERVICES) and not providers.has_files(self.estate, target):
            raise refusals.NO_FILES.error()

    def _resource(self, call: Call, target: Target) -> Answer:
        self._demand(target.action, target.path)
        found = self.estate.find(target.path) or providers.implied(self.estate, target)
        if found is None and target.group:
            self._group(target.group)
            shown = "/".join([target.namespace, *target.segments])
            raise refusals.NOT_FOUND.error(resource=shown, group=target.group.split("/")[4])
        if found is None:
            raise RefusalError(404, "ResourceNotFound", f"The Resource '{target.path}' was not found.")
        return Answer(body=omissions.shown(found, call, Form.ITSELF))

    def _collection(self, call: Call, target: Target) -> Answer:
        special: dict[str, Callable[[Call, Target], Answer]] = {
            "microsoft.authorization/locks": self._extensions,
            "microsoft.authorization/permissions": self._permissions,
            "microsoft.compute/locations/usages": self._usages,
            "microsoft.compute/skus": self._skus,
            "microsoft.compute/virtualmachines/instanceview": self._instance_view,
            "microsoft.insights/metrics": self._metrics,
            "microsoft.maintenance/configurationassignments": self._extensions,
        }
        if target.type in special:
            return special[target.type](call, target)
        if target.parent:
            return self._children(call, target)
        if target.group:
            self._group(target.group)
            self._demand(target.action, target.group)
            found = list(self.estate.of_type(target.type, target.group))
        elif target.type in catalogue.ONLY_BY_GROUP:
            message = f"'{target.types[-1]}' are listed by resource group, not by subscription."
            raise RefusalError(404, "NotFound", message)
        else:
            found = list(self.estate.of_type(target.type, target.scope))
        readable = self._readable(target.action, target.scope, found)
        return self._page(call, providers.listed(readable, call, target), target.namespace)

    def _children(self, call: Call, target: Target) -> Answer:
        self._parent(target)
        self._demand(target.action, target.parent)
        found = [body for body in providers.children(self.estate, call, target) if self._may(target.action, body["id"])]
        shown = [omissions.shown(body, call, Form.OF_PARENT) for body in found]
        return self._page(call, shown, target.namespace)

    def _parent(self, target: Target) -> Body:
        owner = Target.of(target.parent)
        found = self.estate.find(target.parent) or (providers.implied(self.estate, owner) if owner else None)
        if found is None:
            raise refusals.NO_PARENT.error(parent=arm.name_of(target.parent))
        return found

    def _instance_view(self, _: Call, target: Target) -> Answer:
        self._demand(target.action, target.parent)
        return Answer(body=self._parent(target)["properties"].get("instanceView", {"statuses": []}))

    def _extensions(self, call: Call, target: Target) -> Answer:
        found = list(self.estate.of_type(target.type, target.scope))
        return self._page(call, self._readable(target.action, target.scope, found), target.namespace)

    def _permissions(self, _: Call, target: Target) -> Answer:
        self._demand(target.action, target.scope)
        effective = [providers.permission(role) for role in self.identity.effective(target.scope)]
        return Answer(body={"value": effective, "nextLink": None})

    def _skus(self, call: Call, target: Target) -> Answer:
        self._demand(target.action, target.scope)
        return self._page(call, providers.skus(self.estate, call), target.namespace)

    def _usages(self, call: Call, target: Target) -> Answer:
        self._demand(target.action, target.scope)
        return self._page(call, providers.usages(self.estate, target), target.namespace)

    def _metrics(self, call: Call, target: Target) -> Answer:
        self._demand(target.action, target.scope)
        if self.estate.find(target.scope) is None:
            raise RefusalError(404, "ResourceNotFound", f"The Resource '{target.scope}' was not found.")
        return Answer(body=providers.metrics(self.estate, call, target))

    # --- permissions --------------------------------------------------------------------------------------------------

    def _may(self, action: str, scope: str) -> bool:
        for denied, kept in self.estate.denied.items():
            if (arm.key(scope) + "/").startswith(denied + "/") and kept.lower() == action.lower():
                return False
        return self.identity.may(action, scope)

    def _demand(self, action: str, scope: str) -> None:
        if not self._may(action, scope):
            raise self._forbidden(action, scope)

    def _forbidden(self, action: str, scope: str) -> RefusalError:
        client = self.identity.upn or self.identity.client_id
        return refusals.FORBIDDEN.error(client=client, identity=self.identity.object_id, action=action, scope=scope)

    def _readable(self, action: str, scope: str, found: list[Body]) -> list[Body]:
        """Return the items of a list that may be read."""
        if not self.trims:
            self._demand(action, scope)
        return [body for body in found if self._may(action, body["id"])]

    def _action(self, path: str) -> str:
        target = Target.of(path)
        return target.action if target else READ_SUBSCRIPTION

    def _page(self, call: Call, items: list[Any], namespace: str) -> Answer:
        return paging.listing(call, items, self.page_size, namespace)
