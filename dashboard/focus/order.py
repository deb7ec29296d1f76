"""What an export is to hold, and in whose eyes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from dashboard.focus.span import Span

Profile = Literal["chargeback", "provider"]
Version = Literal["1.4", "1.2"]
PROFILES: Final[tuple[Profile, ...]] = ("chargeback", "provider")
VERSIONS: Final[tuple[Version, ...]] = ("1.4", "1.2")
ISSUER: Final = "Tallybook"
"""Who charges teams, where nobody says what the platform is called."""


@dataclass(frozen=True)
class Order:
    """The days, the profile, and who is named on the rows.

    By the profile `chargeback` the internal platform charges its teams: what a call is charged, mark-ups included. By
    `provider` the providers charge the company: what their contracts make of it.
    """

    span: Span
    profile: Profile = "chargeback"
    issuer: str = ISSUER
    accounts: Mapping[str, str] = field(default_factory=dict)
    """The company's account at each provider, for the profile `provider`."""
    is_billed: bool = True
    """False writes no billed cost, for whoever loads the provider's own dataset as well."""
