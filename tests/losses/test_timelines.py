"""Documented times: of the mirroring guide, of Traffic Manager, and of the probes of load balancers and gateways."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.losses.mirror import Pause
from auditor.losses.site import Seconds, Site
from auditor.losses.times import waiting
from auditor.rules.context import Context
from auditor.rules.facts.site import site_of
from tests import estates
from tests.losses.sites import after, site

QOS = Seconds(8, 8)
NAME = "trakcare-current"


def scanned(name: str, **changes: Any) -> Site:
    """Return the deployment of an estate in which properties of a resource have other values."""
    body = estates.body_of(NAME)
    for path, value in changes.items():
        own = estates.find(body, name)["properties"]
        *folders, last = path.split("__")
        for folder in folders:
            own = own[int(folder) if folder.isdigit() else folder]
        own[last] = value
    built = estates.topology(NAME, body)
    (deployment,) = built.deployments
    return site_of(Context(built, deployment), deployment)


@pytest.mark.parametrize(
    ("pause", "expected"),
    [
        (Pause.NONE, Seconds(0, 0)),
        (Pause.BACKUP_LOST, Seconds(4, 8)),  # about one QoS timeout; a lost connection is noticed after half to one
        (Pause.TAKEOVER, Seconds(4, 8)),
        (Pause.TAKEOVER_BY_AGENT, Seconds(4, 24)),  # the trouble timeout at most, twice the QoS timeout, after that
        (Pause.TROUBLE, Seconds(20, 24)),  # about three QoS timeouts
    ],
)
def test_pauses_in_qos_timeouts(pause: Pause, expected: Seconds) -> None:
    assert waiting(pause, QOS) == expected
    assert waiting(pause, Seconds(2, 8)) == Seconds(expected.least / 4, expected.most)


def test_pauses_of_a_deployment() -> None:
    assert after(site(), "machine:db-b", first="db-a").seconds == Seconds(4, 8)
    assert after(site(), "machine:arbiter", "machine:db-b", first="db-a").seconds == Seconds(20, 24)
    takeover_and_probe = 5 + 20
    assert after(site(), "disk:db-a", first="db-a").seconds == Seconds(19, 8 + takeover_and_probe)
    assert after(site(), "machine:arbiter", "disk:db-a", first="db-a").seconds == Seconds(19, 24 + takeover_and_probe)


@pytest.mark.slow
def test_the_example_of_traffic_manager() -> None:
    """An interval of 30 s, 3 failures tolerated, a timeout of 10 s, a TTL of 60 s."""
    found = scanned(
        "tm-trakcare",
        monitorConfig__intervalInSeconds=30,
        monitorConfig__toleratedNumberOfFailures=3,
        monitorConfig__timeoutInSeconds=10,
        dnsConfig__ttl=60,
    )
    assert [profile.switch for profile in found.profiles] == [Seconds(90, 190)]


@pytest.mark.slow
def test_the_probe_of_a_load_balancer() -> None:
    """Two failures at an interval of 5 s: the first one an interval later at most, and the last one without answer."""
    found = scanned(
        "lb-mirror",
        probes__0__properties={"protocol": "Tcp", "port": 1972, "intervalInSeconds": 5, "probeThreshold": 2},
    )
    (way,) = [way for way in found.entrances.values() if way.name == "lb-mirror"]
    assert way.detection == Seconds(5, 15)


@pytest.mark.slow
def test_the_default_probe_of_an_application_gateway() -> None:
    """Three failures at an interval of 30 s, with a timeout of 30 s."""
    found = scanned("agw-trakcare", probes__0__properties={"protocol": "Https", "path": "/"})
    (way,) = [way for way in found.entrances.values() if way.name == "agw-trakcare"]
    assert way.detection == Seconds(60, 120)
