"""`tallybook alert`: what is watched, what fired, and who was told."""

import json
import sys
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, cast

from rich.console import Console
from rich.table import Table

from dashboard import alert_listing
from dashboard.alerts.telling import as_json as facts_of
from dashboard.alerts.telling import check, parcel, tell
from dashboard.question import ALL_TIME, SpendQuery
from dashboard.runner import run
from dashboard.sending import NotSent, TargetRefused, read_target, send, target_of
from dashboard.subjects import NoSubject, entry_of
from ingest import numerals
from ingest.alerts import EACH, KINDS, WORDS, AlertRule, Kind
from ingest.budgets import Scope
from ingest.clock import now
from ingest.ledger import alerts, audit, directory
from ingest.ledger.alerts import Alert
from ingest.ledger.budgets import read_budgets
from ingest.ledger.engine import Ledger, open_ledger
from ingest.numerals import NotANumber
from ingest.settings import Settings
from ingest.terminal import explained

WELL: Final = 0
FAILURE: Final = 1
USAGE: Final = 2
_LONGEST: Final = 120
_MOST_HOURS: Final = 24 * 30


class RuleRefused(ValueError):
    """What was asked for is no rule; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `alert add` was asked for."""

    name: str
    when: str
    person: str
    targets: tuple[str, ...] = ()
    scope: str = "all"
    subject: str | None = None
    budget: str | None = None
    source: str | None = None
    each: str | None = None
    above: str | None = None
    hours: int | None = None


def add(asked: Asked) -> int:
    """Record a rule; the exit code."""
    settings = Settings()
    try:
        with open_ledger(settings) as ledger:
            one = read(ledger, settings, asked)
            _keep(ledger, one, "alert add")
            who = [target_of(target).shown for target in one.targets]
            unseen = _unseen(ledger, one.source)
    except (RuleRefused, TargetRefused, NoSubject, directory.NotKnown) as error:
        return _refuse(error)
    told = f"{', '.join(who)} is told" if who else "nobody is told, the page Alerts shows it"
    _say(
        f"{one.name}: when {WORDS[cast('Kind', one.kind)]}, {told}; `tallybook serve` looks once a minute, or `tallybook alert check`{unseen}"
    )
    return WELL


def _unseen(ledger: Ledger, source: str | None) -> str:
    """What is to be known of a source that no call has come from: it may be misspelt."""
    if source is None:
        return ""
    query = SpendQuery(ALL_TIME, ledger.zone.name, ("requests",), ("source",))
    known = sorted(str(row.key[0]) for row in run(ledger, query).rows)
    if source in known:
        return ""
    return f"; no call has come from {source!r} yet, there are {', '.join(known) or 'none'}"


def remove(name: str, person: str) -> int:
    """Take a rule back; the exit code."""
    with open_ledger(Settings()) as ledger:
        with ledger.reading() as connection:
            held = {one.name: one for one in alerts.read_rules(connection)}
        if name not in held:
            return _refuse(
                RuleRefused(f"there is no rule {name!r}; there are {', '.join(held) or 'none yet'}")
            )
        _keep(
            ledger,
            replace(held[name], kind=None, recorded_at=now(), recorded_by=person, number=0),
            "alert remove",
        )
    _say(f"{name} is taken back")
    return WELL


def listed(*, as_json: bool) -> int:
    """Print the rules; the exit code."""
    with open_ledger(Settings()) as ledger:
        rows = alert_listing.rules(ledger)
    if as_json:
        _print({"rules": rows})
        return WELL
    table = _table("Rule", "When", "Of", "Limit", "Tells")
    for row in rows:
        table.add_row(
            row["name"], row["when"], row["of"], row["limit"] or "", ", ".join(row["tells"]) or "nobody"
        )
    _show(table, "no rules; `tallybook alert add NAME --when budget --to smtp:ADDRESS` adds one")
    return WELL


def history(*, as_json: bool, most: int) -> int:
    """Print what fired and who was told; the exit code."""
    with open_ledger(Settings()) as ledger:
        told = alert_listing.told(ledger, most)
        rows = [facts_of(ledger, one.alert) | {"messages": list(one.messages)} for one in told]
    if as_json:
        _print({"alerts": rows})
        return WELL
    table = _table("No.", "Fired", "State", "What", "Told")
    for row in rows:
        who = ", ".join(f"{each['to']} {each['status']}" for each in row["messages"])
        table.add_row(str(row["id"]), row["fired_at"], row["state"], row["title"], who)
    _show(table, "nothing has fired yet")
    return WELL


def check_now(*, as_json: bool) -> int:
    """Look and tell now; the exit code, 1 where a message did not arrive."""
    settings, at = Settings(), now()
    with open_ledger(settings) as ledger:
        fired = check(ledger, at)
        return _told(ledger, fired, tell(ledger, settings, at), as_json=as_json)


def send_due(number: int | None, *, as_json: bool) -> int:
    """Send what is due; the exit code, 1 where a message did not arrive."""
    settings, at = Settings(), now()
    with open_ledger(settings) as ledger:
        if number is not None:
            with ledger.writing() as connection:
                found = alerts.OUTBOX.again(connection, number, at)
            if not found:
                return _refuse(
                    RuleRefused(f"there is no message {number} that was given up, failing or in doubt")
                )
        return _told(ledger, [], tell(ledger, settings, at), as_json=as_json)


def _told(ledger: Ledger, fired: list[Alert], tried: list[int], *, as_json: bool) -> int:
    with ledger.reading() as connection:
        sent = [one for one in alerts.messages(connection) if one.number in tried]
    if as_json:
        _print(
            {
                "fired": [facts_of(ledger, one) for one in fired],
                "messages": [alert_listing.message(one) for one in sent],
            }
        )
    else:
        for alert in fired:
            _say(f"{alert.rule}: {alert.title}\n  {alert.text}")
        for one in sent:
            _say(
                f"message {one.number} to {target_of(one.target).shown}: {one.status}{f', {one.said}' if one.said else ''}"
            )
        if not fired and not sent:
            _say("nothing new is out of line")
    return WELL if all(one.status == "sent" for one in sent) else FAILURE


def test(name: str) -> int:
    """Send a message that says it is a trial to everybody whom a rule tells; the exit code."""
    settings, at = Settings(), now()
    with open_ledger(settings) as ledger:
        with ledger.reading() as connection:
            held = {one.name: one for one in alerts.read_rules(connection)}
        if name not in held:
            return _refuse(
                RuleRefused(f"there is no rule {name!r}; there are {', '.join(held) or 'none yet'}")
            )
        one = held[name]
        trial = Alert(
            number=0,
            rule=name,
            kind=cast("Kind", one.kind),
            scope="all",
            subject=None,
            title=f"{name}: a trial",
            text="This is a trial. Nothing is out of line.",
            facts={},
            fired_at=at,
            ended_at=None,
        )
        failed = 0
        for text in one.targets:
            shown = target_of(text).shown
            try:
                send(read_target(text, settings), parcel(ledger, trial, text), settings)
                _say(f"{shown}: sent")
            except (NotSent, TargetRefused) as error:
                failed += 1
                _say(f"{shown}: {error}")
    if not one.targets:
        _say(f"{name} tells nobody")
    return FAILURE if failed else WELL


def read(ledger: Ledger, settings: Settings, asked: Asked) -> AlertRule:
    """The rule that was asked for.

    Raises:
        RuleRefused: it is none.
        TargetRefused: somebody cannot be told.
        NotKnown: the directory knows nobody, or several, of that name.
    """
    if not asked.name.strip() or len(asked.name) > _LONGEST or not asked.name.isprintable():
        raise RuleRefused(f"NAME: a rule has a name of 1 to {_LONGEST} characters that can be seen")
    if asked.when not in KINDS:
        raise RuleRefused(f"--when: there is no {asked.when!r}; there are {', '.join(KINDS)}")
    kind = asked.when
    _require_fitting(ledger, kind, asked)
    amount, percent = _limits(kind, asked.above)
    with ledger.reading() as connection:
        subject = entry_of(connection, ledger.keyring, asked.scope, asked.subject)
    return AlertRule(
        name=asked.name.strip(),
        kind=kind,
        scope=cast("Scope", asked.scope),
        subject=subject,
        budget=asked.budget,
        source=asked.source,
        each=asked.each,
        amount=amount,
        percent=percent,
        hours=asked.hours,
        targets=tuple(dict.fromkeys(str(read_target(one, settings)) for one in asked.targets)),
        recorded_at=now(),
        recorded_by=asked.person,
    )


_FITS: Final[dict[str, tuple[Kind, ...]]] = {
    "budget": ("budget", "forecast"),
    "source": ("silent",),
    "each": ("anomaly",),
    "above": ("anomaly", "unpriced", "unassigned"),
    "hours": ("silent",),
    "subject": ("budget", "forecast", "anomaly", "unpriced"),
}
"""The kinds that each option means something for."""
_OPTIONS: Final = {"hours": "--after", "subject": "--team and the like"}


def _require_fitting(ledger: Ledger, kind: Kind, asked: Asked) -> None:
    for name, kinds in _FITS.items():
        if getattr(asked, name) is not None and kind not in kinds:
            raise RuleRefused(f"{_OPTIONS.get(name, f'--{name}')}: goes with --when {' or '.join(kinds)}")
    if asked.each is not None and asked.each not in EACH:
        raise RuleRefused(f"--each: there is no {asked.each!r}; there are {', '.join(EACH)}")
    if asked.hours is not None and not 1 <= asked.hours <= _MOST_HOURS:
        raise RuleRefused(f"--after: {asked.hours} hours are not between 1 and {_MOST_HOURS}")
    if asked.budget is not None:
        with ledger.reading() as connection:
            known = [one.name for one in read_budgets(connection)]
        if asked.budget not in known:
            raise RuleRefused(
                f"--budget: there is no budget {asked.budget!r}; there are {', '.join(known) or 'none yet'}"
            )


def _limits(kind: Kind, above: str | None) -> tuple[Decimal | None, Decimal | None]:
    """What is too much: an amount, or a share in percent."""
    if above is None:
        return None, None
    is_percent = above.strip().endswith("%")
    try:
        number = numerals.number(above.strip().removesuffix("%"))
    except NotANumber as error:
        raise RuleRefused(
            f"--above: {above!r} is no number; write one such as 100, or a share such as 5%"
        ) from error
    if number < 0:
        raise RuleRefused(f"--above: {above!r} is nothing that can be passed")
    if is_percent and (kind == "anomaly" or number > 100):  # noqa: PLR2004
        raise RuleRefused(
            "--above: of an anomaly an amount of money; of calls and spend an amount or 0% to 100%"
        )
    return (None, number) if is_percent else (number, None)


def _keep(ledger: Ledger, one: AlertRule, action: str) -> None:
    with ledger.writing() as connection:
        alerts.add_rule(connection, one)
        if not one.stands:
            alerts.withdraw(connection, one.name)
        detail = {"kind": one.kind, "tells": [target_of(target).shown for target in one.targets]}
        entry = audit.Entry(
            at=one.recorded_at, by=one.recorded_by, action=action, subject=one.name, detail=detail
        )
        audit.note(connection, entry)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    return table


def _show(table: Table, nothing: str) -> None:
    if table.row_count:
        Console().print(table)
    else:
        _say(nothing)


def _say(text: str) -> None:
    Console().print(text, highlight=False, markup=False, soft_wrap=True)


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _refuse(error: Exception) -> int:
    Console(stderr=True).print(f"tallybook alert: {explained(error)}", highlight=False, markup=False, soft_wrap=True)
    return USAGE
