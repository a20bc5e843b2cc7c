"""Every format: what is kept of a whole file, and that a damaged or cut one gives nothing that is not certain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.sources.guest import formats, messages_log, text
from tests.sources.guest import samples
from tests.sources.guest.samples import BAD, CACHE, CSP_INI, IRIS, SAMPLES, is_unknown, look, parsed

every_sample = pytest.mark.parametrize("file", SAMPLES)


def damaged(whole: str) -> Iterator[str]:
    """Yield a text with each character deleted, and with each one doubled."""
    for place, character in enumerate(whole):
        yield whole[:place] + whole[place + 1 :]
        yield whole[:place] + character + whole[place:]


def in_quarters(whole: str) -> Iterator[str]:
    return (whole[:place] for place in range(0, len(whole), 7))


# --- how a format is recognised ---------------------------------------------------------------------------------------


@every_sample
def test_name_and_content_show_the_same_format(file: str) -> None:
    assert formats.by_content(SAMPLES[file]) is formats.by_name(file.upper()) is not None


def test_other_text_has_no_format() -> None:
    for other in ("", "#!/bin/sh\nexit 0\n", '{"a": 1}', "[1]", "{", "[Unit]\nDescription=x\n"):
        assert formats.by_content(other) is None
    assert formats.by_name("notes.txt") is None


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@every_sample
def test_encoding_and_line_ends_make_no_difference(file: str, encoding: str, end: str) -> None:
    data = SAMPLES[file].replace("\n", end).encode(encoding)
    assert parsed(file, text.decoded(data)) == parsed(file, SAMPLES[file])


def test_latin_1_is_read_as_such() -> None:
    data = IRIS.replace("/iris/jrn/", "/d\xe9p\xf4t/").encode("latin-1")
    assert look(parsed("iris.cpf", text.decoded(data)), "journal.currentDirectory") == "/d\xe9p\xf4t/"


# --- secrets ----------------------------------------------------------------------------------------------------------


@every_sample
def test_no_secret_of_any_form_is_kept(file: str) -> None:
    whole = SAMPLES[file]
    if file.endswith(".cpf"):
        startup = "PasswordHash=FBFE8593AEFA510C27FD184738D6E865A441DE98,cpfsecret\nPassword=plainsecret\n"
        whole = whole.replace("[Startup]\n", f"[Startup]\n{startup}").replace("[SQL]\n", "[SQL]\nLDAPPassword=secret\n")
    kept = json.dumps(parsed(file, whole).properties).lower()
    for secret in ("secret", "c2vjcmv0", "fbfe8593", "pbkdf2|", "]]]", "cspsystem", "--token"):
        assert secret not in kept
    assert "unread" not in kept


def test_a_password_is_known_by_its_form_alone() -> None:
    found = parsed("CSP.ini", CSP_INI)
    assert look(found, "system.passwordForm") == "hashed"
    forms = [server.get("passwordForm") for server in found.properties["servers"]]
    assert forms == [None, "command", "plain"]
    old = parsed("CSP.ini", CSP_INI.replace("PBKDF2|SHA512|10000|", "1"))
    assert look(old, "system.passwordForm") == "hashed"


def test_lists_in_a_csp_ini_have_several_separators() -> None:
    found = parsed("CSP.ini", CSP_INI.replace("4.20, 10", "4.20+10").replace("1~~~~~~LAB", "1~LAB"))
    assert look(found, "system.systemManager") == ["10.10.4.20", "10.10.4.21"]
    assert next(path for path in found.properties["paths"] if path["path"] == "/lab")["alternatives"] == ["LAB"]


# --- damaged and cut files --------------------------------------------------------------------------------------------


@pytest.mark.slow
@every_sample
def test_no_damaged_or_cut_file_is_an_error(file: str) -> None:
    for changed in (*damaged(SAMPLES[file]), *in_quarters(SAMPLES[file])):
        formats.by_content(changed)
        json.dumps(parsed(file, changed).properties)


@pytest.mark.slow
def test_no_damaged_or_cut_cpf_is_better_than_the_whole_one() -> None:
    mirror = "mirrors[0]"
    absent = [f"{mirror}.definedPrimary", f"{mirror}.virtualAddress", "mirrorMember.virtualAddressInterface"]
    whole = parsed("iris.cpf", BAD)
    assert look(whole, f"{mirror}.arbiter") is ABSENT
    assert all(look(whole, path) is not ABSENT for path in absent)
    for changed in (*damaged(BAD), *in_quarters(BAD)):
        found = parsed("iris.cpf", changed)
        assert all(look(found, path) is not ABSENT for path in absent)
        assert look(found, f"{mirror}.useSsl") is not True
        if look(found, f"{mirror}.guid") is not ABSENT:
            assert look(found, f"{mirror}.arbiter") is ABSENT or is_unknown(found, f"{mirror}.arbiter")


@pytest.mark.parametrize("whole", [IRIS, CACHE], ids=["iris", "cache"])
def test_what_a_cut_cpf_lacks_is_unknown(whole: str) -> None:
    cut = whole[: whole.index("[MapMirrors")]
    found = parsed("iris.cpf", cut)
    assert look(found, "mirrors[0].arbiter.host") == look(parsed("iris.cpf", whole), "mirrors[0].arbiter.host")
    for path in ("mirrorMembers", "journal.currentDirectory", "startup.defaultPort", "config", "ecpServers"):
        assert is_unknown(found, path), path
    middle = parsed("iris.cpf", whole[: whole.index("|2188")])
    assert is_unknown(middle, "mirrors[0].arbiter")
    assert is_unknown(middle, "mirrors[0].definedPrimary")


def test_a_json_file_that_is_cut_is_unknown() -> None:
    for file in ("lsblk.json", "findmnt.json", "VMSnapshotScriptPluginConfig.json"):
        found = parsed(file, SAMPLES[file][:-3])
        assert all(
            is_unknown(found, path) for path in ("devices", "mounts", "settings") if path in "".join(found.unread)
        )
        assert found.unread


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_cpf_of_iris() -> None:
    found = parsed("iris.cpf", IRIS)
    assert found.unread == {}
    (mirror,) = found.properties["mirrors"]
    assert {key: mirror[key] for key in ("name", "layout", "qosTimeout", "useSsl", "arbiter", "compressionAsync")} == {
        "name": "TRAKDB",
        "layout": "iris",
        "qosTimeout": 10000,
        "useSsl": True,
        "arbiter": {"host": "10.10.3.20", "port": 2188},
        "compressionAsync": "system",
    }
    assert "virtualAddress" not in mirror
    assert [(m["name"], m["memberType"], m.get("agentAddress")) for m in found.properties["mirrorMembers"]] == [
        ("TRAKDBA", "0", "10.10.1.11"),
        ("TRAKDBB", "0", "10.10.1.12"),
        ("TRAKDBDR", "2", None),
    ]
    assert found.properties["ecpServers"] == []
    assert found.properties["journal"]["currentDirectory"] == "/iris/jrn/"
    assert found.properties["config"]["globals"] == [0, 0, 98304, 0, 0, 0]
    assert [entry["count"] for entry in found.properties["maps"]] == [2]


def test_a_cpf_of_cache_has_another_layout() -> None:
    found = parsed("cache.cpf", CACHE)
    (mirror,) = found.properties["mirrors"]
    assert found.properties["configFile"]["product"] == "Cache"
    assert mirror["layout"] == "cache"
    assert mirror["arbiter"]["host"] == mirror["arbiter"]["host"]
    assert "compressionAsync" not in mirror


def test_sections_in_any_case_and_unknown_ones_do_not_matter() -> None:
    other = IRIS.replace("[Mirrors]", "[mirrors]").replace("[config]", "[CONFIG]").replace("[SQL]", "[New]\na=b\n[SQL]")
    assert parsed("iris.cpf", other).properties == parsed("iris.cpf", IRIS).properties


def test_keys_that_contradict_each_other_are_unknown() -> None:
    twice = IRIS.replace("DaysBeforePurge=3", "DaysBeforePurge=3\nDaysBeforePurge=0")
    assert is_unknown(parsed("iris.cpf", twice), "journal.daysBeforePurge")


def test_a_mapping_changes_the_hash() -> None:
    one, other = (parsed("iris.cpf", text).properties["maps"] for text in (IRIS, IRIS.replace('"c=d"', '"c=e"')))
    assert one != other


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("[MapMirrors.", "[MapMirors.", "mirrorMembers"),
        ("[MapMirrors.TRAKDB]", "[MapMirrors.TRAKDBB]", "mirrorMembers"),
        ("[MapMirrors.TRAKDB]\n", "[MapMirrors.TRAKDB]", "mirrorMembers"),
        ("[MapMirrors.TRAKDB]", "MapMirrors.TRAKDB]", "mirrorMembers"),
        ("[Mirrors]\nTRAKDB", "[Mirrors]\nTRAKB", "mirrors[0].name"),
        ("[MapMirrors.TRAKDB]", "[MapMirrors.TRAKB]", "mirrors[0].name"),
        ("[Map.TRAKDB]", "[ap.TRAKDB]", "maps"),
        ("[Map.TRAKDB]", "[MapTRAKDB]", "maps"),
        ("jrnalt/\nBackups", "jrnalt/Backups", "journal.alternateDirectory"),
        ("jrn/\nDays", "jrn/Days", "journal.currentDirectory"),
        ("DaysBeforePurge=3", "DaysBeforePurge==3", "journal.daysBeforePurge"),
        ("mgr/\nIRISTEMP", "mgr/IRISTEMP", "databases"),
        ("\n[Namespaces]\n", "\n[Namespaces]", "databases"),
        ("98304,0", "983040", "config.globals"),
        ("DaysBeforePurge=3", "DaysBeforePurge=", "journal.daysBeforePurge"),
        ("AsyncMemberType=0", "AsyncMemberType=", "mirrorMember.asyncMemberType"),
    ],
)
def test_what_a_damaged_line_may_have_moved_is_unread(old: str, new: str, path: str) -> None:
    assert old in IRIS
    content = parsed("iris.cpf", IRIS.replace(old, new, 1))
    assert {"", path, f"{path}[*]"} & content.unread.keys()


@pytest.mark.parametrize("line", ["TRAK=10.0.0.1,19721,1,0", "TRAK=10.0.0.1,1972,,1,0", "TRAK=,1972"])
def test_an_ecp_server_whose_values_may_have_moved_is_unread(line: str) -> None:
    content = parsed("iris.cpf", IRIS.replace("[Databases]", f"[ECPServers]\n{line}\n[Databases]"))
    assert any(path.startswith("ecpServers[0]") for path in content.unread)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("\nLAB=Enabled", "\nLAAB=Enabled", "enabled"),
        ("LAB=Enabled\n", "LAB=Enabled", "enabled"),
        ("Mirror_Aware=1", "Mirror_Aware=", "mirrorAware"),
        ("Password={", "Password=={", "passwordForm"),
    ],
)
def test_a_server_of_a_damaged_index_or_setting_is_unread(old: str, new: str, path: str) -> None:
    assert old in CSP_INI
    content = parsed("CSP.ini", CSP_INI.replace(old, new, 1))
    assert any(own.startswith("servers[") and own.endswith(path) for own in content.unread)


def test_a_path_whose_entry_begins_with_two_slashes_is_unread() -> None:
    content = parsed("CSP.ini", CSP_INI.replace("\n/lab=", "\n//lab="))
    assert any(path.startswith("paths[") and path.endswith("enabled") for path in content.unread)
    assert (
        not parsed("CSP.ini", CSP_INI.replace("\n/lab=", "\n// the lab\n/lab=")).unread.keys()
        - parsed("CSP.ini", CSP_INI).unread.keys()
    )


def test_a_misspelled_alternative_server_is_unread() -> None:
    content = parsed("CSP.ini", CSP_INI.replace("Alternative_Server_0", "Alternative_Servr_0"))
    assert any(path.endswith(".alternatives[*]") for path in content.unread)


def test_both_names_of_mount_points_are_known() -> None:
    for key in ("mountpoint", "mountpoints"):
        device = json.dumps({"blockdevices": [{"name": "sda", "type": "disk", "hctl": "0:0:0:0", key: None}]})
        assert not parsed("lsblk.json", device).unread


def test_a_misspelled_key_or_option_of_json_is_unread() -> None:
    content = parsed("findmnt.json", samples.MOUNTS.replace('"children"', '"childre"', 1))
    assert "mounts[*]" in content.unread
    content = parsed("findmnt.json", samples.MOUNTS.replace("noatime", "noattime", 1))
    assert any(path.endswith(".options") for path in content.unread)
    content = parsed("lsblk.json", samples.DEVICES.replace('"hctl"', '"hct"', 1))
    assert "devices[*]" in content.unread


@pytest.mark.parametrize(
    ("old", "new"), [("rw,noatime", "rwnoatime"), ("rw,noatime", "rw,noatimeattr2"), ("rw,noatime", "rw,?")]
)
def test_options_that_may_be_joined_are_unread(old: str, new: str) -> None:
    content = parsed("findmnt.json", samples.MOUNTS.replace(old, new))
    assert is_unknown(content, "mounts[0].options")


@pytest.mark.parametrize("type_", ["xf", "eext4", "nfs44", "?"])
def test_a_type_of_file_system_that_is_not_known_is_unread(type_: str) -> None:
    content = parsed("findmnt.json", samples.MOUNTS.replace('"xfs"', f'"{type_}"', 1))
    assert any(path.endswith(".type") for path in content.unread)


@pytest.mark.parametrize(
    "password", ["]]REDACTED", "BKDF2|x", "PBKDF2x", "PPBKDF2|x", "PBKDDF2|x", "/opt/show}", "{/opt/show", "?"]
)
def test_a_password_whose_form_may_be_damaged_is_unread(password: str) -> None:
    content = parsed(
        "CSP.ini", CSP_INI.replace("plainsecret", password).replace("PBKDF2|SHA512|10000|c2VjcmV0", password)
    )
    assert {"system.passwordForm", "servers[2].passwordForm"} <= content.unread.keys()


@pytest.mark.parametrize("number", ["6", "1", "116", "166"])
def test_a_version_of_tls_that_is_not_known_is_unread(number: str) -> None:
    content = parsed("CSP.ini", CSP_INI.replace("SSLCC_Protocol_Min=16", f"SSLCC_Protocol_Min={number}"))
    assert any(path.endswith(".tlsMinimum") for path in content.unread)


@pytest.mark.parametrize("address", ["10..0.0.1", "10.0.0", "10.0.0.256", "10.0.0.01", "db..example"])
def test_an_address_that_cannot_be_one_is_unread(address: str) -> None:
    content = parsed("iris.cpf", IRIS.replace("[Databases]", f"[ECPServers]\nTRAK={address},1972\n[Databases]"))
    assert "ecpServers[0].address" in content.unread


def test_a_state_that_metrics_do_not_have_is_unread() -> None:
    content = parsed("metrics.prom", samples.METRICS.replace("failover_ready 1", "failover_ready 11"))
    assert "metrics[*]" in content.unread


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("N/A                N/A\n", "N/A                N/A\n\n", "members[*]"),
        ("|2188\n", "|21", "arbiter.port"),
        ("Arbiter Controlled\n", "Arbiter Controlled", "arbiter.mode"),
        ("Primary    N/A                N/A\n", "Prmary    N/A                N/A\n", "members[0]"),
        ("Active             Caught up\n", "Actve             Caught up\n", "members[1].transfer"),
        ("Active             Caught up\n", "Active             Caughtup\n", "members[1].dejournaling"),
    ],
)
def test_a_status_that_is_damaged_or_cut_is_unread(old: str, new: str, path: str) -> None:
    start, _, rest = samples.STATUS.partition(old)
    content = parsed("mirror-status.txt", start + new + (rest if new.endswith("\n") else ""))
    assert path in content.unread


def test_a_status_without_members_is_unread() -> None:
    content = parsed("mirror-status.txt", re.sub(r"(-{5,}(?: +-{3,})+\n)", r"\1\n", samples.STATUS, count=1))
    assert "members[*]" in content.unread


def test_a_merge_file_is_no_evidence() -> None:
    merge = "[Startup]\nPasswordHash=x\n[Actions]\nConfigMirror:Name=LAB,ArbiterURL=arbiter:2188\n[SQL]\n"
    assert parsed("merge.cpf", merge).properties == {"kind": "merge-cpf"}
    legacy = IRIS.replace("[Startup]\n", "[Startup]\nArbiterURL=arbiter:2188\nMirrorSetName=LAB\n")
    assert "arbiter:" not in json.dumps(parsed("iris.cpf", legacy).properties)


def test_ecp_servers_with_two_and_with_five_values() -> None:
    servers = "[ECPServers]\nOLD=192.168.0.6,41773\nNEW=10.10.1.11,1972,1,1,0\nBROKEN=10.10.1.11\n"
    found = parsed("iris.cpf", IRIS.replace("[Databases]\n", f"{servers}[Databases]\n"))
    old, new, _ = found.properties["ecpServers"]
    assert old == {"name": "OLD", "address": "192.168.0.6", "port": 41773}
    assert (new["mirrorConnection"], new["sslConfig"]) == ("1", True)
    assert is_unknown(found, "ecpServers[2].address")


def test_the_servers_and_paths_of_a_web_gateway() -> None:
    found = parsed("CSP.ini", CSP_INI)
    local, lab, portal = found.properties["servers"]
    assert (lab["mirrorAware"], lab["securityLevel"], lab["tlsMinimum"], lab["verifyPeer"]) == (True, 10, 16, True)
    assert (portal["enabled"], local["address"]) == (False, "127.0.0.1")
    assert look(found, "servers[1].mirrorAware") is True
    assert look(found, "servers[2].mirrorAware") is ABSENT
    assert is_unknown(found, "servers[0].mirrorAware"), "its section is the last one"
    assert found.properties["system"]["systemManager"] == ["10.10.4.20", "10.10.4.21"]
    assert found.properties["paths"][1]["alternatives"] == ["LAB"]


def test_what_scripts_do_is_derived_from_them() -> None:
    found = parsed("VMSnapshotScriptPluginConfig.json", samples.PLUGIN)
    before, after = found.properties["preScript"], found.properties["postScript"]
    assert (before["callsFreeze"], before["callsThaw"], before["exit"]) == (True, False, "by-status")
    assert (after["callsFreeze"], after["callsThaw"], after["exit"]) == (False, True, "hides-failure")
    (config,) = (each for each in formats.FORMATS if each.kind == "backup-scripts")
    assert is_unknown(config.parse(samples.PLUGIN, {}), "preScript.callsFreeze")


def test_the_events_of_a_log() -> None:
    found = parsed("messages.log", samples.LOG).properties
    assert [event["event"] for event in found["events"]] == [
        "suspending",
        "suspended",
        "resuming",
        "resumed",
        "becoming-backup",
        "memory-allocated",
    ]
    assert found["events"][-2]["member"] == "LABB"
    assert found["events"][-1] | {"at": ""} == {
        "at": "",
        "event": "memory-allocated",
        "megabytes": 1211,
        "hugePages": True,
    }
    assert found["lastLine"] == "2026-11-01T01:41:13.398"


@pytest.mark.parametrize(
    ("text", "huge"),
    [
        ("Allocated 390MB shared memory using Huge Pages: 256MB global buffers, 64MB routine buffers", True),
        ("Allocated 206MB shared memory (huge pages): 116MB global buffers", True),
        ("Allocated 256MB shared memory: 128MB global buffers", False),
        ("Allocated 256MB shared memory", False),
        ("Failed to allocate 512MB shared memory using Huge Pages. Startup will retry with standard pages.", None),
    ],
)
def test_the_memory_of_an_instance_may_be_in_huge_pages(text: str, *, huge: bool | None) -> None:
    found = parsed("messages.log", f"11/01/26-01:41:13:398 (1) 0 [Generic.Event] {text}\n")
    assert [event["hugePages"] for event in found.properties["events"]] == ([] if huge is None else [huge])
    assert not found.unread


@pytest.mark.parametrize(
    "text",
    [
        "Allocated 1211MB shared memory uusing Huge Pages",
        "Allocated 1211MB shared memory using Huge Page",
        "Allocated 1211MB shared memory using Huge Pagess",
        "Allocated 1211MB sharedmemory using Huge Pages",
        "Allocated 1211B shared memory: 1MB global buffers",
        "Alocated 1211MB shared memory",
        "Allocated1211MB shared memory",
    ],
)
def test_a_damaged_line_about_memory_makes_events_incomplete(text: str) -> None:
    content = parsed("messages.log", samples.LOG.replace("Allocated 1211MB shared memory using Huge Pages", text))
    assert "events[*]" in content.unread


def test_damaged_lines_about_freezes_make_events_incomplete() -> None:
    whole = samples.LOG
    place = whole.index("System suspended")
    for damaged in (
        whole.replace("System suspended", "System suspendd"),
        whole.replace("03:512 (4711)", "03:512 4711"),
        whole.replace("/20261101.002\n", "/20261101.002").replace("lab-iris | ", ""),
        whole.replace("System suspended\n", "System suspended"),
    ):
        found = parsed("messages.log", damaged)
        assert "suspended" not in {event["event"] for event in found.properties["events"]}
        assert [*found.unread] == ["events[*]"]
    assert not parsed("messages.log", whole[: place + 5]).unread, "a line that is cut shows nothing yet"
    failed = parsed("messages.log", whole.replace("System suspended", "Failed to suspend system"))
    assert not failed.unread


def test_the_start_of_the_vss_writer_with_and_without_the_product() -> None:
    for line in ("VSS Writer started", "InterSystems IRIS VSS Writer started"):
        found = parsed("messages.log", samples.LOG.replace("Backup.General.ExternalThaw: System resumed", line))
        assert [event["event"] for event in found.properties["events"]][3] == "vss-writer-started"


def test_of_many_events_the_last_ones_are_kept_with_their_time() -> None:
    line = "11/01/26-01:{:02}:{:02}:000 (1) 0 [Utility.Event] Backup.General.ExternalFreeze: System suspended\n"
    whole = samples.LOG + "".join(line.format(number // 60, number % 60) for number in range(600))
    found = parsed("messages.log", whole).properties
    assert len(found["events"]) == messages_log.MOST_EVENTS
    assert found["firstLine"] == found["events"][0]["at"] == "2026-11-01T01:01:40.000"


def test_the_list_of_instances() -> None:
    (found,) = parsed("iris-list.txt", samples.LIST).properties["instances"]
    assert (found["superServerPort"], found["webServerPort"], found["status"]) == (1972, 52773, "running")
    assert (found["mirrorMemberType"], found["mirrorStatus"]) == ("Failover", "Primary")


def test_both_layouts_of_the_status_of_a_mirror() -> None:
    new = parsed("mirror-status.txt", samples.STATUS).properties
    assert new["arbiter"] == {"host": "10.10.3.20", "port": 2188, "mode": "arbiter", "connection": "both"}
    assert [(m["name"], m["status"]) for m in new["members"]] == [
        ("LABA", "Primary"),
        ("LABB", "Backup"),
        ("LABDR", "Connected"),
    ]
    old = parsed("mirror-status.txt", samples.STATUS_2020).properties
    assert old["arbiter"]["mode"] == "agent"
    assert [(m["name"], m["status"], m["transfer"]) for m in old["members"]] == [
        ("LABA", "Down", "Disconnected"),
        ("LABB", "Waiting", "Disconnected"),
    ]


def test_only_metrics_of_the_list_are_kept() -> None:
    assert parsed("metrics.prom", samples.METRICS).properties["metrics"] == [
        {"name": "iris_mirror_failover_ready", "value": 1},
        {"name": "iris_mirror_status", "value": 2},
        {"name": "iris_jrn_free_space", "labels": {"id": "primary", "dir": "/iris/jrn/"}, "value": 188000.5},
    ]


def test_devices_with_their_luns() -> None:
    found = {device["name"]: device for device in parsed("lsblk.json", samples.DEVICES).properties["devices"]}
    assert {name: device["lun"] for name, device in found.items() if "lun" in device} == {
        "sdc": 7,
        "sdd": 8,
        "nvme0n4": 2,
    }
    assert [name for name, device in found.items() if device.get("temporary")] == ["sdb", "nvme1n1"]
    assert found["vg-db"]["on"] == ["sdc", "sdd"]


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({"name": "sdb", "hctl": "0:0:0:1"}, {"temporary": True}),
        ({"name": "sdb", "hctl": "1:0:1:0"}, {"temporary": True}),
        ({"name": "sdb", "hctl": "3:0:1:0"}, {"temporary": True}),
        ({"name": "sda", "hctl": "2:0:0:0"}, {"temporary": False}),
        ({"name": "sdc", "hctl": "1:0:0:4"}, {"temporary": False, "lun": 4}),
        ({"name": "sdc", "hctl": "1:0:2:4"}, {}),
        ({"name": "sdc", "hctl": None}, {}),
        ({"name": "nvme0n1", "model": "MSFT NVMe Accelerator v1.0"}, {"temporary": False}),
        ({"name": "nvme0n5", "model": "MSFT NVMe Accelerator v1.0"}, {"temporary": False, "lun": 3}),
        ({"name": "nvme1n1", "model": "Microsoft NVMe Direct Disk v2"}, {"temporary": True}),
        ({"name": "nvme2n1", "model": "Another NVMe"}, {}),
        ({"name": "nvme2n1"}, {}),
    ],
)
def test_whether_a_disk_is_temporary_is_told_only_by_what_is_known(device: dict[str, Any], expected: object) -> None:
    (found,) = parsed("lsblk.json", json.dumps({"blockdevices": [device]})).properties["devices"]
    assert {name: found[name] for name in ("temporary", "lun") if name in found} == expected


def test_file_systems_with_the_options_that_matter() -> None:
    root, share = parsed("findmnt.json", samples.MOUNTS).properties["mounts"]
    assert root == {"target": "/", "source": "/dev/sda2", "type": "xfs", "options": ["rw", "noatime"]}
    assert share == {"target": "/share", "type": "cifs", "options": ["rw"]}


def test_two_scripts_of_one_name_are_not_told_apart() -> None:
    settings = samples.PLUGIN.replace("/etc/azure/after.sh", "/opt/azure/before.sh")
    found = parsed("VMSnapshotScriptPluginConfig.json", settings)
    assert is_unknown(found, "preScript.callsFreeze")
    assert is_unknown(found, "postScript.exit")


def test_a_misspelled_setting_is_unread() -> None:
    for key, path in (("fsFreezeEnabled", "settings.fsFreezeEnabled"), ("preScriptLocation", "preScript.location")):
        settings = samples.PLUGIN.replace("{", '{"fsFreezeEnabled": false,', 1).replace(key, key[1:])
        assert is_unknown(parsed("VMSnapshotScriptPluginConfig.json", settings), path)


def test_a_member_in_trouble_is_read() -> None:
    found = parsed("mirror-status.txt", samples.STATUS.replace("Primary    N/A", "In Trouble  N/A"))
    assert [member["status"] for member in found.properties["members"]] == ["In Trouble", "Backup", "Connected"]
    cut = parsed("mirror-status.txt", samples.STATUS.replace("Status of Mirror", "Status of"))
    assert is_unknown(cut, "at")
