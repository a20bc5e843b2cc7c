"""The keys that `auditor discover` proposes from resources beside VMs: entrances, names, firewalls, backups, disks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from auditor import yaml_documents
from auditor.azure.types import VERSIONS
from tests import estates
from tests.estate import subscription as s
from tests.estate.edge import classic_front_door, front_door
from tests.estate.subscription import VNET, Body, arm_id
from tests.test_discover import mirror_pool, proposal

VMS = s.vm("db-a"), s.vm("db-b"), s.vm("iris-web"), s.vm("arbiter"), mirror_pool("db-a", "db-b")
OF_WEB = {"subnet": {"id": f"{VNET}/subnets/default"}}
FRONTEND = f"{arm_id('Network/loadBalancers', 'front')}/frontendIPConfigurations/f"
ADDRESS = s.public("ip", fqdn="here.westeurope.cloudapp.azure.com", address="203.0.113.7", of=FRONTEND)


def front(address: Body | None = ADDRESS) -> tuple[Body, ...]:
    """Return a load balancer before the web server, public if it has an address, and the server's interface."""
    rule = {**s.to("front", "pool"), "frontendPort": 443, "backendPort": 443, "protocol": "Tcp"}
    place: Body = {"publicIPAddress": {"id": address["id"]}} if address else OF_WEB
    load_balancer = s.load_balancer(
        "front",
        {"pool": s.by_nic("iris-web-nic")},
        {"rule": {**rule, "frontendIPConfiguration": {"id": FRONTEND}}},
        frontendIPConfigurations=[{"id": FRONTEND, "name": "f", "properties": place}],
    )
    nic = s.nic("iris-web-nic", vm="iris-web", address="10.0.0.5")
    return load_balancer, nic, *([address] if address else ())


def network(**properties: Any) -> Body:
    return s.network(subnets=[{"id": f"{VNET}/subnets/default", "name": "default", "properties": properties}])


def proposed(*bodies: Body) -> tuple[dict[str, Any], str]:
    """Return the proposed deployment beside the usual VMs, and the text of the proposal."""
    text = proposal(*VMS, *bodies, apiVersion=VERSIONS).text
    value: Any = yaml_documents.parse(text.encode(), "proposed").value
    return value["deployments"][0], text


def test_what_nothing_shows_is_a_comment_with_its_hint_and_in_the_closing_list() -> None:
    found, text = proposed()
    assert found.keys().isdisjoint({"entrance", "connectivity", "dns", "firewall", "keyVaults", "backup"})
    for hint in ("    # entrance: private", "    # connectivity: none", "    # backup: {strategy: third-party"):
        assert hint in text
    assert "# dns" not in text
    assert "# firewall" not in text
    assert text.splitlines()[-3].endswith(", the entrance, the connectivity, the backup")


# --- how users reach it -----------------------------------------------------------------------------------------------


def test_a_public_entrance_is_the_way_of_users_and_has_no_firewall_by_itself() -> None:
    found, text = proposed(*front())
    assert (found["entrance"], found["connectivity"]) == ("internet", ["internet"])
    assert "entrance: internet  # likely: reached by a public IP address of front" in text
    assert "    # firewall: none  # nothing was found that filters the traffic of front: or appliance" in text
    assert "    # dns: NAME  # no record of a DNS zone that was read leads to it" in text
    assert text.splitlines()[-3].endswith(", the domain name of the users, the backup, the firewall")
    assert "entrance" not in proposed(*front(None))[0]


@pytest.mark.parametrize(
    ("body", "ways", "why"),
    [
        ("IPsec", ["vpn"], "likely: connected by c"),
        ("ExpressRoute", ["expressroute"], "likely: connected by c"),
        ("Vnet2Vnet", None, ""),
        ("clients", ["vpn"], "guess: VPN clients reach gw"),
    ],
)
def test_connections_of_the_gateways_of_its_networks_show_the_connectivity(
    body: str, ways: list[str] | None, why: str
) -> None:
    clients = {"vpnClientAddressPool": {"addressPrefixes": ["172.16.0.0/24"]}} if body == "clients" else None
    own = s.network_gateway("gw", vpnClientConfiguration=clients)
    link = s.resource(
        "Network/connections",
        "c",
        connectionType=body,
        connectionStatus="Unknown",
        virtualNetworkGateway1={"id": own["id"]},
    )
    found, text = proposed(*front(None), network(), own, *([] if body == "clients" else [link]))
    assert found.get("connectivity") == ways
    assert why in text


ZONE = s.resource("Network/dnszones", "hospital.example", zoneType="Public")
PROFILE = s.profile("tm", {"targetResourceId": ADDRESS["id"]}, dnsConfig={"fqdn": "tm.trafficmanager.net"})


def record(name: str, zone: str = "hospital.example", **properties: Any) -> Body:
    return s.resource(
        "Network/dnszones", f"{zone}/{'CNAME' if 'CNAMERecord' in properties else 'A'}/{name}", **properties
    )


@pytest.mark.parametrize(
    ("records", "names"),
    [
        ([record("iris", CNAMERecord={"cname": "TM.trafficmanager.net."})], ["iris.hospital.example"]),
        ([record("iris", CNAMERecord={"cname": "here.westeurope.cloudapp.azure.com"})], ["iris.hospital.example"]),
        ([record("iris", ARecords=[{"ipv4Address": "203.0.113.7"}])], ["iris.hospital.example"]),
        ([record("@", targetResource={"id": PROFILE["id"].upper()})], ["hospital.example"]),
        (
            [
                record("iris", CNAMERecord={"cname": "www.hospital.example"}),
                record("www", targetResource={"id": ADDRESS["id"]}),
            ],
            ["iris.hospital.example", "www.hospital.example"],
        ),
        ([record("*", CNAMERecord={"cname": "tm.trafficmanager.net"})], None),
        ([record("mail", ARecords=[{"ipv4Address": "203.0.113.8"}])], None),
        (
            [
                record("a", CNAMERecord={"cname": "b.hospital.example"}),
                record("b", CNAMERecord={"cname": "a.hospital.example"}),
            ],
            None,
        ),
        ([record("iris", CNAMERecord={"cname": 5}, ARecords="none")], None),
    ],
    ids=["profile", "fqdn", "address", "apex", "alias", "wildcard", "another", "circle", "malformed"],
)
def test_names_whose_records_lead_to_it_are_those_of_users(records: list[Body], names: list[str] | None) -> None:
    assert proposed(*front(), PROFILE, ZONE, *records)[0].get("dns") == names


def test_of_the_names_those_count_that_lead_to_both_regions() -> None:
    here = record("west", ARecords=[{"ipv4Address": "203.0.113.7"}])
    everywhere = record("iris", CNAMERecord={"cname": "tm.trafficmanager.net"})
    assert proposed(*front(), PROFILE, ZONE, here, everywhere)[0]["dns"] == ["iris.hospital.example"]


@pytest.mark.parametrize(
    "door",
    [
        front_door("fd", {"hostName": "here.westeurope.cloudapp.azure.com"}),
        [classic_front_door("fd-abc.z01", {"address": "here.westeurope.cloudapp.azure.com"})],
    ],
    ids=["Front Door", "classic"],
)
def test_a_front_door_is_the_entrance_and_users_have_the_names_that_lead_to_it(door: list[Body]) -> None:
    found, text = proposed(*front(), *door, ZONE, record("iris", CNAMERecord={"cname": "FD-abc.z01.azurefd.net."}))
    assert (found["entrance"], found["connectivity"]) == ("front-door", ["internet"])
    assert found["dns"] == ["iris.hospital.example"]
    assert "likely: reached by fd" in text


def test_a_name_in_a_private_zone_is_none_of_users() -> None:
    private = s.resource("Network/dnszones", "hospital.example", zoneType="Private")
    assert "dns" not in proposed(*front(), private, record("iris", ARecords=[{"ipv4Address": "203.0.113.7"}]))[0]


def accepting(*hosts: str) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        body["value"] = [item for item in body["value"] if "dnszones" not in item.get("id", "")]
        estates.find(body, "agw-trakcare")["properties"]["httpListeners"][0]["properties"]["hostNames"] = list(hosts)

    return change


@pytest.mark.parametrize(
    ("hosts", "line"),
    [
        (
            ["trakcare-current.trafficmanager.net"],
            "- trakcare-current.trafficmanager.net  # likely: the name of tm-trakcare, which agw-trakcare accepts\n",
        ),
        (
            ["a.example.org"],
            "# dns: a.example.org  # no record of a DNS zone that was read leads to it; agw-trakcare accepts",
        ),
        ([], "# dns: NAME  # no record of a DNS zone that was read leads to it\n"),
    ],
)
def test_without_a_zone_the_names_that_an_application_gateway_accepts_are_hints(hosts: list[str], line: str) -> None:
    assert line in changed(accepting(*hosts))


def changed(*changes: Callable[[Body], object], name: str = "trakcare-current") -> str:
    """Return the proposal for a changed known-good deployment."""
    body = estates.body_of(name)
    for change in changes:
        change(body)
    return proposal(*body["value"], listed=body["listed"]).text


# --- what protects it -------------------------------------------------------------------------------------------------


def behind(hop: str) -> tuple[Body, ...]:
    """Return the network of the web server with a default route to an address."""
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": hop}
    table = s.resource("Network/routeTables", "rt", routes=[{"name": "r", "properties": route}])
    return network(routeTable={"id": table["id"]}), table


def test_a_route_to_an_appliance_is_a_firewall_by_guess() -> None:
    found, text = proposed(*front(), *behind("10.0.9.4"))
    assert found["firewall"] == "appliance"
    assert "firewall: appliance  # guess: routes lead from front to an appliance that is no Azure Firewall" in text


def test_the_firewall_is_the_azure_firewall_if_there_is_one_beside_a_waf() -> None:
    assert "    firewall: azure-firewall  # likely: an Azure Firewall filters the traffic of lb-web, lb-web-dr" in (
        changed(name="trakcare-2018")
    )


def without_backups(body: Body) -> None:
    body["value"] = [item for item in body["value"] if "/protectedItems/" not in item.get("id", "")]


def share(name: str) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        account = estates.find(body, "sttrakcareweu")["id"]
        body["value"].append({"id": f"{account}/fileServices/default/shares/{name}", "name": name, "properties": {}})

    return change


@pytest.mark.parametrize(
    ("changes", "strategy"),
    [
        ([], "azure-backup  # likely: database servers are protected in rsv-trakcare-neu, rsv-trakcare-weu"),
        ([share("backups")], "azure-backup  # likely"),
        ([share("online-backups")], "online  # guess: sttrakcareweu has a share online-backups; VMs are protected in"),
        ([without_backups, share("iris-backup")], "online  # guess: sttrakcareweu has a share iris-backup\n"),
    ],
)
def test_protected_items_and_shares_named_for_backups_show_how_databases_are_backed_up(
    changes: list[Callable[[Body], None]], strategy: str
) -> None:
    text = changed(*changes)
    assert f"    backup:\n      strategy: {strategy}" in text
    own = "account" if "online" in strategy else "vault"
    assert f"\n      {own}: " in text


def test_without_protected_items_and_shares_the_backup_is_open() -> None:
    text = changed(without_backups, share("documents"))
    assert "    # backup: {strategy: third-party, product: NAME}  # no vault protects a database server" in text
    assert "the disks of mirror trakcare, the backup" in text


def test_key_vaults_have_those_that_use_them() -> None:
    vault = 'Microsoft.KeyVault/vaults/kv-trakcare-weu"  # likely: used by agw-trakcare, des-trakcare-weu'
    assert vault in changed()


# --- mirrors ----------------------------------------------------------------------------------------------------------


def rules(*ports: int) -> Body:
    """Return the load balancer of the mirror with rules for some ports."""
    own = {str(port): {**s.to("lb", "pool", probe="probe"), "backendPort": port, "protocol": "Tcp"} for port in ports}
    probe = {"protocol": "Http", "requestPath": "/csp/bin/mirror_status.cxw", "port": 80}
    return s.load_balancer("lb", {"pool": s.by_nic("db-a-nic", "db-b-nic")}, own, {"probe": probe})


@pytest.mark.parametrize(
    ("ports", "found", "line"),
    [
        ([1972], None, ""),
        ([1972, 5000, 57772], [5000, 57772], "          - 5000  # likely: the port of a rule of lb"),
        (
            [5000],
            None,
            "        # superserver: 5000  # lb sends traffic to port 5000: which one is the superserver port",
        ),
    ],
)
def test_the_other_ports_of_a_mirror_are_those_of_load_balancing_rules(
    ports: list[int], found: list[int] | None, line: str
) -> None:
    text = proposal(s.vm("db-a"), s.vm("db-b"), rules(*ports)).text
    value: Any = yaml_documents.parse(text.encode(), "proposed").value
    assert value["deployments"][0]["mirrors"][0].get("ports") == found
    assert line in text
    assert ("the superserver port of mirror" in text) is (ports == [5000])


def pair(*names: str, tags: Body | None = None) -> list[Body]:
    return [s.vm(f"iris-db-{x}", disks=[f"iris-db-{x}-{name}" for name in names], tags=tags) for x in "ab"]


@pytest.mark.parametrize(
    ("vms", "disks", "more"),
    [
        (
            pair("install", "database", "jrn1", "jrn2", "wij"),
            {"installation": [0], "database": [1], "journal": [2, 3], "wij": [4]},
            [],
        ),
        (pair("data0", "journal", "altjournal"), {"journal": [1], "alternate": [2]}, []),
        (pair("x", "y", tags={"lun0": "WIJ", "LUN1": "journal"}), {"wij": [0], "journal": [1]}, []),
        (
            pair("x"),
            {"journal": [0]},
            [s.resource("Compute/disks", f"iris-db-{x}-x", top={"tags": {"use": "journal"}}) for x in "ab"],
        ),
        (pair("data0", "data1"), None, []),
        ([s.vm("iris-db-a", disks=["a-journal"]), s.vm("iris-db-b", disks=["b-wij"])], None, []),
        (pair(), None, []),
    ],
)
def test_disks_are_told_by_names_and_tags_that_agree(vms: list[Body], disks: Any, more: list[Body]) -> None:
    text = proposal(*vms, *more).text
    value: Any = yaml_documents.parse(text.encode(), "proposed").value
    assert value["deployments"][0]["mirrors"][0].get("disks") == disks
    has_disks = bool(vms[0]["properties"]["storageProfile"]["dataDisks"])
    assert ("        # disks: {journal: [LUN], wij: [LUN]}  # no name or tag says" in text) is (has_disks and not disks)
    assert ("the disks of mirror iris" in text) is (has_disks and not disks)


def test_an_arbiter_that_was_not_found_may_be_outside_of_azure() -> None:
    text = proposal(s.vm("iris-db-a"), s.vm("iris-db-b")).text
    assert "        # arbiter: none  # none was found: or {address: NAME}, if it is outside of Azure" in text
    assert "arbiter of mirror iris, in Azure or outside of it" in text.splitlines()[-3]
