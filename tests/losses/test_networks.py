"""A lost network between two tiers of which one may use the other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditor.losses.foreseen import Effect
from auditor.losses.site import Site, TierModel
from auditor.snapshot.known import Unknown
from tests.losses.sites import PRIMARY, WHY, after, site, vm

LINK = f"link:{PRIMARY}/1-2"


def with_app(web: dict[str, str | Unknown], app: dict[str, str | Unknown], **changes: Any) -> Site:
    """Return a deployment, the failover members in zone 3, whose web servers may use application servers."""
    where = site({"db-a": "3", "db-b": "3", "arbiter": "3"})
    vms = {key: own for key, own in where.vms.items() if not key.startswith("web-") or key == "web-dr"}
    vms |= {name: vm(name, zone) for name, zone in (web | app).items()}
    tiers = (
        TierModel("web", "web", frozenset(web), None, (), None, uses=("app",)),
        TierModel("app", "app", frozenset(app), None, (), None, **changes),
    )
    return msgspec.structs.replace(where, vms=vms, tiers=tiers, entrances={}, mirrors=(without(where),))


def without(where: Site) -> Any:
    return msgspec.structs.replace(where.mirrors[0], entrances=())


@pytest.mark.parametrize(
    ("web", "app", "effect"),
    [
        ({"web-a": "1"}, {"app-a": "2"}, Effect.UNKNOWN),
        ({"web-a": "1"}, {"app-a": "1"}, Effect.SERVES),
        ({"web-a": "1", "web-b": "2"}, {"app-a": "2"}, Effect.SERVES),
        ({"web-a": "1"}, {"app-a": "3"}, Effect.SERVES),
        ({"web-a": "1"}, {"app-a": WHY}, Effect.UNKNOWN),
        ({"web-a": "1"}, {"web-a": "1"}, Effect.SERVES),
    ],
)
def test_a_tier_that_reaches_no_vm_of_one_that_it_may_use(
    web: dict[str, str | Unknown], app: dict[str, str | Unknown], effect: Effect
) -> None:
    found = after(with_app(web, app), LINK)
    assert found.effect is effect
    if effect is Effect.UNKNOWN:
        assert found.unknown[0].reason == (
            "no VM of the tier web reaches the tier app; Azure does not show whether it must"
        )


def test_what_is_lost_besides_leaves_a_tier_on_one_side() -> None:
    where = with_app({"web-a": "1", "web-b": "2"}, {"app-a": "2"})
    assert after(where, LINK, "machine:web-b").effect is Effect.UNKNOWN
    assert after(where, f"{LINK}+machine:web-a").effect is Effect.SERVES
    assert after(where, LINK, f"link:{PRIMARY}/2-3").effect is Effect.STOPS, "nothing reaches the primary"
