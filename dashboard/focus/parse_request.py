"""Export requests: the days and the profile of an export, parsed from a URL or a command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from dashboard.focus.export_period import Span, read_span
from dashboard.query.question import QuestionError
from ingest.model.zone import Zone

Profile = Literal["chargeback", "provider"]
Version = Literal["1.5", "1.4", "1.2"]
DatasetName = Literal["cost_and_usage", "invoice_detail", "billing_period"]
Form = Literal["csv", "parquet"]
PROFILES: Final[tuple[Profile, ...]] = ("chargeback", "provider")
VERSIONS: Final[tuple[Version, ...]] = ("1.5", "1.4", "1.2")
DRAFTS: Final[tuple[Version, ...]] = ("1.5",)
"""Versions that are working drafts: their columns may change."""
DATASETS: Final[tuple[DatasetName, ...]] = ("cost_and_usage", "invoice_detail", "billing_period")
FORMS: Final[tuple[Form, ...]] = ("csv", "parquet")
ISSUER: Final = "Tallybook"
"""The invoice issuer of the profile `chargeback`, unless the request names another."""

_UTC: Final = Zone("UTC")
_Choice = TypeVar("_Choice", bound=str)


@dataclass(frozen=True)
class ExportScope:
    """The days, the profile, and the names of issuer and accounts on the rows.

    With the profile `chargeback`, the internal platform charges its teams: costs include mark-ups. With
    `provider`, the providers charge the company: costs are the contracted costs.
    """

    span: Span
    profile: Profile = "chargeback"
    issuer: str = ISSUER
    accounts: Mapping[str, str] = field(default_factory=dict)
    """The company's billing account at each provider, for the profile `provider`."""
    is_billed: bool = True
    """False writes a billed cost of 0, for companies that also load the providers' own FOCUS datasets."""
    dataset: DatasetName = "cost_and_usage"


@dataclass(frozen=True)
class ExportOptions:
    """The options of an export, as text."""

    period: str | None = None
    start: str | None = None
    end: str | None = None
    profile: str = "chargeback"
    version: str = "1.4"
    form: str = "csv"
    issuer: str | None = None
    accounts: Sequence[str] = ()
    billed_cost: str = "estimate"
    dataset: str = "cost_and_usage"


@dataclass(frozen=True)
class ExportRequest:
    """The scope, FOCUS version and file format of an export."""

    scope: ExportScope
    version: Version
    form: Form


def read_request(options: ExportOptions, zone: Zone) -> ExportRequest:
    """Parse the options; `zone` is the ledger's. The days of the profile `provider` are days in UTC.

    Raises:
        QuestionError: an option is invalid.
    """
    profile = _one_of("profile", options.profile, PROFILES)
    billed = _one_of("billed_cost", options.billed_cost, ("estimate", "zero"))
    if profile == "chargeback" and (options.accounts or billed == "zero"):
        name = "account" if options.accounts else "billed_cost"
        raise QuestionError("not_of_profile", name, f"{name}: only the profile provider has it")
    if profile == "provider" and options.issuer is not None:
        raise QuestionError(
            "not_of_profile", "issuer", "issuer: in the profile provider, providers issue invoices"
        )
    version = _one_of("version", options.version, VERSIONS)
    scope = ExportScope(
        span=read_span(options.period, options.start, options.end, zone if profile == "chargeback" else _UTC),
        profile=profile,
        issuer=_issuer(options.issuer),
        accounts=_accounts(options.accounts),
        is_billed=billed == "estimate",
        dataset=_dataset(options.dataset, profile, version),
    )
    return ExportRequest(scope, version, _one_of("format", options.form, FORMS))


def _dataset(text: str, profile: Profile, version: Version) -> DatasetName:
    dataset = _one_of("dataset", text, DATASETS)
    if dataset != "cost_and_usage" and profile == "provider":
        message = f"dataset: {dataset} is of the platform's own invoices: the profile chargeback has it"
        raise QuestionError("not_of_profile", "dataset", message)
    if dataset != "cost_and_usage" and version == "1.2":
        message = f"dataset: {dataset} is in FOCUS since 1.4: use version 1.4"
        raise QuestionError("not_of_version", "dataset", message)
    return dataset


def _one_of(parameter: str, text: str, allowed: Sequence[_Choice]) -> _Choice:
    choice = next((value for value in allowed if value == text), None)
    if choice is None:
        choices = " or ".join(allowed)
        raise QuestionError(
            f"unknown_{parameter}", parameter, f"{parameter}: there is no {text!r}; use {choices}"
        )
    return choice


def _issuer(text: str | None) -> str:
    name = ISSUER if text is None else text.strip()
    if not name or not name.isprintable():
        raise QuestionError(
            "invalid_issuer", "issuer", "issuer: write the name of the platform that charges the teams"
        )
    return name


def _accounts(texts: Sequence[str]) -> Mapping[str, str]:
    accounts = {}
    for text in texts:
        provider, sign, account = (part.strip() for part in text.partition("="))
        if not (provider and sign and account):
            raise QuestionError(
                "invalid_account",
                "account",
                f"account: {text!r} is not PROVIDER=ACCOUNT, as in openai=org-123",
            )
        accounts[provider] = account
    return accounts
