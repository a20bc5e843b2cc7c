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


def test_a_bucket_has_what_azure_states_be_it_more_or_less() -> None:
    bucket = Bucket(100, 10, 0)
    bucket.learn(0, 3)
    assert sent(bucket, [0.0] * 5) == [0, 0, 0, 0.1, 0.2]
    bucket.learn(1, 1000)
    assert sent(bucket, [1.0] * 1000) == [1.0] * 1000


def test_a_bucket_without_a_limit_has_one_once_azure_states_it() -> None:
    bucket = Bucket(math.inf, math.inf, 0)
    assert sent(bucket, [0.0] * 1000) == [0.0] * 1000
    bucket.learn(0, 2)
    assert sent(bucket, [0.0] * 4) == [0, 0, 1, 2]


def test_before_a_window_ends_nothing_is_refilled() -> None:
    bucket = Bucket(15, 3, 0)
    bucket.learn(0, 2, resets=4)
    assert sent(bucket, [0.0] * 4) == pytest.approx([0, 0, 4 + 1 / 3, 4 + 2 / 3])


def test_what_azure_states_does_not_open_what_it_has_closed() -> None:
    bucket = Bucket(20, 2, 0)
    bucket.close(0, 100, REFUSED_BY_ARM)
    bucket.learn(1, 1000)
    assert bucket.delay(1) == 99


# --- all of them ------------------------------------------------------------------------------------------------------


@dataclass
class Traffic:
    """Sends requests through a limiter, each of which takes some seconds, and records the times."""

    limiter: Limiter = field(default_factory=Limiter)
    deadline: float = math.inf
    lasts: Callable[[], float] = lambda: 0.0
    refused: dict[int, tuple[float, NotReadError]] = field(default_factory=dict)
    """By number of the request, the seconds for which it is refused, and the reason."""
    states: Callable[[int], dict[str, str]] = lambda _: {}
    """Returns the headers of a response by number of the request."""
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: list[float] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    count: int = 0

    async def send(self, wanted: str) -> None:
        loop = asyncio.get_running_loop()
        async with self.limiter.admitted(wanted, self.deadline, self.waits.append) as admission:
            self.times[wanted].append(loop.time())
            self.count += 1
            own = self.count
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(self.lasts())
            self.under_way -= 1
            admission.learn(self.states(own))
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


# --- what Azure states ------------------------------------------------------------------------------------------------

READS = "x-ms-ratelimit-remaining-subscription-reads"
ALL_READS = "x-ms-ratelimit-remaining-subscription-global-reads"
PROVIDER = "x-ms-ratelimit-remaining-resource"
QUERIES = path("Microsoft.ResourceGraph/resources", "")


def after(headers: dict[str, str], *wanted: str, first: str = DISKS) -> Traffic:
    """Return the traffic of requests after the response to one, alone, has had these headers."""
    traffic = Traffic(states=lambda own: headers if own == 1 else {})

    async def question() -> None:
        await traffic.send(first)
        await asyncio.gather(*map(traffic.send, wanted))

    virtual.run(question())
    return traffic


def test_a_bucket_that_others_empty_too_is_not_overdrawn() -> None:
    traffic = after({READS: "5"}, *[DISKS] * 10)
    assert traffic.of(DISKS)[:6] == [0] * 6
    assert traffic.of(DISKS)[6:] == [n / ARM.rate for n in range(1, 6)]


def test_all_identities_together_have_a_bucket_too() -> None:
    traffic = after({READS: "200", ALL_READS: "2"}, *[DISKS] * 4)
    assert traffic.of(DISKS) == [0, 0, 0, 0.003, 0.005]


@pytest.mark.parametrize("header", [READS, "x-ms-ratelimit-remaining-tenant-reads"])
def test_a_bucket_that_is_larger_than_documented_is_used(header: str) -> None:
    traffic = after({header: "11998"}, *[DISKS] * 1000)
    assert set(traffic.of(DISKS)) == {0}


def test_what_a_provider_has_left_holds_back_its_requests_alone() -> None:
    traffic = after(
        {PROVIDER: "Microsoft.Compute/HighCostGet3Min;3,Microsoft.Compute/HighCostGet30Min;900"},
        *[VMS] * 5,
        DISKS,
        first=VMS,
    )
    assert traffic.of(VMS) == [0, 0, 0, 0, 1, 2]
    assert traffic.of(DISKS) == [0]


def test_what_is_left_for_one_vm_holds_back_no_other() -> None:
    one, other = (path(f"Microsoft.Compute/virtualMachines/vm-{n}") for n in "ab")
    left = "Microsoft.Compute/LowCostGetSubscriptionMaximum;23993,Microsoft.Compute/LowCostGetResource;0"
    traffic = after({PROVIDER: left}, *[other] * 50, first=one)
    assert set(traffic.of(other)) == {0}


def test_queries_wait_until_their_quota_is_full_again() -> None:
    headers = {"x-ms-user-quota-remaining": "1", "x-ms-user-quota-resets-after": "00:00:05"}
    traffic = after(headers, QUERIES, QUERIES, first=QUERIES)
    assert traffic.of(QUERIES) == [0, 0, 5.333]


@pytest.mark.parametrize("text", ["", "-1", "1.5", "\u0663", "9" * 12, "many"])
def test_a_header_that_is_no_number_states_nothing(text: str) -> None:
    headers = {READS: text, ALL_READS: text, PROVIDER: f"Microsoft.Compute/HighCostGet3Min;{text}, {text}"}
    headers |= {"x-ms-user-quota-remaining": text, "x-ms-user-quota-resets-after": f"00:{text}:05"}
    traffic = after(headers, *[DISKS] * 200)
    assert set(traffic.of(DISKS)) == {0}


@pytest.mark.slow
@given(
    seed=st.integers(0, 1000), capacity=st.integers(MOST_CONNECTIONS, 400), longest=st.sampled_from([0.0, 0.05, 0.5])
)
@settings(max_examples=10)
def test_azure_refuses_nothing_whatever_its_bucket_holds(seed: int, capacity: int, longest: float) -> None:
    chance = random.Random(seed)
    level, counted, lowest = float(capacity), 0.0, float(capacity)

    def states(_: int) -> dict[str, str]:
        nonlocal level, counted, lowest
        now = asyncio.get_running_loop().time()
        level = min(capacity, level + (now - counted) * ARM.rate) - 1
        counted, lowest = now, min(lowest, level)
        return {READS: str(int(level))}

    traffic = Traffic(states=states, lasts=lambda: chance.uniform(0, longest))

    async def question() -> None:
        await traffic.send(DISKS)
        await asyncio.gather(*map(traffic.send, [DISKS] * 300))

    virtual.run(question())
    assert (traffic.count, lowest > -1) == (301, True)
