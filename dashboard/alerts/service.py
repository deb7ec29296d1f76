"""Adding and removing alert rules. Each change is checked, recorded and audited in one transaction."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, cast

from dashboard.alerts import store as alerts
from dashboard.alerts.model import EACH, KINDS, OPTIONS, AlertKind, AlertRule
from dashboard.budgets.model import SCOPES, Scope
from dashboard.budgets.store import read_budgets
from dashboard.directory.subjects import entry_of
from dashboard.notifications.channels import read_target, target_of
from ingest.ledger import audit
from ingest.ledger.engine import Connection, Ledger
from ingest.model.invalid import Invalid
from ingest.parse import numbers
from ingest.parse.numbers import NotANumber
from ingest.settings import Settings

_LONGEST_NAME: Final = 120
_MOST_HOURS: Final = 24 * 30
_WHOLE: Final = 100


class AlertRefused(Invalid):
    """A rule that cannot be added or found, or a message that cannot be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRuleOptions:
    """The options of a rule as the user enters them."""

    name: str
    when: str
    """The key of a kind of alert."""
    targets: tuple[str, ...] = ()
    scope: str = "all"
    subject: str | None = None
    budget: str | None = None
    source: str | None = None
    each: str | None = None
    above: str | None = None
    """A number, or a share such as `5%`."""
    after: int | None = None
    """Hours."""


def add_rule(ledger: Ledger, settings: Settings, options: AddRuleOptions, *, by: str, at: int) -> AlertRule:
    """Add a rule, or change the rule that already has the name.

    Raises:
        AlertRefused: an option is invalid.
        TargetRefused: a target is invalid, or a setting that it needs is missing.
        NoSubject: the text cannot be the name of a project or a model.
        NotKnown: the directory has no entry of this name, or several.
    """
    rule = _read(options, settings, by, at)
    with ledger.writing() as connection:
        _require_budget(connection, options.budget)
        subject = entry_of(connection, ledger.keyring, options.scope, options.subject)
        rule = replace(rule, subject=subject)
        _record(connection, rule, "alert add")
    return rule


def remove_rule(ledger: Ledger, name: str, *, by: str, at: int) -> AlertRule:
    """Remove a rule. Messages of its alerts that are not sent yet are given up.

    Raises:
        AlertRefused: there is no rule of that name.
    """
    with ledger.writing() as connection:
        rule = _rule_of(connection, name)
        removed = replace(rule, kind=None, recorded_at=at, recorded_by=by, number=0)
        _record(connection, removed, "alert remove")
        alerts.withdraw(connection, name)
    return removed


def rule_of(ledger: Ledger, name: str) -> AlertRule:
    """The rule of a name.

    Raises:
        AlertRefused: there is no rule of that name.
    """
    with ledger.reading() as connection:
        return _rule_of(connection, name)


def send_again(ledger: Ledger, number: int, *, at: int) -> None:
    """Make a message due again that was given up, is failing, or may not have arrived.

    Raises:
        AlertRefused: there is no such message.
    """
    with ledger.writing() as connection:
        if not alerts.OUTBOX.retry(connection, number, at):
            message = f"there is no message {number} that was given up, failing or in doubt"
            raise AlertRefused("unknown_message", message)


def _rule_of(connection: Connection, name: str) -> AlertRule:
    rules = {rule.name: rule for rule in alerts.read_rules(connection)}
    if name not in rules:
        known = ", ".join(rules) or "none yet"
        raise AlertRefused("unknown_rule", f"there is no rule {name!r}; there are {known}")
    return rules[name]


def _record(connection: Connection, rule: AlertRule, action: str) -> None:
    alerts.add_rule(connection, rule)
    detail = {"kind": rule.kind, "tells": [target_of(target).shown for target in rule.targets]}
    entry = audit.Entry(
        at=rule.recorded_at, by=rule.recorded_by, action=action, subject=rule.name, detail=detail
    )
    audit.note(connection, entry)


def _read(options: AddRuleOptions, settings: Settings, by: str, at: int) -> AlertRule:
    """The rule of the options, still without its subject."""
    name = options.name.strip()
    if not name or len(options.name) > _LONGEST_NAME or not options.name.isprintable():
        message = f"a rule has a name of 1 to {_LONGEST_NAME} characters that can be seen"
        raise AlertRefused("invalid_name", message, "name")
    kind = KINDS.get(options.when)
    if kind is None:
        message = f"there is no {options.when!r}; there are {', '.join(KINDS)}"
        raise AlertRefused("unknown_kind", message, "when")
    _require_fitting(kind, options)
    amount, percent = _limit(kind, options.above)
    return AlertRule(
        name=name,
        kind=kind.key,
        scope=cast("Scope", options.scope),
        budget=options.budget,
        source=options.source,
        each=options.each,
        amount=amount,
        percent=percent,
        hours=options.after,
        targets=tuple(dict.fromkeys(str(read_target(target, settings)) for target in options.targets)),
        recorded_at=at,
        recorded_by=by,
    )


def _require_fitting(kind: AlertKind, options: AddRuleOptions) -> None:
    """Refuse an option that does not apply to the kind, or has an invalid value."""
    for option in OPTIONS:
        if getattr(options, option) is not None and option not in kind.options:
            fitting = " or ".join(other.key for other in KINDS.values() if option in other.options)
            raise AlertRefused("unfitting_option", f"goes with --when {fitting}", option)
    if options.scope not in SCOPES:
        message = f"there is no {options.scope!r}; there are {', '.join(SCOPES)}"
        raise AlertRefused("unknown_scope", message, "scope")
    if options.each is not None and options.each not in EACH:
        message = f"there is no {options.each!r}; there are {', '.join(EACH)}"
        raise AlertRefused("unknown_dimension", message, "each")
    if options.after is not None and not 1 <= options.after <= _MOST_HOURS:
        message = f"{options.after} hours are not between 1 and {_MOST_HOURS}"
        raise AlertRefused("invalid_hours", message, "after")


def _require_budget(connection: Connection, name: str | None) -> None:
    if name is None:
        return
    known = [budget.name for budget in read_budgets(connection)]
    if name not in known:
        message = f"there is no budget {name!r}; there are {', '.join(known) or 'none yet'}"
        raise AlertRefused("unknown_budget", message, "budget")


def _limit(kind: AlertKind, above: str | None) -> tuple[Decimal | None, Decimal | None]:
    """The limit of a rule: an amount and None, or None and a percentage."""
    if above is None:
        return None, None
    is_percent = above.strip().endswith("%")
    try:
        number = numbers.number(above.strip().removesuffix("%"))
    except NotANumber as error:
        message = f"{above!r} is no number; write one such as 100, or a share such as 5%"
        raise AlertRefused("invalid_limit", message, "above") from error
    if number < 0:
        raise AlertRefused("invalid_limit", f"{above!r} is nothing that can be passed", "above")
    if is_percent and (not kind.allows_share or number > _WHOLE):
        message = "of an anomaly an amount of money; of calls and spend an amount or 0% to 100%"
        raise AlertRefused("invalid_limit", message, "above")
    return (None, number) if is_percent else (number, None)
