"""Facts of the ports of web servers at which the instances of a mirror listen, and of those that load balancers use."""

from __future__ import annotations

import re
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.estate.ports import GATEWAY_PORTS, PRIVATE_WEB_PORTS
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.load_balancers import referred_to, tcp_port
from auditor.rules.facts.mirror_settings import cpfs
from auditor.rules.facts.mirror_traffic import rules
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Part, Resource

_STARTUP: Final = "properties.startup"
_VERSION: Final = re.compile(r"(\d{4})\.(\d+)")
_WITHOUT_PRIVATE_WEB_SERVER: Final = (2023, 2)
"""The first version whose installations have no private web server; upgrades keep the one that they have."""
_PRIVATE_WEB_PORT: Final = 52773
"""The default of `WebServerPort` before that version."""


@fact("mirror.balanced_ports", "mirror", gives="number*")
def balanced_ports(context: Context, mirror: Mirror) -> Answer:
    """The TCP ports of the failover members to which load-balancing rules lead, without rules for all ports."""
    own = PartialList.of(rules(context, mirror).value)
    ports = [tcp_port(rule) for rule in own.of_type(Part)]
    known = tuple(port.value for port in ports if isinstance(port.value, int | Unknown))
    return Answer(PartialList(known, own.missing), tuple(read for port in ports for read in port.reads))


@fact("mirror.silent_probes", "mirror", gives="probe*")
def silent_probes(context: Context, mirror: Mirror) -> Answer:
    """The HTTP probes of its load-balancing rules that request a port at which a failover member has no web server.

    80 and 443 are taken for the ports of a Web Gateway. 52773 and 57772 are those of private web servers: of a CPF with
    `WebServer` and this `WebServerPort`, and without these keys of IRIS before 2023.2, which has 52773. Whether there
    is a web server at another port, a CPF shows of the private one only.
    """
    found = referred_to(context, PartialList.of(rules(context, mirror).value), "probe")
    probes, members = PartialList.of(found.value), PartialList.of(cpfs(context, mirror).value)
    known: list[object] = []
    reads: list[Read] = []
    for probe in probes.of_type(Part):
        port = _requested(probe)
        reads += port.reads
        if port.value is ABSENT:
            continue
        answers = [_listens(cpf, port.value) if isinstance(cpf, Resource) else Answer(cpf) for cpf in members.known]
        reads += (read for answer in answers for read in answer.reads)
        unknown = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), members.missing)
        if any(answer.value is False for answer in answers):
            known.append(probe)
        elif unknown is not None and port.value not in GATEWAY_PORTS:
            known.append(unknown)
    return Answer(PartialList(tuple(known), probes.missing), tuple(reads))


@fact("cpf.runs_private_web_server", "guest-file", gives="boolean")
def runs_private_web_server(_: Context, cpf: Resource) -> Answer:
    """Whether the instance starts its private web server: `WebServer` in its CPF.

    Without this key it does if it is IRIS before 2023.2. Later, only upgraded instances have one.
    """
    return _runs_private_web_server(cpf)


def _requested(probe: Part) -> Answer:
    """Return the port that an HTTP probe requests; absent if it is a TCP probe."""
    protocol, port = text_at(probe, "properties.protocol"), number_at(probe, "properties.port")
    if isinstance(protocol.value, Unknown):
        return protocol
    if str(protocol.value).lower() not in {"http", "https"}:
        return Answer(ABSENT, protocol.reads)
    return port


def _listens(cpf: Resource, port: object) -> Answer:
    """Return whether the VM of an instance has a web server at a port."""
    if isinstance(port, Unknown) or port in GATEWAY_PORTS:
        return Answer(port if isinstance(port, Unknown) else True)
    runs, own = _runs_private_web_server(cpf), _private_web_port(cpf)
    reads = (*runs.reads, *own.reads)
    if runs.value is True and own.value == port:
        return Answer(True, reads)
    has_another = not isinstance(own.value, Unknown) and own.value != port
    if port in PRIVATE_WEB_PORTS and (runs.value is False or has_another):
        return Answer(False, reads)
    unknown = next((each for each in (runs.value, own.value) if isinstance(each, Unknown)), None)
    reason = f"whether a web server listens at port {port} of the VM of {cpf.id}, its CPF does not show"
    return Answer(unknown or Unknown(Cause.GUEST, reason, about=(cpf.id,)), reads)


def _runs_private_web_server(cpf: Resource) -> Answer:
    reason = f"{cpf.id} has no WebServer, and whether it is 0 or 1 then depends on the first version of the instance"
    return _or_as_before(cpf, value(cpf, f"{_STARTUP}.webServer"), True, reason)


def _private_web_port(cpf: Resource) -> Answer:
    """Return the port of the private web server of an instance, if it runs."""
    found = number_at(cpf, f"{_STARTUP}.webServerPort")
    return _or_as_before(cpf, found, _PRIVATE_WEB_PORT, f"{cpf.id} has no WebServerPort")


def _or_as_before(cpf: Resource, found: Answer, default: object, reason: str) -> Answer:
    """Return a key of the private web server; if it is absent, the default of the versions that always have one."""
    if found.value is not ABSENT:
        return found
    if _had_private_web_server(cpf):
        return Answer(default, found.reads)
    return Answer(Unknown(Cause.GUEST, reason, about=(cpf.id,)), found.reads)


def _had_private_web_server(cpf: Resource) -> bool:
    """Return whether the instance is of a version of IRIS of which every one has a private web server."""
    product, version = (value(cpf, f"properties.configFile.{name}").value for name in ("product", "version"))
    numbers = _VERSION.match(version) if isinstance(version, str) else None
    return (
        product == "IRIS" and numbers is not None and (int(numbers[1]), int(numbers[2])) < _WITHOUT_PRIVATE_WEB_SERVER
    )
