"""Requests are sent neither faster nor sooner than Azure allows, and none waits without need."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.snapshot.model import GapReason
from auditor.sources.live.responses import NotReadError
from auditor.sources.live.throttling import ARM, LIMITS, LONGEST_WAIT, MOST_CONNECTIONS, Bucket, Limit, Limiter
from tests.sources.live import virtual

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
VERSION = "?api-version=2024-07-01"
REFUSED_BY_ARM = NotReadError(GapReason.THROTTLED, "SubscriptionRequestsThrottled", "Azure asked to wait")
REFUSED_BY_PROVIDER = NotReadError(GapReason.THROTTLED, "ResourceRequestsThrottled", "Azure asked to wait")

MOMENTS = st.lists(st.floats(0, 20), min_size=1, max_size=60).map(sorted)
CAPACITIES = st.integers(1, 20)
RATES = st.sampled_from([0.25, 1.0, 3.0, 7.5, 40.0])


def path(what: str, scope: str = SUB) -> str:
    return f"{scope}/providers/{what}{VERSION}"


VMS, DISKS = path("Microsoft.Compute/virtualMachines"), path("Microsoft.Compute/disks")
VAULTS, ACCOUNTS = path("Microsoft.RecoveryServices/vaults"), path("Microsoft.Storage/storageAccounts")


# --- one bucket -------------------------------------------------------------------------------------------------------


def sent(bucket: Bucket, wanted: list[float], closed: dict[float, float] | None = None) -> list[float]:
    """Return the times at which requests of these times are sent; `closed` has the times of refusals and their ends."""
    now, found = 0.0, []
    refusals = sorted((closed or {}).items())
    for moment in wanted:
        now = max(now, moment)
        while True:
            while refusals and refusals[0][0] <= now:
                bucket.close(refusals[0][0], refusals.pop(0)[1], REFUSED_BY_ARM)
            if not (delay := bucket.delay(now)):
                break
            now = min([now + max(delay, 1e-9), *(at for at, _ in refusals)])
        bucket.take(now)
        found.append(now)
    return found


def fits(times: list[float], capacity: float, rate: float) -> bool:
    """Return whether in no interval more requests came than a full bucket lets through."""
    return all(
        last - first + 1 <= capacity + rate * (times[last] - times[first]) + 1e-6
        for first in range(len(times))
        for last in range(first, len(times))
    )


@pytest.mark.slow
@given(wanted=MOMENTS, capacity=CAPACITIES, rate=RATES)
def test_never_more_than_the_bucket_holds_and_never_later_than_need_be(
    wanted: list[float], capacity: int, rate: float
) -> None:
    times = sent(Bucket(capacity, rate, 0), wanted)
    most = max(1.0, capacity - rate)
    assert fits(times, most, rate)
    expected: list[float] = []
    for moment in wanted:
        earlier = [(len(expected) - i + 1 - most) / rate + at for i, at in enumerate(expected)]
        expected.append(max([moment, *expected[-1:], *earlier]))
    assert times == pytest.approx(expected, abs=1e-6)


def test_the_bound_can_be_broken() -> None:
    assert fits([0.0, 0.0, 1.0], 2, 1)
    assert not fits([0.0, 0.0, 0.9], 2, 1)


@pytest.mark.slow
@given(
    wanted=MOMENTS,
    capacity=CAPACITIES,
    rate=RATES,
    closed=st.dictionaries(st.floats(0, 20), st.floats(0, 30), min_size=1, max_size=4),
)
def test_no_request_passes_a_closed_bucket(
    wanted: list[float], capacity: int, rate: float, closed: dict[float, float]
) -> None:
    until = {at: at + seconds for at, seconds in closed.items()}
    times = sent(Bucket(capacity, rate, 0), wanted, until)
    assert fits(times, capacity, rate)
    for at, end in until.items():
        assert not [moment for moment in times if at < moment < end - 1e-9]


def test_a_refusal_empties_a_bucket() -> None:
    assert sent(Bucket(20, 2, 0), [5.0] * 6, {4.0: 10.0}) == pytest.approx([10, 10.5, 11, 11.5, 12, 12.5])


def test_a_refusal_for_no_time_at_all_empties_a_bucket_too() -> None:
    bucket = Bucket(20, 2, 0)
    assert bucket.delay(5) == 0
    assert sent(bucket, [5.0] * 3, {5.0: 5.0}) == pytest.approx([5, 5.5, 6])


def test_a_shorter_refusal_does_not_open_what_a_longer_one_has_closed() -> None:
    bucket = Bucket(20, 2, 0)
    bucket.close(0, 100, REFUSED_BY_ARM)
    bucket.close(10, 20, REFUSED_BY_PROVIDER)
    assert bucket.delay(30) == 70
    assert bucket.refusal(99) is REFUSED_BY_ARM
    assert bucket.refusal(100) is None


def test_what_others_take_is_missing_and_what_they_leave_is_not_added() -> None:
    bucket = Bucket(100, 10, 0)
    bucket.lower(0, 3)
    bucket.lower(0, 1000)
    assert sent(bucket, [0.0] * 5) == [0, 0, 0, 0.1, 0.2]


# --- all of them ------------------------------------------------------------------------------------------------------


@dataclass
class Traffic:
    """Sends requests through a limiter, each of which takes some seconds, and records the times."""

    limiter: Limiter = field(default_factory=Limiter)
    deadline: float = math.inf
    lasts: Callable[[], float] = lambda: 0.0
    refused: dict[int, tuple[float, NotReadError]] = field(default_factory=dict)
    """By number of the request, the seconds for which it is refused, and the reason."""
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: list[float] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    count: int = 0

    async def send(self, wanted: str) -> None:
        loop = asyncio.get_running_loop()
        async with self.limiter.admitted(wanted, self.deadline, self.waits.append):
            self.times[wanted].append(loop.time())
            self.count += 1
            own = self.count
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(self.lasts())
            self.under_way -= 1
        if own in self.refused:
            self.limiter.close(wanted, *self.refused[own])

    def of(self, *wanted: str) -> list[float]:
        """Return the times of requests, to the millisecond."""
        return sorted(round(moment, 3) for one in wanted for moment in self.times[one])

    def all(self, *wanted: str) -> list[BaseException | None]:
        """Send all requests concurrently; return the error of each, or None."""

        async def gathered() -> list[BaseException | None]:
            return await asyncio.gather(*map(self.send, wanted), return_exceptions=True)

        return virtual.run(gathered())


PATHS = [VMS, DISKS, VAULTS, ACCOUNTS, path("Microsoft.Network/loadBalancers")]
PATHS += [wanted.replace("0001", "0002") for wanted in PATHS]


@pytest.mark.slow
@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 800),
    kinds=st.sets(st.sampled_from(PATHS), min_size=1),
    longest=st.sampled_from([0.0, 0.05, 2.0, 20.0]),
)
@settings(max_examples=20)
def test_no_limit_is_passed_whatever_is_asked_for(seed: int, count: int, kinds: set[str], longest: float) -> None:
    chance = random.Random(seed)
    wanted = chance.choices(sorted(kinds), k=count)
    traffic = Traffic(lasts=lambda: chance.uniform(0, longest))
    assert set(traffic.all(*wanted)) == {None}
    assert traffic.count == len(wanted)
    assert traffic.most <= MOST_CONNECTIONS
    for limit in LIMITS:
        for sub in ("0001", "0002"):
            concerned = [p for p in PATHS if sub in p and limit.concerns.search(p.split("?")[0])]
            times = sorted(moment for one in concerned for moment in traffic.times[one])
            assert fits(times, limit.capacity, limit.rate)


def test_what_hurries_is_slowed_to_the_rate() -> None:
    traffic = Traffic()
    traffic.all(*[DISKS] * 500)
    assert traffic.of(DISKS)[-1] == pytest.approx((500 - (ARM.capacity - ARM.rate)) / ARM.rate)
    assert all(later >= earlier for earlier, later in pairwise(traffic.times[DISKS]))
    assert traffic.waits == [], "none waits longer than a second when it is next"


@pytest.mark.slow
def test_each_subscription_has_its_own_bucket() -> None:
    traffic = Traffic()
    other = DISKS.replace("0001", "0002")
    traffic.all(*[DISKS] * 500, *[other] * 100)
    assert traffic.of(other)[-1] == 0
    assert traffic.of(DISKS)[-1] > 10


def test_a_subscription_itself_counts_as_one_of_its_own() -> None:
    traffic = Traffic()
    own = f"{SUB}{VERSION}"

    async def question() -> None:
        await asyncio.gather(*map(traffic.send, [DISKS] * int(ARM.capacity - ARM.rate)))
        await traffic.send(own)

    virtual.run(question())
    assert traffic.of(DISKS)[-1] == 0
    assert traffic.of(own) == [1 / ARM.rate]


def test_requests_go_in_the_order_in_which_they_came_and_types_take_turns() -> None:
    children = [path(f"Microsoft.Storage/storageAccounts/a{n}/fileServices") for n in range(600)]
    traffic = Traffic(Limiter((LIMITS[-1],)))
    traffic.all(*children, *[DISKS] * 20)
    first = [traffic.times[child][0] for child in children]
    assert first == sorted(first)
    assert traffic.of(DISKS)[-1] < 2, "a list does not wait until all earlier requests are sent"


def test_a_request_that_waits_for_a_narrow_limit_delays_no_other() -> None:
    traffic = Traffic()
    traffic.all(*[ACCOUNTS] * 130, *[DISKS] * 100)
    assert traffic.of(ACCOUNTS)[-1] > 60
    assert traffic.of(DISKS)[-1] == 0
    assert traffic.waits, "the waits are reported"


def test_a_refusal_by_a_provider_holds_back_its_type_alone() -> None:
    traffic = Traffic(refused={1: (30, REFUSED_BY_PROVIDER)})

    async def question() -> None:
        await traffic.send(DISKS)
        await asyncio.gather(*map(traffic.send, [DISKS, VAULTS, VMS]))

    virtual.run(question())
    assert traffic.of(DISKS) == [0, 30]
    assert traffic.of(VAULTS, VMS) == [0, 0]


def test_a_refusal_by_arm_holds_back_its_whole_subscription() -> None:
    other = DISKS.replace("0001", "0002")
    traffic = Traffic(refused={1: (30, REFUSED_BY_ARM)})

    async def question() -> None:
        await traffic.send(VAULTS)
        await asyncio.gather(*map(traffic.send, [VAULTS, DISKS, VMS, other]))

    virtual.run(question())
    assert traffic.of(VAULTS, DISKS, VMS) == [0, 30, 30.04, 30.08]
    assert traffic.of(other) == [0]


def test_who_was_waiting_already_when_azure_refused_is_held_back_too() -> None:
    # The bucket allows one request a second; the third is refused for a minute while seven others wait.
    slow = Limit("slow", re.compile(""), 1, 1)
    traffic = Traffic(Limiter((slow,)), refused={3: (60, REFUSED_BY_ARM)})
    children = [path(f"Microsoft.RecoveryServices/vaults/v{n}/backupPolicies") for n in range(10)]
    traffic.all(*children)
    assert [traffic.of(child)[0] for child in children] == [0, 1, 2, 62, 63, 64, 65, 66, 67, 68]


def test_a_request_that_waits_for_a_connection_is_held_back_when_its_bucket_closes() -> None:
    # All connections are busy for ten seconds; when the first is free, Azure has refused.
    traffic = Traffic(lasts=lambda: 10.0, refused={1: (60, REFUSED_BY_ARM)})
    traffic.all(*[DISKS] * MOST_CONNECTIONS * 2)
    assert traffic.of(DISKS) == [0] * MOST_CONNECTIONS + [round(70 + n / ARM.rate, 3) for n in range(MOST_CONNECTIONS)]


@pytest.mark.parametrize(("seconds", "deadline"), [(LONGEST_WAIT + 1, math.inf), (60, 30.0)])
def test_no_request_waits_beyond_its_deadline(seconds: float, deadline: float) -> None:
    traffic = Traffic(refused={1: (seconds, REFUSED_BY_PROVIDER)}, deadline=deadline)

    async def question() -> float:
        await traffic.send(VAULTS)
        for _ in range(2):
            with pytest.raises(NotReadError) as caught:
                await traffic.send(VAULTS)
            assert (caught.value.reason, caught.value.code) == (GapReason.THROTTLED, "ResourceRequestsThrottled")
            assert caught.value.detail == "Azure asked to wait"
        await traffic.send(DISKS)
        return asyncio.get_running_loop().time()

    assert virtual.run(question()) < 1


def test_who_gives_up_takes_no_turn_with_it() -> None:
    async def question() -> list[float]:
        traffic = Traffic(Limiter((Limit("slow", re.compile(""), 1, 1),)))
        tasks = [asyncio.create_task(traffic.send(DISKS)) for _ in range(6)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return traffic.of(DISKS)

    assert virtual.run(question()) == [0, 1, 2, 3]


def test_a_bucket_that_others_empty_too_is_not_overdrawn() -> None:
    traffic = Traffic()

    async def question() -> None:
        await traffic.send(DISKS)
        traffic.limiter.learn(DISKS, 20)
        await asyncio.gather(*map(traffic.send, [DISKS] * 10))

    virtual.run(question())
    assert traffic.of(DISKS)[:5] == [0] * 5, "requests in progress may not be counted yet"
    assert traffic.of(DISKS)[5:] == [n / ARM.rate for n in range(1, 7)]
