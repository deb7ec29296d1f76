"""Checks of the settings, and of the time zones of the machine."""

import difflib
import re
from importlib import resources
from pathlib import Path
from typing import Final
from zoneinfo import TZPATH

from dashboard.doctor.model import Case, Findings, trouble, warning
from ingest.model.zone import UnknownZone, Zone, instant
from ingest.parse.currency import known_currency
from ingest.settings import LONG_TOKEN, OTHER_VARIABLES, PREFIX, Settings

LEAST_SECRET: Final = 16
"""Characters from which a secret key cannot be guessed."""
_OLD_YEARS: Final = 2
"""Years after which the rules of zones are old."""


def settings(case: Case) -> Findings:
    """Settings that do not fit, and variables that are no settings."""
    yield from case.faults
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | set(OTHER_VARIABLES)
    for name in sorted(case.environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            (nearest, *_) = [*difflib.get_close_matches(name.upper(), known, 1), ""]
            action = f"call it {nearest}" if nearest else "`tallybook settings` lists the settings; remove it"
            yield warning(f"{name} is no setting, and is not read", action)
    if known_currency(case.settings.currency) is None:
        yield trouble(
            f"TALLYBOOK_CURRENCY={case.settings.currency} is no currency", "set a code such as USD or EUR"
        )
    try:
        Zone(case.settings.timezone or "UTC")
    except UnknownZone as error:
        yield trouble(f"TALLYBOOK_TIMEZONE: {error}", "set it anew, or remove it to keep the ledger's zone")


def access(case: Case) -> Findings:
    """What lets others in who should not come in, or keeps the server from starting."""
    chosen = case.settings
    if not chosen.is_loopback:
        for name in ("admin_token", "secret_key"):
            if getattr(chosen, name) is None:
                variable = f"{PREFIX}{name.upper()}"
                yield trouble(
                    f"TALLYBOOK_HOST={chosen.host} lets others in, and {variable} is not set: "
                    "`tallybook serve` will not start",
                    f"set {variable} to a long random text, or serve on 127.0.0.1",
                )
    token, secret = (
        one.get_secret_value() if one else None for one in (chosen.admin_token, chosen.secret_key)
    )
    if token is not None and len(token) < LONG_TOKEN:
        yield warning(
            f"TALLYBOOK_ADMIN_TOKEN has {len(token)} characters: it may be guessed",
            "make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    if secret is not None and len(secret) < LEAST_SECRET:
        yield warning(
            f"TALLYBOOK_SECRET_KEY has {len(secret)} characters: the hashes of keys may be undone with guesses",
            "keep the ledger from others; a ledger keeps its secret, so choose a longer one for a new ledger",
        )
    if chosen.public_url is not None and not re.match(r"https?://[^/]+", chosen.public_url):
        yield trouble(
            f"TALLYBOOK_PUBLIC_URL={chosen.public_url} is no address",
            "set it as in https://tally.example.com",
        )
    if (chosen.public_url or "").startswith("http://"):
        yield warning(
            "TALLYBOOK_PUBLIC_URL begins with http://: tokens go over the wire in the clear", "use https"
        )
    if chosen.oidc_issuer and not (chosen.oidc_client_id and chosen.oidc_roles):
        yield trouble(
            "TALLYBOOK_OIDC_ISSUER is set without TALLYBOOK_OIDC_CLIENT_ID or TALLYBOOK_OIDC_ROLES: "
            "`tallybook serve` will not start",
            "set both (docs/access.md)",
        )


def zone(case: Case) -> Findings:
    """The ledger's reporting zone, and how old the rules of zones are that this machine has."""
    stored = (case.properties or {}).get("timezone")
    wanted = case.settings.timezone
    if stored and wanted and wanted != stored:
        yield warning(
            f"the ledger reports in {stored}, and TALLYBOOK_TIMEZONE is {wanted}: the next command changes the "
            "days of all reports and makes all rollups again",
            f"set TALLYBOOK_TIMEZONE={stored}, or remove it, unless you want that",
        )
    if stored:
        try:
            Zone(stored)
        except UnknownZone:
            yield trouble(
                f"this machine does not know the ledger's zone {stored}",
                "install its zone data: pip install -U tzdata",
            )
    version = zone_data_version()
    year = instant(case.now).year
    if version and int(version[:4]) <= year - _OLD_YEARS:
        yield warning(
            f"the rules of time zones are those of {version}: midnights since then may be wrong",
            "update the system's tzdata, or pip install -U tzdata",
        )


def zone_data_version() -> str | None:
    """The version of the zone data that are used, such as 2026b; None where they do not say it."""
    for folder in TZPATH:  # the system's data stand before the package's
        if Path(folder, "UTC").exists():
            return _version_in(Path(folder, "tzdata.zi")) or _version_in(Path(folder, "+VERSION"))
    try:
        return _version_in(Path(str(resources.files("tzdata.zoneinfo") / "tzdata.zi")))
    except ModuleNotFoundError:
        return None


def _version_in(path: Path) -> str | None:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            found = re.search(r"\b(20\d\d[a-z]+)\b", file.readline(200))
    except OSError:
        return None
    return found[1] if found else None
