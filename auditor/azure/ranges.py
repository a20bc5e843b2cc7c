"""Sets of numbers as ranges: IP addresses and ports."""

from __future__ import annotations

import ipaddress
import math
from bisect import bisect_left, bisect_right
from typing import Final

Ranges = tuple[tuple[int, int], ...]
"""Numbers (addresses, ports) as ranges that include both ends, sorted, with a gap between any two."""

IPV4: Final = 4
IPV6: Final = 6


def union(*several: Ranges) -> Ranges:
    """Return the numbers that are in any of some sets."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pair for ranges in several for pair in ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def intersection(one: Ranges, other: Ranges) -> Ranges:
    """Return the numbers that are in both sets."""
    common: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        low, high = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if low <= high:
            common.append((low, high))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def difference(one: Ranges, other: Ranges) -> Ranges:
    """Return the numbers of a set that are not in another."""
    left: list[tuple[int, int]] = []
    for low, high in one:
        start = low
        for cut_low, cut_high in other:
            if cut_high < start or cut_low > high:
                continue
            if cut_low > start:
                left.append((start, cut_low - 1))
            start = cut_high + 1
        if start <= high:
            left.append((start, high))
    return tuple(left)


class Remaining:
    """A set of numbers from which others are removed, one small set after the other.

    Unlike that of `difference`, the cost of each removal does not grow with the number of removals before.
    """

    def __init__(self, ranges: Ranges) -> None:
        """Take the set at the beginning."""
        self._ranges = list(ranges)

    def _overlapping(self, low: int, high: int) -> slice:
        """Return which ranges have numbers of a range."""
        first = bisect_right(self._ranges, (low, math.inf))
        if first and self._ranges[first - 1][1] >= low:
            first -= 1
        return slice(first, bisect_left(self._ranges, (high + 1, -1), first))

    def within(self, ranges: Ranges) -> Ranges:
        """Return the numbers that remain of a set."""
        return tuple(
            (max(low, own_low), min(high, own_high))
            for low, high in ranges
            for own_low, own_high in self._ranges[self._overlapping(low, high)]
        )

    def remove(self, ranges: Ranges) -> None:
        """Remove the numbers of a set."""
        for low, high in ranges:
            place = self._overlapping(low, high)
            if cut := self._ranges[place]:
                edges = ((cut[0][0], low - 1), (high + 1, cut[-1][1]))
                self._ranges[place] = [(first, last) for first, last in edges if first <= last]


def size(ranges: Ranges) -> int:
    """Return how many numbers are in a set."""
    return sum(high - low + 1 for low, high in ranges)


def contains(ranges: Ranges, number: int) -> bool:
    """Return whether a number is in a set."""
    place = bisect_right(ranges, (number, math.inf))
    return place > 0 and ranges[place - 1][1] >= number


def networks(*texts: str) -> Ranges:
    """Return the addresses of networks in CIDR notation, all of one family."""
    return union(*(range_of(ipaddress.ip_network(text)) for text in texts))


def range_of(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Ranges:
    """Return the addresses of a network."""
    return ((int(network.network_address), int(network.broadcast_address)),)


EVERY: Final = {IPV4: networks("0.0.0.0/0"), IPV6: networks("::/0")}
"""All addresses, by family."""

_NOT_ROUTED: Final = networks(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",  # the address of each Azure host, which its VMs alone can reach
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
)
INTERNET: Final = {IPV4: difference(EVERY[IPV4], _NOT_ROUTED), IPV6: networks("2000::/3")}
"""The addresses of the Internet by family, without private, local, multicast and reserved ones."""
