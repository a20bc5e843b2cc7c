"""The server of the tests with the Azure SDK as the client."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.core.rest import HttpRequest
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential

from auditor import bundled
from tests import estates
from tests.arm import ArmServer, Estate, Identity, Role, Throttle
from tests.arm.asking import (
    API,
    GROUP,
    SCOPE,
    SUBSCRIPTION,
    VMS,
    Body,
    Client,
    ask,
    bare,
    body,
    connected,
    get,
    names,
    pages,
    refusal,
)

pytestmark = pytest.mark.slow

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"


@pytest.fixture
def server(arm_server: ArmServer) -> ArmServer:
    return arm_server


# --- login ------------------------------------------------------------------------------------------------------------


def claims(token: str) -> Body:
    part = token.split(".")[1]
    read: Body = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


def default_token(server: ArmServer, scope: str) -> str:
    """Return the token of DefaultAzureCredential in the current environment."""

    async def log_in() -> str:
        async with DefaultAzureCredential(**connected(server)) as credential:
            return (await credential.get_token(scope)).token

    return asyncio.run(log_in())


def test_a_secret_in_the_environment_logs_in(server: ArmServer) -> None:
    said = claims(default_token(server, server.audience + ".default"))
    identity = server.identity
    assert (said["appid"], said["oid"], said["tid"]) == (identity.client_id, identity.object_id, identity.tenant_id)
    assert said["aud"] == server.audience.rstrip("/")
    assert "upn" not in said


def test_a_federated_token_logs_in(server: ArmServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server.identity = Identity(upn="operator@hospital.example")
    file = tmp_path / "token"
    file.write_text(server.identity.assertion)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
    monkeypatch.setenv(
        "AZURE_AUTHORITY_HOST", server.url
    )  # DefaultAzureCredential does not pass its `authority` to this credential
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    assert claims(default_token(server, server.audience + ".default"))["upn"] == "operator@hospital.example"
    file.write_text("another")
    with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
        default_token(server, server.audience + ".default")


def test_a_managed_identity_logs_in(server: ArmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    monkeypatch.delenv("AZURE_CLIENT_ID")  # with it, a user-assigned identity would be requested
    for name, value in server.managed_identity_environment.items():
        monkeypatch.setenv(name, value)
    token = default_token(server, server.audience + ".default")
    assert claims(token)["oid"] == server.identity.object_id
    monkeypatch.setenv("IDENTITY_HEADER", "another")
    with pytest.raises(ClientAuthenticationError):
        default_token(server, server.audience + ".default")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": "44444444-4444-4444-8444-444444444444"}, "AADSTS700016"),
        ({"tenant_id": "55555555-5555-4555-8555-555555555555"}, "AADSTS90002"),
    ],
)
def test_a_wrong_login_is_refused_as_entra_does(server: ArmServer, changed: dict[str, str], code: str) -> None:
    identity = server.identity
    right = {"tenant_id": identity.tenant_id, "client_id": identity.client_id, "client_secret": identity.secret}

    async def log_in() -> None:
        async with ClientSecretCredential(**{**right, **changed}, **connected(server)) as credential:
            await credential.get_token(server.audience + ".default")

    with pytest.raises(ClientAuthenticationError, match=code):
        asyncio.run(log_in())


def test_no_token_is_given_for_another_audience(server: ArmServer) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS500011"):
        default_token(server, server.url + "/.default")


@pytest.mark.parametrize("tenant", ["common", Identity.tenant_id])
@pytest.mark.parametrize("version", ["/v2.0", ""])
def test_the_login_describes_itself(server: ArmServer, tenant: str, version: str) -> None:
    status, found, _ = bare(server, f"/{tenant}{version}/.well-known/openid-configuration")
    assert status == 200
    assert found["token_endpoint"] == f"{server.url}/{tenant}/oauth2/v2.0/token"


def test_a_cloud_describes_itself_in_the_shape_of_each_version(server: ArmServer) -> None:
    _, oldest, _ = bare(server, "/metadata/endpoints?api-version=2015-01-01")
    _, (older,), _ = bare(server, "/metadata/endpoints?api-version=2019-05-01")
    _, current, _ = bare(server, "/metadata/endpoints?api-version=2022-09-01")
    for cloud in (oldest, older, current):
        assert cloud["authentication"]["loginEndpoint"] == server.url + "/"
        assert cloud["authentication"]["audiences"][0] == server.audience
    assert current["resourceManager"] == server.url + "/"
    assert bare(server, "/metadata/endpoints")[0] == 400


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer another"}, {"Authorization": "Basic x"}])
def test_without_a_token_of_the_login_nothing_is_answered(server: ArmServer, authorization: dict[str, str]) -> None:
    status, found, headers = bare(server, f"/subscriptions?{API}", **authorization)
    assert status == 401
    assert found["error"]["code"] in {"AuthenticationFailed", "InvalidAuthenticationToken"}
    assert f'authorization_uri="{server.url}' in headers["WWW-Authenticate"]


def test_a_token_ends(server: ArmServer) -> None:
    server.token_lifetime = 0
    assert refusal(server, "/subscriptions") == (401, "ExpiredAuthenticationToken")


# --- lists ------------------------------------------------------------------------------------------------------------


def test_subscriptions_and_groups_are_listed_and_read(server: ArmServer) -> None:
    assert [item["subscriptionId"] for item in body(server, "/subscriptions")["value"]] == [SUBSCRIPTION]
    assert body(server, SCOPE)["displayName"]
    assert "rg-trakcare-prod-weu" in names(body(server, f"{SCOPE}/resourcegroups"))
    assert body(server, GROUP.upper())["id"] == GROUP


def test_types_are_listed_by_subscription_and_by_group(server: ArmServer) -> None:
    everywhere, here = body(server, SCOPE + VMS)["value"], body(server, GROUP + VMS)["value"]
    assert 0 < len(here) < len(everywhere)
    assert {item["id"] for item in here} == {item["id"] for item in everywhere if item["id"].startswith(GROUP)}


def test_the_clients_of_the_azure_sdk_read_vms(server: ArmServer) -> None:
    async def question(client: Client) -> list[str]:
        return [str(vm.name) async for vm in client.virtual_machines.list_all()]

    assert ask(server, question) == names(body(server, SCOPE + VMS))


def test_a_vm_has_its_instance_view_only_with_expand(server: ArmServer) -> None:
    vm = f"{GROUP}{VMS}/vm-db-a"
    assert "instanceView" not in body(server, vm)["properties"]
    view = body(server, f"{vm}?$expand=instanceView")["properties"]["instanceView"]
    assert view["statuses"]
    assert body(server, f"{vm}/instanceView") == view
    listed = body(server, SCOPE + VMS)["value"]
    assert not [item for item in listed if "instanceView" in item["properties"]]
    assert refusal(server, f"{SCOPE}{VMS}?$expand=instanceView") == (400, "BadRequest")


def test_a_list_of_states_has_nothing_else(server: ArmServer) -> None:
    for item in (found := body(server, f"{SCOPE}{VMS}?statusOnly=true")["value"]):
        assert set(item) == {"id", "name", "type", "location", "properties"}
        assert item["properties"]["instanceView"].keys() == {"statuses"}
    assert found


def test_the_generic_list_has_no_properties(server: ArmServer) -> None:
    found = body(server, f"{SCOPE}/resources?$filter=resourceType eq 'Microsoft.Compute/virtualMachines'")["value"]
    assert [item["name"] for item in found] == names(body(server, SCOPE + VMS))
    assert not [item for item in found if "properties" in item]
    everything = body(server, f"{SCOPE}/resources?$top=1000")["value"]
    assert len(found) < len(everything)
    assert "Microsoft.Authorization/locks" not in {item["type"] for item in everything}
    assert len(body(server, f"{GROUP}/resources")["value"]) < len(everything)
    assert refusal(server, f"{SCOPE}/resources?$filter=name lt 'x'") == (400, "InvalidFilterInQueryString")
    assert refusal(server, f"{SCOPE}/resources?$filter=tagName eq 'x'") == (400, "InvalidFilterInQueryString")


@pytest.mark.parametrize("type_", ["virtualNetworkGateways", "connections", "localNetworkGateways"])
def test_some_types_are_listed_only_by_group(server: ArmServer, type_: str) -> None:
    assert get(server, f"{SCOPE}/providers/Microsoft.Network/{type_}").status_code == 404
    network = f"{SCOPE}/resourceGroups/rg-trakcare-network/providers/Microsoft.Network/{type_}"
    assert len(body(server, network)["value"]) == (0 if type_ == "localNetworkGateways" else 2)


def test_providers_say_whether_they_are_registered(server: ArmServer) -> None:
    server.estate.unregistered.add("microsoft.devtestlab")
    found = {item["namespace"]: item for item in body(server, f"{SCOPE}/providers")["value"]}
    assert found["Microsoft.DevTestLab"]["registrationState"] == "NotRegistered"
    assert found["Microsoft.Compute"]["registrationState"] == "Registered"
    assert body(server, f"{SCOPE}/providers/microsoft.compute") == found["Microsoft.Compute"]


def test_what_is_not_there_is_refused_in_the_words_of_azure(server: ArmServer) -> None:
    server.estate.unregistered.add("microsoft.devtestlab")
    other = "/subscriptions/99999999-9999-9999-9999-999999999999"
    refusals = {
        f"{SCOPE}{VMS}?api-version=": (400, "MissingApiVersionParameter"),
        other: (404, "SubscriptionNotFound"),
        other + VMS: (404, "SubscriptionNotFound"),
        f"{SCOPE}/resourceGroups/none": (404, "ResourceGroupNotFound"),
        f"{SCOPE}/resourceGroups/none{VMS}": (404, "ResourceGroupNotFound"),
        f"{SCOPE}/resourceGroups/none/resources": (404, "ResourceGroupNotFound"),
        f"{GROUP}{VMS}/none": (404, "ResourceNotFound"),
        f"{GROUP}{VMS}/none/extensions": (404, "ParentResourceNotFound"),
        f"{SCOPE}/providers/Microsoft.Compute/nothings": (404, "InvalidResourceType"),
        f"{SCOPE}/providers/Microsoft.Nothing/nothings": (404, "InvalidResourceNamespace"),
        f"{SCOPE}/providers/Microsoft.Nothing": (404, "InvalidResourceNamespace"),
        f"{SCOPE}/providers/Microsoft.DevTestLab/schedules": (409, "MissingSubscriptionRegistration"),
        f"{SCOPE}{VMS}?$skiptoken=x": (400, "InvalidSkipToken"),
    }
    for path, expected in refusals.items():
        assert refusal(server, path) == expected, path


def test_every_resource_of_the_estate_is_read_by_its_id(server: ArmServer) -> None:
    kept = [item for item in server.estate.resources.values() if "properties" in item]

    async def question(client: Client) -> list[Body]:
        found = []
        for item in kept:
            answer = await client.send_request(HttpRequest("GET", f"{item['id']}?{API}&$expand=instanceView"))
            found.append(answer.json())
        return found

    assert ask(server, question) == kept


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "token"),
    [
        ("Microsoft.Compute/virtualMachines", "&$skiptoken="),
        ("Microsoft.Network/networkInterfaces", "&$skipToken="),
    ],
)
def test_a_long_list_comes_in_pages(server: ArmServer, type_: str, token: str) -> None:
    path = f"{SCOPE}/providers/{type_}"
    whole = names(body(server, path))
    server.page_size = 3
    found = pages(server, path)
    assert [name for page in found for name in names(page)] == whole
    assert [len(page["value"]) for page in found[:-1]] == [3] * (len(found) - 1)
    links = [page["nextLink"] for page in found[:-1]]
    assert links
    assert all(link.startswith(f"{server.url}{path}?{API}{token}") for link in links)


def test_a_list_of_groups_is_paged_too(server: ArmServer) -> None:
    server.page_size = 1
    found = pages(server, f"{SCOPE}/resourcegroups")
    assert len(found) == 3
    assert "%24skiptoken=" in found[0]["nextLink"]


# --- permissions ------------------------------------------------------------------------------------------------------


def test_a_role_on_one_group_trims_lists_and_refuses_the_rest(server: ArmServer) -> None:
    whole = body(server, SCOPE + VMS)["value"]
    server.identity = Identity(roles=(Role(scope=GROUP.upper()),))
    trimmed = body(server, SCOPE + VMS)["value"]
    assert [item["id"] for item in trimmed] == [item["id"] for item in whole if item["id"].startswith(GROUP)]
    assert len(body(server, "/subscriptions")["value"]) == 1
    assert names(body(server, f"{SCOPE}/resourcegroups")) == ["rg-trakcare-prod-weu"]
    assert {item["id"].split("/")[4] for item in body(server, f"{SCOPE}/resources")["value"]} == {GROUP.split("/")[4]}
    (elsewhere, *_) = [item["id"] for item in whole if not item["id"].startswith(GROUP)]
    answer = get(server, elsewhere)
    assert answer.status_code == 403
    said = answer.json()["error"]
    assert said["code"] == "AuthorizationFailed"
    assert "'Microsoft.Compute/virtualMachines/read'" in said["message"]
    assert f"over scope '{elsewhere}'" in said["message"]
    assert server.identity.object_id in said["message"]
    assert refusal(server, elsewhere.rpartition("/")[0]) == (403, "AuthorizationFailed")


def test_a_list_that_may_not_be_read_is_empty_or_refused(server: ArmServer) -> None:
    server.identity = Identity(roles=(Role(not_actions=("Microsoft.Compute/*/read",)),))
    assert body(server, SCOPE + VMS) == {"value": []}
    assert body(server, f"{SCOPE}/providers/Microsoft.Network/loadBalancers")["value"]
    server.trims = False
    assert refusal(server, SCOPE + VMS) == (403, "AuthorizationFailed")
    assert body(server, f"{SCOPE}/providers/Microsoft.Network/loadBalancers")["value"]


def test_who_has_no_role_sees_nothing(server: ArmServer) -> None:
    server.identity = Identity(roles=())
    assert body(server, "/subscriptions") == {"value": [], "count": {"type": "Total", "value": 0}}
    assert refusal(server, SCOPE) == (403, "AuthorizationFailed")
    assert refusal(server, f"{SCOPE}/providers/Microsoft.Compute/skus") == (403, "AuthorizationFailed")


def test_what_the_inventory_could_not_read_is_refused_here_too() -> None:
    with ArmServer(Estate.from_body(estates.body_of("demo"))) as server:
        ((key, _),) = server.estate.denied.items()
        assert refusal(server, key) == (403, "AuthorizationFailed")


def test_permissions_are_listed_at_a_scope(server: ArmServer) -> None:
    here = Role(("Microsoft.Authorization/permissions/read", "Microsoft.Compute/*/read"), scope=GROUP)
    server.identity = Identity(roles=(here, Role(scope=f"{SCOPE}/resourceGroups/rg-trakcare-network")))
    (found,) = body(server, f"{GROUP}/providers/Microsoft.Authorization/permissions")["value"]
    assert found["actions"] == list(here.actions)
    assert refusal(server, f"{SCOPE}/providers/Microsoft.Authorization/permissions") == (403, "AuthorizationFailed")


# --- what providers have beside lists ---------------------------------------------------------------------------------


def test_children_are_listed_below_their_parent(server: ArmServer) -> None:
    extended = next(key for key in server.estate.resources if "/extensions/" in key).rpartition("/")[0]
    assert len(body(server, extended)["value"]) == 1
    zone = f"{SCOPE}/resourceGroups/rg-trakcare-network/providers/Microsoft.Network/dnsZones/hospital.example"
    for collection in ("recordsets", "all", "CNAME"):
        assert [item["name"] for item in body(server, f"{zone}/{collection}")["value"]] == ["trakcare"]
    assert body(server, f"{zone}/A") == {"value": []}
    locks = body(server, f"{GROUP}/providers/Microsoft.Authorization/locks")["value"]
    assert [item["id"].startswith(GROUP) for item in locks] == [True]
    assert len(body(server, f"{SCOPE}/providers/Microsoft.Authorization/locks")["value"]) > 1


def test_backups_are_listed_with_their_filters(server: ArmServer) -> None:
    vault = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv"
    item = f"{vault}/backupFabrics/Azure/protectionContainers/IaasVMContainer;c;rg;vm/protectedItems/VM;c;rg;vm"
    server.estate.add(
        {"id": vault, "name": "rsv", "location": "westeurope", "properties": {}},
        {"id": f"{vault}/backupPolicies/daily", "properties": {"backupManagementType": "AzureIaasVM"}},
        {"id": f"{vault}/backupPolicies/sql", "properties": {"backupManagementType": "AzureWorkload"}},
        {"id": f"{vault}/backupconfig/vaultconfig", "properties": {"softDeleteFeatureState": "Enabled"}},
        {"id": item, "properties": {"backupManagementType": "AzureIaasVM"}},
        {"id": f"{item}/recoveryPoints/1", "properties": {"recoveryPointTime": "2026-10-30T01:00:00.1234567Z"}},
        {"id": f"{item}/recoveryPoints/2", "properties": {"recoveryPointTime": "2026-10-31T13:00:00.1234567Z"}},
    )
    vms = "?$filter=backupManagementType eq 'AzureIaasVM'"
    assert [found["id"] for found in body(server, f"{vault}/backupProtectedItems{vms}")["value"]] == [item]
    assert body(server, f"{vault}/backupProtectedItems?$filter=backupManagementType eq 'MAB'") == {"value": []}
    assert len(body(server, f"{vault}/backupPolicies")["value"]) == 2
    assert len(body(server, f"{vault}/backupPolicies{vms}")["value"]) == 1
    assert body(server, f"{vault}/backupconfig/vaultconfig")["properties"]["softDeleteFeatureState"] == "Enabled"
    days = "startDate eq '2026-10-31 01:00:00 AM' and endDate eq '2026-10-31 01:00:01 PM'"
    (point,) = body(server, f"{item}/recoveryPoints?$filter={days}")["value"]
    assert point["id"].endswith("/2")
    assert len(body(server, f"{item}/recoveryPoints")["value"]) == 2
    assert get(server, f"{item}/recoveryPoints?$filter=startDate eq '2026-10-31'").status_code == 400


def test_shares_lie_two_levels_below_their_account(server: ArmServer) -> None:
    (account,) = body(server, f"{GROUP}/providers/Microsoft.Storage/storageAccounts")["value"]
    files = f"{account['id']}/fileServices/default"
    server.estate.add({"id": files, "name": "default"}, {"id": f"{files}/shares/print", "name": "print"})
    assert names(body(server, f"{account['id']}/fileServices")) == ["default"]
    assert names(body(server, f"{files}/shares")) == ["print"]


def test_sizes_and_usages_are_those_of_a_region(server: ArmServer) -> None:
    whole = body(server, f"{SCOPE}/providers/Microsoft.Compute/skus")["value"]
    found = body(server, f"{SCOPE}/providers/Microsoft.Compute/skus?$filter=location eq 'North Europe'")["value"]
    assert 0 < len(found) < len(whole)
    assert {sku["locations"][0] for sku in found} == {"northeurope"}
    usages = body(server, f"{SCOPE}/providers/Microsoft.Compute/locations/westeurope/usages")["value"]
    assert {usage["name"]["value"] for usage in usages} == {"cores", "standardDDSv5Family", "standardEDSv5Family"}
    assert not any("id" in usage for usage in usages)


def test_each_subscription_has_its_own_numbers_of_the_zones_of_a_region(server: ArmServer) -> None:
    other = SCOPE[:-1] + "2"
    server.estate.add({"id": f"{other}/resourceGroups/rg", "name": "rg", "location": "westeurope", "properties": {}})
    zones = []
    for scope in (SCOPE, other):
        regions = {region["name"]: region for region in body(server, f"{scope}/locations")["value"]}
        assert {region["type"] for region in regions.values()} == {"Region"}
        assert regions["westeurope"]["id"] == f"{scope}/locations/westeurope"
        assert "availabilityZoneMappings" not in regions["westcentralus"]
        old = body(server, f"{scope}/locations?api-version=2021-01-01")["value"]
        assert [region["name"] for region in old if "availabilityZoneMappings" in region] == []
        zones.append({z["logicalZone"]: z["physicalZone"] for z in regions["westeurope"]["availabilityZoneMappings"]})
    assert zones[0].keys() == zones[1].keys() == {"1", "2", "3"}
    assert {*zones[0].values()} == {*zones[1].values()} == {f"westeurope-az{number}" for number in (1, 2, 3)}
    assert zones[0] != zones[1]
    server.identity = Identity(roles=(Role(("Microsoft.Compute/*/read",)),))
    assert refusal(server, f"{SCOPE}/locations") == (403, "AuthorizationFailed")


def test_metrics_are_those_that_the_estate_has(server: ArmServer) -> None:
    load_balancer = f"{GROUP}/providers/Microsoft.Network/loadBalancers/lb-mirror"
    series = [{"metadatavalues": [{"name": {"value": "backendipaddress"}, "value": "10.10.1.4"}], "data": []}]
    server.estate.metrics[load_balancer.lower(), "dipavailability"] = series
    path = f"{load_balancer}/providers/Microsoft.Insights/metrics?metricnames="
    by_address = "&$filter=BackendIPAddress eq '*'"
    (metric,) = body(server, f"{path}DipAvailability{by_address}")["value"]
    assert (metric["name"]["value"], metric["timeseries"]) == ("DipAvailability", series)
    assert refusal(server, path + "Nothing") == (400, "BadRequest")


def test_an_estate_changes_while_it_is_read(server: ArmServer) -> None:
    vm = f"{GROUP}{VMS}/vm-db-a"
    assert body(server, f"{vm}/extensions")["value"]
    server.estate.remove(vm.upper())
    assert refusal(server, vm) == (404, "ResourceNotFound")
    assert "vm-db-a" not in names(body(server, GROUP + VMS))
    server.estate.add({"id": vm, "name": "again", "location": "westeurope", "properties": {}})
    assert names(body(server, GROUP + VMS))[-1] == "again"
    assert body(server, f"{vm}/extensions") == {"value": []}, "its children are removed with it"


def test_an_estate_is_read_from_a_file() -> None:
    read = Estate.from_inventory(bundled.FIXTURES / "demo" / bundled.INVENTORY)
    assert read == Estate.from_body(estates.body_of("demo"))
    assert read.skus
    assert "microsoft.classiccompute/virtualmachines" in read.types


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")
def test_an_estate_is_made_of_recorded_answers() -> None:
    with ArmServer(Estate.from_recordings(RECORDINGS)) as server:
        listed = body(server, "/subscriptions")["value"]
        assert len(listed) > 1
        found = [vm for one in listed for vm in body(server, one["id"] + VMS)["value"]]
        assert len(found) > 50
        group = found[0]["id"].partition("/providers/")[0]
        assert body(server, group)["id"].lower() == group.lower()


def test_an_answer_can_be_given_for_any_path(server: ArmServer) -> None:
    path = f"{SCOPE}/providers/Microsoft.Advisor/recommendations"
    server.estate.answers[path.lower()] = {"value": [{"name": "one"}]}
    assert names(body(server, path)) == ["one"]


# --- the wire ---------------------------------------------------------------------------------------------------------


def test_answers_are_compressed_and_bear_their_ids(server: ArmServer) -> None:
    answer = get(server, SCOPE + VMS)
    assert answer.headers["x-ms-request-id"] != get(server, SCOPE + VMS).headers["x-ms-request-id"]
    assert answer.headers["x-ms-correlation-request-id"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"].isdigit()
    plain = bare(server, "/metadata/endpoints?api-version=1.0", **{"Accept-Encoding": "identity"})[2]
    assert "Content-Encoding" not in plain


def test_an_empty_bucket_throttles_its_subscription(server: ArmServer) -> None:
    server.throttle = Throttle(capacity=2, rate=0.001)
    first, second, third = (get(server, SCOPE) for _ in range(3))
    left = "x-ms-ratelimit-remaining-subscription-reads"
    assert [answer.headers[left] for answer in (first, second, third)] == ["1", "0", "0"]
    assert third.status_code == 429
    assert 900 <= int(third.headers["Retry-After"]) <= 1000
    assert third.json()["error"]["code"] == "SubscriptionRequestsThrottled"
    assert body(server, "/subscriptions"), "the tenant has another bucket"


def test_a_bucket_fills_again(server: ArmServer) -> None:
    server.throttle = Throttle(capacity=1, rate=20)
    get(server, SCOPE)
    time.sleep(0.1)
    assert get(server, SCOPE).status_code == 200


def test_answers_take_their_time(server: ArmServer) -> None:
    server.latency = 0.2
    began = time.monotonic()
    get(server, SCOPE)
    assert time.monotonic() - began >= 0.4, "the login uses it too"


def test_every_request_is_logged(server: ArmServer) -> None:
    get(server, f"{GROUP}{VMS}/none")
    login, request = server.log
    assert (login.method, login.status) == ("POST", 200)
    assert login.path.endswith("/oauth2/v2.0/token")
    assert (request.method, request.path, request.status) == ("GET", f"{GROUP}{VMS}/none", 404)
    assert request.query == API
    assert request.headers["authorization"].startswith("Bearer ")
    assert server.requests == [f"{request.path}?{request.query}"]
