"""Bodies of one resource: what agrees is merged in any order, what contradicts is named."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.snapshot.model import Resource, resource
from auditor.sources.merging import ContradictionError, merged

Body = dict[str, Any]

VM = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/a"
RUNNING = {"code": "PowerState/running"}
SUCCEEDED = {"code": "ProvisioningState/succeeded", "time": "2026-11-01T06:00:00Z"}


def of(body: Body, version: str = "", arm_id: str = VM) -> Resource:
    return resource(body, arm_id, version=version)


def together(*bodies: Body) -> Body:
    (found, *others) = [merged([of(body) for body in order]).body for order in permutations(bodies)]
    assert all(found == other for other in others)
    return found


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({"a": 1}, {"b": None}, {"a": 1, "b": None}),
        ({"a": None}, {"a": [{"b": 1}]}, {"a": [{"b": 1}]}),
        ({"p": {"x": 1}}, {"p": {"instanceView": {"y": 2}}}, {"p": {"x": 1, "instanceView": {"y": 2}}}),
        ({"location": "West Europe"}, {"location": "westeurope"}, {"location": "West Europe"}),
        ({"size": "Standard_E8s_v5"}, {"size": "standard_e8s_v5"}, {"size": "Standard_E8s_v5"}),
        ({"of": VM}, {"of": VM.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/")}, None),
        ({"etag": "1", "p": {"etag": 'W/"1"'}}, {"etag": "2", "p": {"etag": 'W/"2"'}}, None),
        ({"properties": {"provisioningState": "Updating"}}, {"properties": {"provisioningState": "Succeeded"}}, None),
        (
            {"properties": {"instanceView": {"statuses": [SUCCEEDED, RUNNING], "vmAgent": {"statuses": []}}}},
            {
                "properties": {
                    "instanceView": {
                        "statuses": [RUNNING, {**SUCCEEDED, "time": "2026-11-01T07:00:00Z"}],
                        "vmAgent": {"statuses": [{"code": "x"}]},
                    }
                }
            },
            None,
        ),
        (
            {"disks": [{"lun": 0, "caching": "None"}, {"lun": 1}]},
            {"disks": [{"lun": 1, "caching": "ReadOnly"}, {"lun": 0}]},
            {"disks": [{"lun": 0, "caching": "None"}, {"lun": 1, "caching": "ReadOnly"}]},
        ),
        (
            {"rules": [{"name": "b", "port": 1}, {"name": "a"}]},
            {"rules": [{"name": "b"}, {"name": "a", "port": 2}]},
            {"rules": [{"name": "b", "port": 1}, {"name": "a", "port": 2}]},
        ),
        ({"zones": ["1", "3", "2"]}, {"zones": ["2", "1", "3"]}, {"zones": ["1", "2", "3"]}),
        ({"properties": {"virtualMachines": []}}, {"properties": {"virtualMachines": [{"id": VM}]}}, None),
        ({"tags": {}}, {"tags": {"role": "web"}}, {"tags": {"role": "web"}}),
        ({"tags": {"Role": "web"}}, {"tags": {"role": "web"}}, None),
        ({"n": 1}, {"n": 1.0}, None),
        ({"at": "2026-03-02T09:00:00.1234567+00:00"}, {"at": "2026-03-02T09:00:00.123Z"}, None),
        ({"at": "2026-03-02T10:00:00+01:00"}, {"at": "2026-03-02T09:00:00Z"}, None),
        ({"at": "2026-99-02T09:00:00Z"}, {"at": "2026-99-02T09:00:00Z"}, {"at": "2026-99-02T09:00:00Z"}),
        ({"vmId": "4330A7BE-A622"}, {"vmId": "4330a7be-a622"}, None),
    ],
)
def test_bodies_that_agree_are_merged(one: Body, other: Body, both: Body | None) -> None:
    found = together(one, other)
    assert both is None or found == both
    assert together(found, one, other) == found


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ({"zones": ["1"]}, {"zones": ["2"]}, "zones[0]"),
        ({"zones": ["1"]}, {"zones": []}, "zones"),
        ({"at": "2026-03-02T09:00:00Z"}, {"at": "2026-03-02T09:00:01Z"}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, {"at": "0001-01-01T00:00:01+14:00"}, "at"),
        ({"a": {"b": 1}}, {"a": [1]}, "a"),
        ({"a": 1}, {"a": True}, "a"),
        ({"a": "1"}, {"a": 1}, "a"),
        ({"path": "/CSP/x"}, {"path": "/csp/x"}, "path"),
        ({"tags": {"role": "Web"}}, {"tags": {"role": "web"}}, "tags.role"),
        ({"tags": {"role": "web"}}, {"tags": {"part": "web"}}, "tags"),
        (
            {"properties": {"instanceView": {"statuses": [SUCCEEDED, RUNNING]}}},
            {"properties": {"instanceView": {"statuses": [SUCCEEDED, {"code": "PowerState/stopped"}]}}},
            "properties.instanceView.statuses[1].code",
        ),
        ({"r": [{"name": "a", "p": 1}]}, {"r": [{"name": "A", "p": 2}]}, "r[0].p"),
    ],
)
def test_a_contradiction_names_the_property(one: Body, other: Body, path: str) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(ContradictionError) as caught:
            merged([of(first), of(second)])
        assert caught.value.path == path


@pytest.mark.parametrize(
    ("bodies", "version"),
    [
        ([({"p": 1}, "2020-01-01"), ({"p": 1, "q": 2}, "2024-01-01")], "2024-01-01"),
        ([({"p": 1, "q": [{"r": 1}]}, ""), ({"p": 1, "q": [{"r": 1}]}, "2024-01-01")], "2024-01-01"),
        # The newer one has a part only: what both lack may yet exist.
        ([({"p": 1, "q": 2}, "2020-01-01"), ({"p": 1}, "2024-01-01")], "2020-01-01"),
        ([({"p": 1, "q": 2}, ""), ({"q": 2}, "2024-01-01")], ""),
        ([({"p": 1}, "2020-01-01"), ({"q": 1}, "2024-01-01")], "2020-01-01"),
        # Only the instance view may come by another version.
        ([({"p": {"x": 1}}, "2024-01-01"), ({"p": {"instanceView": {}}}, "2020-01-01")], "2024-01-01"),
        ([({"p": {"instanceView": {}, "x": 1}}, "2020-01-01"), ({"p": {"x": 1}}, "2024-01-01")], "2024-01-01"),
    ],
)
def test_the_version_is_that_of_a_body_that_is_whole(bodies: list[tuple[Body, str]], version: str) -> None:
    for order in permutations(bodies):
        assert merged([of(body, said) for body, said in order]).version == version


@pytest.mark.parametrize("spelled", [VM.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"), VM.lower()])
def test_the_id_does_not_depend_on_the_order(spelled: str) -> None:
    one, other = of({}, arm_id=VM), of({}, arm_id=spelled)
    assert merged([one, other]).id == merged([other, one]).id
    assert merged([one, other]).name == "a", "what is in upper case is not how it was named"


_LEAF = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["a", "A", "b", "1", VM, VM.lower()])
_BODY = st.recursive(
    _LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "lun", "etag", "location", "tags", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_BODIES = st.lists(
    st.dictionaries(st.sampled_from(["x", "tags", "etag", "p"]), _BODY, max_size=3), min_size=2, max_size=3
)


@given(bodies=_BODIES)
def test_the_order_of_two_bodies_never_matters(bodies: list[Body]) -> None:
    outcomes = []
    for one, other in permutations(bodies, 2):
        try:
            outcomes.append((sorted(map(repr, (one, other))), repr(_plain(merged([of(one), of(other)]).body))))
        except ContradictionError:
            outcomes.append((sorted(map(repr, (one, other))), "contradiction"))
    assert all(said == other for pair, said in outcomes for same, other in outcomes if pair == same)


@given(body=st.dictionaries(st.sampled_from(["x", "tags", "etag", "p"]), _BODY, max_size=3))
def test_a_body_agrees_with_itself(body: Body) -> None:
    assert merged([of(body), of(body)]).body == body


@given(body=st.dictionaries(st.sampled_from(["x", "y", "p"]), _BODY, max_size=3), data=st.data())
def test_a_body_agrees_with_any_part_of_it(body: Body, data: st.DataObject) -> None:
    part = {name: value for name, value in body.items() if data.draw(st.booleans())}
    assert merged([of(part), of(body)]).body == body


def _plain(value: object) -> object:
    """Return a value without the order of the members of objects."""
    if isinstance(value, dict):
        return sorted((name, _plain(member)) for name, member in value.items())
    return [_plain(item) for item in value] if isinstance(value, list) else value
