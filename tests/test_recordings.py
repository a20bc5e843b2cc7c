"""Answers of Azure: all of them are read and evaluated without a fault, and their oddities have a meaning.

`tests/data/oddities.yaml` has a shape of each oddity, with the number in the names of the tests. Recorded answers are
beside the checkout, not in it; where they exist, the same tests run on them too.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import discover, yaml_documents
from auditor.azure import arm, paths
from auditor.azure.paths import ABSENT
from auditor.azure.types import TYPES
from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    AVAILABILITY_SET,
    DISK,
    LOAD_BALANCER,
    NIC,
    PUBLIC_ADDRESS,
    SECURITY_GROUP,
    SKU,
    TRAFFIC_MANAGER,
    VIRTUAL_NETWORK,
    VM,
)
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.load_balancing import POOLS, RULES
from auditor.estate.tags import tag
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Finding, Outcome
from auditor.rules.facts import FACTS
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import parts, value
from auditor.snapshot.model import Part, Resource
from auditor.snapshot.redaction import redact
from auditor.sources import arm_json
from auditor.yaml_documents import Document
from tests import estates
from tests.estate import subscription as s

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
pytestmark = pytest.mark.slow
of_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")

SHAPES: Any = yaml_documents.read(Path(__file__).parent / "data" / "oddities.yaml").value

Body = dict[str, Any]


# --- reading them -----------------------------------------------------------------------------------------------------


@cache
def answers() -> tuple[tuple[str, Any], ...]:
    """Return every whole answer with its file."""
    files = sorted(RECORDINGS.glob("responses/*/*.json"))
    recorded = [
        (str(path.relative_to(RECORDINGS)), json.loads(path.read_bytes())["response"]["body"]) for path in files
    ]
    return (*(("oddities.yaml", answer) for answer in SHAPES["answers"]), *recorded)


@cache
def bodies() -> tuple[Body, ...]:
    """Return every resource, also those in answers; some occur in several versions."""
    found = [*SHAPES["resources"]]
    found += [json.loads(path.read_bytes())["resource"] for path in sorted(RECORDINGS.glob("resources/*/*.json"))]
    for _, answer in answers():
        if isinstance(answer, dict):
            found += answer["value"] if isinstance(answer.get("value"), list) else [answer]
    return tuple(body for body in found if is_resource(body))


@cache
def bodies_with_versions() -> tuple[tuple[str, Body], ...]:
    """Return every recorded resource with the api-version that returned it."""
    found = []
    for path in sorted(RECORDINGS.glob("resources/*/*.json")):
        content = json.loads(path.read_bytes())
        found.append((content["observed_in"].get("api_version") or "", content["resource"]))
    for path in sorted(RECORDINGS.glob("responses/*/*.json")):
        content = json.loads(path.read_bytes())
        body = content["response"]["body"]
        items = body["value"] if isinstance(body, dict) and isinstance(body.get("value"), list) else [body]
        found += [(content["request"].get("api_version") or "", item) for item in items if is_resource(item)]
    return tuple((version, body) for version, body in found if version and is_resource(body))


def is_resource(body: Any) -> bool:
    return isinstance(body, dict) and arm.is_id(body.get("id")) and bool(arm.type_of(body["id"]))


def recorded(type_: str, odd: Callable[[Body], Any] = lambda _: True) -> list[Body]:
    """Return the resources of a type with an oddity, at least one."""
    found = [body for body in bodies() if arm.type_of(body["id"]) == type_.lower() and odd(body)]
    assert found, "no recording has the oddity any more"
    return found


@cache
def sizes() -> tuple[Body, ...]:
    found: list[Body] = [*SHAPES["sizes"]]
    for path in sorted(RECORDINGS.glob("skus/*.json")):
        content = json.loads(path.read_bytes())
        found += content["value"] if isinstance(content, dict) else content
    return tuple(found)


def layers() -> Iterator[list[Body]]:
    """Yield ARM JSON bodies with each id once."""
    rest = list(bodies())
    while rest:
        layer = {arm.key(body["id"]): body for body in reversed(rest)}
        yield list(layer.values())
        chosen = {id(body) for body in layer.values()}
        rest = [body for body in rest if id(body) not in chosen]


def build(layer: list[Body], declared: list[Body]) -> Topology:
    """Return the topology of recorded resources, of which all types count as listed."""
    types = {arm.type_of(body["id"]) for body in layer} | set(s.TYPES)
    scopes = {arm.subscription_of(body["id"]) for body in layer}
    envelope = {"value": [*layer, *sizes()], "listed": {scope: sorted(types) for scope in scopes}}
    taken = arm_json.decode(json.dumps(envelope).encode(), "recordings")
    file = Document({"format": "auditor.deployment/1", "deployments": declared}, "deployment.yaml", {})
    return Topology(taken, deployment_file.load(file) if declared else ())


def chunks(layer: list[Body]) -> list[Body]:
    """Return deployments of eight VMs each, in every role."""
    vms = [body["id"] for body in layer if arm.type_of(body["id"]) == VM]
    return [
        {
            "name": f"chunk-{number}",
            "product": ("trakcare", "healthshare", "iris")[number % 3],
            "regions": {"primary": "westus", "dr": "eastus"},
            "mirrors": [
                {
                    "name": "MIRROR",
                    "failover": chunk[:2],
                    "arbiter": chunk[2:3] or "none",
                    "dr": chunk[3:4] or "none",
                    "disks": {"journal": [0, 1], "wij": [2]},
                }
            ],
            "tiers": [
                {"role": role, "members": chunk[place : place + 1] or "none"}
                for place, role in enumerate(("web", "app", "print", "db"), start=4)
            ],
        }
        for number, chunk in enumerate(list(vms[at : at + 8]) for at in range(0, len(vms), 8))
    ]


def faults(findings: Any) -> list[str]:
    return [f"{f.rule.id} {f.subject.id}: {f.reason}" for f in findings if f.outcome is Outcome.ERROR]


@of_recordings
def test_all_recordings_are_evaluated_without_an_error() -> None:
    outcomes: Counter[Outcome] = Counter()
    vms = 0
    for layer in layers():
        declared = chunks(layer)
        topology = build(layer, declared)
        vms += len(topology.graph.by_type.get(VM, ()))
        for profile in ("article-2018", "current") if declared else ():
            findings = engine.evaluate(topology, estates.rules(profile))
            assert not faults(findings)
            outcomes.update(finding.outcome for finding in findings)
            assert {f.subject.id for f in findings} >= {d["name"] for d in declared}
    assert vms > 100
    assert all(outcomes[outcome] > 100 for outcome in Outcome if outcome is not Outcome.ERROR), outcomes


@of_recordings
def test_every_answer_is_read_or_refused_with_a_reason() -> None:
    read = 0
    for file, answer in answers():
        try:
            arm_json.decode(json.dumps(answer).encode(), file)
            read += 1
        except InputError as error:
            assert "is no" in str(error) or "neither" in str(error), error
    assert read > 200


def test_a_deployment_file_can_be_proposed_from_all_of_them() -> None:
    for layer in layers():
        found = discover.propose(build(layer, []).graph.snapshot)
        if found.found:
            deployment_file.load(yaml_documents.parse(found.text.encode(), "proposed"))


GRAFTS = {
    VM: ("vm-db-a", "vm-web-a"),
    DISK: ("vm-db-a-os", "vm-db-b-os"),
    NIC: ("vm-db-b-nic", "vm-app-a-nic"),
    LOAD_BALANCER: ("lb-mirror", "lb-web"),
    APPLICATION_GATEWAY: ("agw-trakcare",),
    PUBLIC_ADDRESS: ("pip-agw-weu",),
    VIRTUAL_NETWORK: ("vnet-trakcare-weu",),
    SECURITY_GROUP: ("nsg-db-weu", "nsg-web-weu"),
    TRAFFIC_MANAGER: ("tm-trakcare",),
}
"""The resources of the known-good deployment that recorded ones replace."""


def graft(body: Body, name: str, found: Body) -> None:
    """Replace a resource by a recorded one, with the id of the former, so that references lead to it."""
    old = next((item for item in body["value"] if item.get("id") and arm.name_of(item["id"]) == name), None)
    if old is None:
        return
    text = re.sub(re.escape(found["id"]), lambda _: old["id"], json.dumps(found), flags=re.IGNORECASE)
    body["value"][body["value"].index(old)] = json.loads(text)


def shape(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths and types of a body; bodies with the same ones need no second test."""
    yield f"{path}:{type(value).__name__}"
    for name, member in value.items() if isinstance(value, dict) else ():
        yield from shape(member, f"{path}.{name}")
    for item in value if isinstance(value, list) else ():
        yield from shape(item, f"{path}[]")


@of_recordings
def test_each_recording_in_a_known_good_deployment_is_evaluated_without_an_error() -> None:
    by_type = {type_: list({frozenset(shape(body)): body for body in recorded(type_)}.values()) for type_ in GRAFTS}
    names = {arm.name_of(item["id"]) for item in estates.body_of("trakcare-current")["value"] if "id" in item}
    assert all(names & set(places) for places in GRAFTS.values()), "the known-good deployment has other names now"
    for turn in range(max(map(len, by_type.values()))):
        body = estates.body_of("trakcare-current")
        for type_, places in GRAFTS.items():
            for offset, name in enumerate(places):
                graft(body, name, by_type[type_][(turn + offset) % len(by_type[type_])])
        assert not faults(estates.evaluate("trakcare-current", body).values())


# --- the effect of each oddity ----------------------------------------------------------------------------------------


def finding_of(name: str, found: Body, rule: str) -> Finding:
    """Return the finding for a resource of the known-good deployment that a recorded one replaces."""
    body = estates.body_of("trakcare-current")
    graft(body, name, found)
    findings = estates.evaluate("trakcare-current", body)
    subject = estates.find(body, name)["id"].lower()
    return next(f for (r, _, about), f in findings.items() if r == rule and about == subject)


def fact(name: str, topology: Topology, element: Any) -> Answer:
    answer = FACTS[name].find(s.context(topology), element)
    assert isinstance(answer, Answer)
    return answer


def alone(body: Body) -> tuple[Topology, Resource]:
    """Return a recorded resource as the only one of its subscription."""
    topology = s.topology(body, scopes=[arm.subscription_of(body["id"])])
    found = topology.graph.get(body["id"])
    assert isinstance(found, Resource)
    return topology, found


def get(body: Any, *steps: Any) -> Any:
    for step in steps:
        body = body.get(step) if isinstance(body, dict) else None
    return body


def statuses(body: Body) -> list[str]:
    return [status["code"] for status in get(body, "properties", "instanceView", "statuses") or ()]


def test_oddity_2_subscriptions_with_a_capital_is_the_same_subscription() -> None:
    job = next(body for body in bodies() if body["id"].startswith("/Subscriptions/"))
    _, found = alone(job)
    assert found.key.startswith("/subscriptions/")
    assert found.type == "microsoft.recoveryservices/vaults/backupjobs"


def test_oddity_4_a_disk_and_its_vm_spell_the_resource_group_in_different_case() -> None:
    def differ(body: Body) -> bool:
        one, other = body["id"].split("/")[4], (body.get("managedBy") or "/////").split("/")[4]
        return bool(one != other and one.lower() == other.lower())

    for disk in recorded(DISK, differ):
        vm = {"id": disk["managedBy"].lower(), "location": "westus", "properties": {}}
        graph = s.graph(disk, vm)
        assert [edge.source.id for edge in graph.referrers(arm.key(disk["managedBy"].upper()), VM)] == []
        assert [edge.source.id for edge in graph.referrers(arm.key(disk["managedBy"]), DISK)] == [disk["id"]]
        assert isinstance(graph.get(disk["managedBy"].upper()), Resource)


def test_oddity_6_availability_sets_and_vms_refer_to_each_other_in_capitals() -> None:
    def shouts(body: Body) -> bool:
        name: str = arm.name_of(get(body, "properties", "availabilitySet", "id") or "")
        return name.upper() == name != name.lower()

    for vm in recorded(VM, shouts):
        set_id = vm["properties"]["availabilitySet"]["id"]
        own = {"id": set_id.lower(), "sku": {"name": "Aligned"}, "location": "westus", "properties": {}}
        topology = s.topology(vm, own, scopes=[arm.subscription_of(vm["id"])])
        found = topology.graph.get(vm["id"])
        assert fact("vm.fault_domain_group", topology, found).value == set_id.lower()


def test_oddity_6_the_vms_of_an_availability_set_are_found() -> None:
    for body in recorded(AVAILABILITY_SET, lambda body: get(body, "properties", "virtualMachines")):
        for vm in body["properties"]["virtualMachines"]:
            graph = s.graph(body, {"id": vm["id"].lower(), "properties": {}})
            assert [edge.source.id for edge in graph.referrers(arm.key(vm["id"]), AVAILABILITY_SET)] == [body["id"]]


def test_oddity_7_the_spelling_of_a_type_does_not_matter() -> None:
    vault = next(body for body in bodies() if body.get("type") == "microsoft.recoveryservices/Vaults")
    assert alone(vault)[1].type == "microsoft.recoveryservices/vaults"
    network = recorded(VIRTUAL_NETWORK, lambda body: "type" not in body)[0]
    assert alone(network)[1].type == VIRTUAL_NETWORK


def test_oddity_8_a_location_with_spaces_is_the_region() -> None:
    body = next(body for body in bodies() if " " in (body.get("location") or ""))
    assert " " not in alone(body)[1].location


def test_oddity_9_sizes_are_found_whatever_the_spelling_of_their_region() -> None:
    spelled = [sku for sku in sizes() if any(region != region.lower() for region in sku["locations"])]
    assert spelled
    snapshot = arm_json.decode(json.dumps({"value": spelled}).encode(), "test")
    graph = Topology(snapshot, ()).graph
    for sku in spelled:
        for capability in sku["capabilities"][:1]:
            region = arm.location(sku["locations"][0])
            found = graph.capability(sku["resourceType"], sku["name"], region, s.SUB, capability["name"])
            assert isinstance(found.value, str), "every capability is a text"


def test_oddity_10_a_load_balancer_without_sku_is_basic() -> None:
    for body in recorded(LOAD_BALANCER, lambda body: not body.get("sku")):
        assert value(alone(body)[1], "sku.name").value is ABSENT
        assert finding_of("lb-mirror", body, "LB002").outcome is Outcome.FAIL


def rules_of(odd: Callable[[Body], bool]) -> list[tuple[Topology, Part]]:
    """Return the recorded load-balancing rules whose properties have an oddity."""
    found = []
    for body in recorded(LOAD_BALANCER):
        topology, load_balancer = alone(body)
        found += [(topology, rule) for rule in parts(load_balancer, RULES) if odd(get(rule.body, "properties") or {})]
    assert found, "no recording has the oddity any more"
    return found


def test_oddity_11_a_rule_without_probe_has_an_empty_list_of_probes() -> None:
    for topology, rule in rules_of(lambda rule: not rule.get("probe")):
        assert topology.graph.follow(rule, "probe").value is ABSENT
        assert fact("rule.probes", topology, rule).value == PartialList()


def test_oddity_12_a_tcp_probe_lacks_its_path_and_new_answers_have_both_counts() -> None:
    probes = [
        topology.graph.follow(rule, "probe").value for topology, rule in rules_of(lambda rule: bool(rule.get("probe")))
    ]
    read = [probe for probe in probes if isinstance(probe, Part)]
    tcp = [probe for probe in read if value(probe, "properties.protocol").value == "Tcp"]
    assert tcp
    assert {value(probe, "properties.requestPath").value for probe in tcp} == {ABSENT}
    both = [
        body
        for body in recorded(LOAD_BALANCER)
        for probe in get(body, "properties", "probes") or ()
        if {"numberOfProbes", "probeThreshold"} <= set(probe["properties"])
    ]
    for body in both:
        assert finding_of("lb-mirror", body, "LB007").outcome is not Outcome.ERROR


def test_oddity_13_the_pools_of_a_rule_are_in_one_property_or_the_other() -> None:
    variants: Counter[tuple[bool, bool, int]] = Counter()
    for topology, rule in rules_of(lambda _: True):
        properties = get(rule.body, "properties")
        keys = topology.load_balancing.pool_keys(rule)
        variants["backendAddressPool" in properties, "backendAddressPools" in properties, len(keys)] += 1
        for key in keys:
            pool = topology.graph.part(key)
            assert isinstance(pool, Part), "a rule leads to a pool of its own load balancer"
            assert rule in topology.load_balancing.rules_into(pool)
    assert {variant[:2] for variant in variants} == set(itertools.product((True, False), repeat=2))
    assert all((count > 0) is (one or several) for one, several, count in variants)


def test_oddity_14_a_pool_without_either_list_is_empty_and_known_to_be() -> None:
    found = 0
    for body in recorded(LOAD_BALANCER):
        topology, load_balancer = alone(body)
        for pool in parts(load_balancer, POOLS):
            properties = get(pool.body, "properties") or {}
            if not properties.get("backendIPConfigurations") and not properties.get("loadBalancerBackendAddresses"):
                assert topology.load_balancing.vms(pool).value == PartialList()
                found += 1
    assert found


def test_oddity_15_a_disk_without_sku_is_not_taken_for_premium() -> None:
    for body in recorded(DISK, lambda body: not body.get("sku")):
        assert get(body, "properties", "accountType"), "the property of old answers"
        assert value(alone(body)[1], "sku.name").value is ABSENT
        estate = estates.body_of("trakcare-current")
        attached = estates.find(estate, "vm-db-a")["properties"]["storageProfile"]["dataDisks"][0]["managedDisk"]["id"]
        graft(estate, arm.name_of(attached), body)
        disk = arm.key(attached)
        about = {r: f for (r, _, at), f in estates.evaluate("trakcare-current", estate).items() if arm.key(at) == disk}
        assert about["STO002"].outcome is Outcome.UNKNOWN
        assert about["STO002"].cause is Cause.VALUE


def test_oddity_16_a_disk_is_reserved_with_or_without_a_vm() -> None:
    for body in recorded(DISK, lambda body: get(body, "properties", "diskState") == "Reserved"):
        edges = alone(body)[0].graph.referrers(arm.key(body.get("managedBy") or "nobody"), DISK)
        assert len(edges) == bool(body.get("managedBy"))


def test_oddity_18_disk_properties_absent_from_a_vm_are_read_from_the_disk() -> None:
    def leaves_out(body: Body) -> bool:
        managed = get(body, "properties", "storageProfile", "osDisk", "managedDisk")
        return bool(managed) and "storageAccountType" not in managed

    for body in recorded(VM, leaves_out):
        attached = body["properties"]["storageProfile"]["osDisk"]
        disk = {"id": attached["managedDisk"]["id"], "sku": {"name": "Premium_LRS"}, "properties": {"diskSizeGB": 64}}
        topology = s.topology(body, disk, scopes=[arm.subscription_of(body["id"])])
        read = fact("vm.os_disk", topology, topology.graph.get(body["id"])).value
        assert isinstance(read, PartialList)
        assert [found.id for found in read.known if isinstance(found, Resource)] == [disk["id"]]
        without, vm = alone(body)
        unread = fact("vm.os_disk", without, vm).value
        assert not (isinstance(unread, PartialList) and unread.complete), "a disk that was not read is unknown"


def test_oddity_18_a_deallocated_vm_has_this_power_state() -> None:
    for body in recorded(VM, lambda body: "PowerState/deallocated" in statuses(body)):
        assert fact("vm.power_state", *alone(body)).value == "deallocated"
        assert finding_of("vm-db-dr", body, "CMP008").outcome is Outcome.FAIL


def test_oddity_19_an_unmanaged_disk_is_said_to_be_one() -> None:
    for body in recorded(VM, lambda body: get(body, "properties", "storageProfile", "osDisk", "vhd")):
        assert finding_of("vm-db-a", body, "STO001").outcome is Outcome.FAIL


def test_oddity_20_a_vm_made_from_a_disk_has_no_os_profile() -> None:
    for body in recorded(VM, lambda body: "osProfile" not in body["properties"]):
        assert value(alone(body)[1], "properties.osProfile.computerName").value is ABSENT


def test_oddity_22_an_answer_of_stubs_is_a_gap_of_each() -> None:
    (stubs, *_) = [
        answer
        for _, answer in answers()
        if isinstance(answer, dict)
        and isinstance(answer.get("value"), list)
        and any(is_resource(body) and "properties" not in body for body in answer["value"])
    ]
    snapshot = arm_json.decode(json.dumps(stubs).encode(), "test")
    without = [body for body in stubs["value"] if "properties" not in body]
    assert {gap.scope for gap in snapshot.gaps} == {body["id"] for body in without}
    graph = Topology(snapshot, ()).graph
    found = graph.get(without[0]["id"])
    assert isinstance(found, Resource)
    assert isinstance(value(found, "properties.anything").value, Unknown)


@pytest.mark.parametrize("first", ["OSState/generalized", "ProvisioningState/succeeded/osProvisioningInProgress"])
def test_oddity_23_the_power_state_is_found_at_any_position(first: str) -> None:
    for body in recorded(VM, lambda body: first in statuses(body)):
        topology, vm = alone(body)
        power = next(code.partition("/")[2] for code in statuses(body) if code.startswith("PowerState/"))
        assert fact("vm.power_state", topology, vm).value == power


def test_oddity_23_without_a_power_state_it_is_not_known() -> None:
    body = json.loads(json.dumps(recorded(VM, statuses)[0]))
    view = body["properties"]["instanceView"]
    view["statuses"] = [status for status in view["statuses"] if not status["code"].startswith("PowerState/")]
    found = fact("vm.power_state", *alone(body)).value
    assert found is ABSENT or isinstance(found, Unknown)


def test_oddity_25_zones_are_absent_or_a_list() -> None:
    assert {fact("vm.zone", *alone(body)).value for body in recorded(VM, lambda body: "zones" in body)} == {"1", "2"}
    assert {fact("vm.zone", *alone(body)).value for body in recorded(VM, lambda body: "zones" not in body)} == {ABSENT}


def test_oddity_26_a_set_without_sku_keeps_no_disks_apart() -> None:
    for body in recorded(AVAILABILITY_SET, lambda body: (get(body, "sku", "name") or "Classic") == "Classic"):
        vm = s.vm("vm", availabilitySet={"id": body["id"]})
        topology = s.topology(body, vm, scopes=[s.SUB, arm.subscription_of(body["id"])])
        assert fact("vm.fault_domain_group", topology, topology.graph.get(vm["id"])).value is ABSENT


def test_oddity_27_security_rules_in_every_spelling_are_understood() -> None:
    spelled = {
        "protocol": lambda rule: rule.get("protocol") in {"tcp", "TCP"},
        "INTERNET": lambda rule: rule.get("sourceAddressPrefix") == "INTERNET",
        "no source": lambda rule: rule.get("sourceAddressPrefix") == "",
        "several ports": lambda rule: bool(rule.get("destinationPortRanges")),
    }
    seen = set()
    for body in recorded(SECURITY_GROUP):
        rules = [rule.get("properties") or {} for rule in get(body, "properties", "securityRules") or ()]
        oddities = {name for name, odd in spelled.items() if any(map(odd, rules))}
        if oddities:
            seen |= oddities
            estate = estates.body_of("trakcare-current")
            graft(estate, "nsg-db-weu", body)
            built = estates.topology("trakcare-current", estate)
            for vm in built.graph.by_type[VM]:
                found = fact("vm.internet_openings", built, vm).value
                assert isinstance(found, PartialList)
                assert not [u for u in found.known if isinstance(u, Unknown) and "malformed" in u.reason], body["id"]
    assert {"protocol", "several ports"} <= seen


def test_oddity_28_a_subnet_may_have_only_the_list_of_prefixes() -> None:
    def only_list(body: Body) -> bool:
        subnets = get(body, "properties", "subnets") or ()
        return any("addressPrefix" not in subnet["properties"] for subnet in subnets)

    for body in recorded(VIRTUAL_NETWORK, only_list):
        for subnet in parts(alone(body)[1], "properties.subnets[*]"):
            one = value(subnet, "properties.addressPrefix").value
            assert isinstance(value(subnet, "properties.addressPrefixes[0]").value if one is ABSENT else one, str)


def test_oddity_32_a_profile_may_have_no_endpoint_and_no_interval() -> None:
    for body in recorded(TRAFFIC_MANAGER, lambda body: not get(body, "properties", "endpoints")):
        assert fact("profile.endpoint_regions", *alone(body)).value == PartialList()
    for body in recorded(TRAFFIC_MANAGER, lambda b: "intervalInSeconds" not in b["properties"]["monitorConfig"]):
        assert value(alone(body)[1], "properties.monitorConfig.intervalInSeconds").value is ABSENT


def test_oddity_33_a_null_next_link_is_no_further_page() -> None:
    body = recorded(VM)[0]
    listed = {arm.subscription_of(body["id"]): [VM]}
    envelope = {"value": [body], "nextLink": None, "listed": listed}
    assert arm_json.decode(json.dumps(envelope).encode(), "test").listed
    with pytest.raises(InputError, match="nextLink"):
        arm_json.decode(json.dumps({**envelope, "nextLink": "https://next"}).encode(), "test")


def test_oddity_34_tags_are_absent_empty_or_there() -> None:
    for body in recorded(VM, lambda body: not body.get("tags")):
        assert tag(alone(body)[1], "iris-role") == ""
    for body in recorded(VM, lambda body: body.get("tags")):
        name, wanted = next(iter(body["tags"].items()))
        assert tag(alone(body)[1], name.upper()) == (wanted if isinstance(wanted, str) else "")


@pytest.mark.parametrize("answer", ["null", '"a text"', "true", '["a text"]', "{}"])
def test_oddity_35_an_answer_without_resources_is_refused(answer: str) -> None:
    with pytest.raises(InputError):
        arm_json.decode(answer.encode(), "test")


def test_an_error_is_never_taken_for_an_empty_list() -> None:
    recorded = [json.loads(path.read_bytes()) for path in sorted(RECORDINGS.glob("errors/*.json"))]
    errors = [*SHAPES["errors"], *(error.get("response", error).get("body") for error in recorded)]
    assert len(errors) > 1
    for error in errors:
        with pytest.raises(InputError):
            arm_json.decode(json.dumps(error).encode(), "error")


def test_no_recorded_body_is_changed_by_reading_it_but_for_its_secrets() -> None:
    layer = next(iter(layers()))
    before = {arm.key(body["id"]): json.dumps(redact(body), sort_keys=True) for body in layer}
    read = [resource for resource in build(layer, []).graph.snapshot.resources if resource.type != SKU]
    assert read
    for resource in read:
        assert json.dumps(resource.body, sort_keys=True) == before[resource.key]


@of_recordings
def test_no_older_answer_has_what_it_is_said_to_lack() -> None:
    early, compared = [], 0
    for version, body in bodies_with_versions():
        declared = TYPES.get(arm.type_of(body["id"]))
        for entry in declared.since if declared else ():
            for path in entry.paths:
                for found in paths.values(body, paths.parse(path)):
                    compared += 1
                    if version < entry.version and found is not ABSENT and type(found) is not paths.WrongType:
                        early.append((body["id"], path, version))
    assert compared > 1000
    assert early == []
