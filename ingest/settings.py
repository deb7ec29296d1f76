"""Settings: environment variables `TALLYBOOK_*`, read once at the start of a command and passed on."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.pricing.doubts import COST_FACTOR
from ingest.pricing.point import TRUSTED

PREFIX = "TALLYBOOK_"
OTHER_VARIABLES = ("TALLYBOOK_TOKEN", "TALLYBOOK_VIRTUAL_KEY")
"""Variables that are no settings: the token of a program that sends, the key of `import --virtual-key`."""
LONG_TOKEN = 32
"""Characters of an admin token that nobody guesses."""
LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))


class Settings(BaseSettings):
    """All settings. Each field is read from the environment variable `TALLYBOOK_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_url: str = Field(
        default="sqlite:///tallybook.db",
        description="Where the ledger is: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    host: str = Field(default="127.0.0.1", description="The address to serve on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to serve on; 0 picks a free one.")
    timezone: str | None = Field(
        default=None,
        description="The reporting time zone, as an IANA name. "
        "A new ledger starts with it (UTC where unset); changing it makes the rollups again.",
    )
    currency: str = Field(default="USD", description="The reporting currency, as an ISO 4217 code.")
    price_sources: str = Field(
        default=",".join(TRUSTED),
        description="Where prices come from, the most trusted first; sources that are not named come last.",
    )
    computed_costs: str = Field(
        default="",
        description="Sources whose calls count at the computed cost though they report one, or * for all.",
    )
    reported_cost_factor: int = Field(
        default=COST_FACTOR,
        ge=2,
        description="A call whose reported cost is this many times its computed cost, or this small a part of "
        "it, is flagged.",
    )
    max_body_bytes: int = Field(
        default=64 * 2**20, ge=1024, description="The largest request body, before and after unpacking."
    )
    log_format: Literal["json", "console"] | None = Field(
        default=None,
        description="The form of a server's log lines, json or console; json where unset and standard error is "
        "no terminal.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that a server logs: debug, info, warning or error."
    )
    max_memory_bytes: int = Field(
        default=256 * 2**20,
        ge=16 * 2**20,
        description="What the request bodies underway may hold in memory together, in each worker.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="The key of the hashes that stand for virtual keys. "
        "Made and kept beside an embedded ledger (FILE.secret) where unset.",
    )
    admin_token: SecretStr | None = Field(
        default=None, description="What a caller must show. Needed to serve on any address but loopback."
    )
    public_url: str | None = Field(
        default=None,
        description="The address that people open, where something stands before the server: "
        "https://tally.example.com.",
    )
    session_hours: int = Field(
        default=12, ge=1, le=24 * 90, description="Hours after which a browser signs in anew."
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="The provider of identities (OpenID Connect) that people sign in with, "
        "as its issuer's URL.",
    )
    oidc_client_id: str | None = Field(default=None, description="What that provider calls this server.")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="What this server shows to that provider."
    )
    oidc_name: str = Field(
        default="your organisation", description="What the sign-in page calls that provider."
    )
    oidc_claim: str = Field(
        default="groups", description="The claim of that provider that says which groups somebody is in."
    )
    oidc_roles: str = Field(
        default="",
        description="What groups may do: GROUP=SCOPE or GROUP=read:TEAM, separated by commas; "
        "* is everybody.",
    )
    sync_user: str | None = Field(
        default=None, description="The user with which `sync` reads a store whose URL names none."
    )
    sync_password: SecretStr | None = Field(
        default=None,
        description="The password with which `sync` reads a store whose URL holds none. "
        "It is never stored or printed.",
    )

    smtp_url: SecretStr | None = Field(
        default=None,
        description="The server that reports are mailed through: "
        "smtp://USER:PASSWORD@HOST:587 (STARTTLS) or smtps://...:465.",
    )
    mail_from: str = Field(default="tallybook@localhost", description="The sender of mails.")
    webhook_secret: SecretStr | None = Field(
        default=None, description="The key that posts to webhooks are signed with (HMAC-SHA256)."
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK


def faults(error: ValidationError) -> dict[str, str]:
    """What is wrong with settings that do not fit, by name; no value is told, for it may be a secret."""
    return {
        str(fault["loc"][0]): f"{PREFIX}{str(fault['loc'][0]).upper()} does not fit: {fault['msg']}"
        for fault in error.errors()
    }


def sqlite_url(path: Path) -> str:
    """The database URL of an embedded ledger in the file `path`."""
    return f"sqlite:///{path}"
