"""Words in the names of VMs and resource groups, and the roles that they suggest."""

from __future__ import annotations

import re
from typing import Final

from auditor.estate.declaration import Role

WHOLE_PRODUCTS: Final = frozenset({"trakcare", "healthshare", "iris"})
NON_PRODUCTION: Final = frozenset(
    ("test", "tst", "dev", "uat", "qa", "stage", "staging", "sandbox", "training", "nonprod", "preprod", "non")
)
HEALTHSHARE: Final = frozenset({"healthshare", "hs"})
HEALTHSHARE_PRODUCTS: Final = {
    "ie": "information-exchange",
    "hie": "information-exchange",
    "pi": "patient-index",
    "hi": "health-insight",
    "pc": "personal-community",
    "hc": "health-connect",
}
PRODUCT_WORDS: Final = frozenset(
    {*HEALTHSHARE, "trak", "trakcare", "iris", "intersystems", "ensemble", "cache", "irishealth"}
)
_GLUED: Final = ("trakcare", "trak", "iris", "cache", "mirror", "vm", "hs")
_KNOWN: Final = re.compile(
    "trakcare|trak|iris|cache|hs|vm|srv|prod|prd|test|tst|dev|uat|dr|db|web|app|print|prn|arbiter|arb|rpt|ie|pi|hi|pc|hc"
)
_RUN_TOGETHER: Final = re.compile(f"(?:{_KNOWN.pattern})+")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

_ROLE_WORDS: Final = (
    (Role.MIRROR_ARBITER, frozenset({"arbiter", "arb"})),
    (Role.PRINT, frozenset({"print", "prn", "prt", "printing", "spooler"})),
    (Role.WEB, frozenset({"web", "csp", "webgateway", "webserver", "apache", "httpd", "nginx", "iis"})),
    (Role.APP, frozenset({"app", "ecp", "application", "appserver"})),
    (Role.MIRROR_REPORTING, frozenset({"report", "reporting", "rpt"})),
    (Role.DB, frozenset({"db", "database", "dbserver", "mirror"})),
    (Role.DB, frozenset({"iris", "ensemble", "irishealth"})),
)
"""The first match counts. Database words come last, since every VM can have the product in its name."""
DR_WORDS: Final = frozenset({"dr", "disaster"})
_PARTNERS: Final = frozenset({"primary", "secondary", "backup", "standby", "failover", "node", "member"})
"""Words in which the names of two failover members may differ."""


def words_of(text: str) -> frozenset[str]:
    """Return the words of a name in lower case, also of `vmDb1`, `PRDTRAKDB01` and `hsie`."""
    found: set[str] = set()
    for word in _WORD.findall(text):
        word = word.lower()  # noqa: PLW2901 - the same word
        found.add(word)
        if _RUN_TOGETHER.fullmatch(word):
            found.update(_KNOWN.findall(word))
        for front in _GLUED:
            if word.startswith(front) and len(word) > len(front):
                found |= {front, word.removeprefix(front)}
    return frozenset(found)


def healthshare_product(words: frozenset[str]) -> str:
    """Return the HealthShare product that words name, "" if they name none."""
    return next((name for word, name in HEALTHSHARE_PRODUCTS.items() if word in words), "")


def stem_of(words: frozenset[str]) -> str:
    """Return what the names of two failover members have in common: `mirrora` and `mirrorb` differ in a letter only."""
    known = {word for word in words if len(word) > 1 and word.isalpha()} - _PARTNERS
    return " ".join(sorted(word for word in known if word[:-1] not in known))


def role_in(words: frozenset[str]) -> Role | None:
    """Return the role that the words of a VM's name suggest."""
    role = next((role for role, known in _ROLE_WORDS if known & words), None)
    return Role.MIRROR_DR if role is Role.DB and DR_WORDS & words else role
