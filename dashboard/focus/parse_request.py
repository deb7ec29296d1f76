"""What an export is to hold, and in whose eyes; and how that is read from the words of a URL or a command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from dashboard.focus.export_period import Span, read_span
from dashboard.query.question import QuestionError
from ingest.model.zone import Zone

Profile = Literal["chargeback", "provider"]
Version = Literal["1.4", "1.2"]
Form = Literal["csv", "parquet"]
PROFILES: Final[tuple[Profile, ...]] = ("chargeback", "provider")
VERSIONS: Final[tuple[Version, ...]] = ("1.4", "1.2")
FORMS: Final[tuple[Form, ...]] = ("csv", "parquet")
ISSUER: Final = "Tallybook"
"""Who charges teams, where nobody says what the platform is called."""

_UTC: Final = Zone("UTC")
_Choice = TypeVar("_Choice", bound=str)


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


@dataclass(frozen=True)
class Words:
    """What is asked for, not yet read."""

    period: str | None = None
    start: str | None = None
    end: str | None = None
    profile: str = "chargeback"
    version: str = "1.4"
    form: str = "csv"
    issuer: str | None = None
    accounts: Sequence[str] = ()
    billed_cost: str = "estimate"


@dataclass(frozen=True)
class Asked:
    """What is asked for."""

    order: Order
    version: Version
    form: Form


def read(words: Words, zone: Zone) -> Asked:
    """Read the words; `zone` is the ledger's. Days of the providers' invoices are days in UTC.

    Raises:
        QuestionError: a word is not understood.
    """
    profile = _one_of("profile", words.profile, PROFILES)
    billed = _one_of("billed_cost", words.billed_cost, ("estimate", "zero"))
    if profile == "chargeback" and (words.accounts or billed == "zero"):
        name = "account" if words.accounts else "billed_cost"
        raise QuestionError("not_of_profile", name, f"{name}: only the profile provider has it")
    if profile == "provider" and words.issuer is not None:
        raise QuestionError(
            "not_of_profile", "issuer", "issuer: in the profile provider, providers issue invoices"
        )
    order = Order(
        span=read_span(words.period, words.start, words.end, zone if profile == "chargeback" else _UTC),
        profile=profile,
        issuer=_issuer(words.issuer),
        accounts=_accounts(words.accounts),
        is_billed=billed == "estimate",
    )
    return Asked(order, _one_of("version", words.version, VERSIONS), _one_of("format", words.form, FORMS))


def _one_of(parameter: str, text: str, allowed: Sequence[_Choice]) -> _Choice:
    found = next((one for one in allowed if one == text), None)
    if found is None:
        choices = " or ".join(allowed)
        raise QuestionError(
            f"unknown_{parameter}", parameter, f"{parameter}: there is no {text!r}; use {choices}"
        )
    return found


def _issuer(text: str | None) -> str:
    name = ISSUER if text is None else text.strip()
    if not name or not name.isprintable():
        raise QuestionError("invalid_issuer", "issuer", "issuer: a name of what charges the teams is wanted")
    return name


def _accounts(texts: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for text in texts:
        provider, sign, account = (part.strip() for part in text.partition("="))
        if not (provider and sign and account):
            raise QuestionError(
                "invalid_account",
                "account",
                f"account: {text!r} is not PROVIDER=ACCOUNT, as in openai=org-123",
            )
        found[provider] = account
    return found
