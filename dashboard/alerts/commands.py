"""`tallybook alert`: what is watched, what fired, and who was told."""

from collections.abc import Sequence

from dashboard.alerts import listing
from dashboard.alerts import service as alerts_service
from dashboard.alerts import store as alerts
from dashboard.alerts.notify import as_json as facts_of
from dashboard.alerts.notify import check, send_due_messages, send_trial
from dashboard.alerts.service import AddRuleOptions
from dashboard.alerts.store import Alert
from dashboard.notifications.channels import target_of
from ingest.clock import now
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.invalid import Invalid
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, print_json, refuse, say, show, table


def add(options: AddRuleOptions) -> int:
    """Add a rule; the exit code."""
    settings = Settings()
    try:
        with open_ledger(settings) as ledger:
            rule = alerts_service.add_rule(ledger, settings, options, by=current_user(), at=now())
            unseen = _unseen(ledger, rule.source)
    except (Invalid, NotKnown) as error:
        return _refuse(error)
    targets = ", ".join(target_of(target).shown for target in rule.targets)
    told = f"{targets} is told" if targets else "nobody is told, the page Alerts shows it"
    say(
        f"{rule.name}: when {rule.sentence}, {told}; "
        f"`tallybook serve` looks once a minute, or `tallybook alert check`{unseen}"
    )
    return ExitCode.OK


def _unseen(ledger: Ledger, source: str | None) -> str:
    """A remark on a source that no call has come from: it may be misspelt."""
    if source is None:
        return ""
    known = listing.known_sources(ledger)
    if source in known:
        return ""
    return f"; no call has come from {source!r} yet, there are {', '.join(known) or 'none'}"


def remove(name: str) -> int:
    """Remove a rule; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            alerts_service.remove_rule(ledger, name, by=current_user(), at=now())
    except Invalid as error:
        return _refuse(error)
    say(f"{name} is taken back")
    return ExitCode.OK


def listed(*, as_json: bool) -> int:
    """Print the rules; the exit code."""
    with open_ledger(Settings()) as ledger:
        rows = listing.rules(ledger)
    if as_json:
        print_json({"rules": rows})
        return ExitCode.OK
    printed = table("Rule", "When", "Of", "Limit", "Tells")
    for row in rows:
        tells = ", ".join(row["tells"]) or "nobody"
        printed.add_row(row["name"], row["when"], row["of"], row["limit"] or "", tells)
    show(printed, "no rules; `tallybook alert add NAME --when budget --to smtp:ADDRESS` adds one")
    return ExitCode.OK


def history(*, as_json: bool, most: int) -> int:
    """Print what fired and who was told; the exit code."""
    with open_ledger(Settings()) as ledger:
        told = listing.alerts_with_messages(ledger, most)
        rows = [facts_of(ledger, one.alert) | {"messages": list(one.messages)} for one in told]
    if as_json:
        print_json({"alerts": rows})
        return ExitCode.OK
    printed = table("No.", "Fired", "State", "What", "Told")
    for row in rows:
        who = ", ".join(f"{message['to']} {message['status']}" for message in row["messages"])
        printed.add_row(str(row["id"]), row["fired_at"], row["state"], row["title"], who)
    show(printed, "nothing has fired yet")
    return ExitCode.OK


def check_now(*, as_json: bool) -> int:
    """Look and tell now; the exit code, 1 where a message did not arrive."""
    settings, at = Settings(), now()
    with open_ledger(settings) as ledger:
        fired = check(ledger, at)
        return _print_sent(ledger, fired, send_due_messages(ledger, settings, at), as_json=as_json)


def send_due(number: int | None, *, as_json: bool) -> int:
    """Send what is due; the exit code, 1 where a message did not arrive."""
    settings, at = Settings(), now()
    with open_ledger(settings) as ledger:
        if number is not None:
            try:
                alerts_service.send_again(ledger, number, at=at)
            except Invalid as error:
                return _refuse(error)
        return _print_sent(ledger, [], send_due_messages(ledger, settings, at), as_json=as_json)


def _print_sent(ledger: Ledger, fired: Sequence[Alert], tried: Sequence[int], *, as_json: bool) -> int:
    """Print what fired and what became of the messages that were tried; the exit code."""
    with ledger.reading() as connection:
        sent = [message for message in alerts.read_messages(connection) if message.number in tried]
    if as_json:
        print_json(
            {
                "fired": [facts_of(ledger, alert) for alert in fired],
                "messages": [listing.message_json(message) for message in sent],
            }
        )
    else:
        for alert in fired:
            say(f"{alert.rule}: {alert.title}\n  {alert.text}")
        for message in sent:
            reason = f", {message.said}" if message.said else ""
            say(f"message {message.number} to {target_of(message.target).shown}: {message.status}{reason}")
        if not fired and not sent:
            say("nothing new is out of line")
    return ExitCode.OK if all(message.status == "sent" for message in sent) else ExitCode.FAILURE


def test(name: str) -> int:
    """Send a trial to every target of a rule; the exit code, 1 where it did not arrive."""
    settings = Settings()
    with open_ledger(settings) as ledger:
        try:
            rule = alerts_service.rule_of(ledger, name)
        except Invalid as error:
            return _refuse(error)
        failed = 0
        for target, reason in send_trial(ledger, settings, rule, now()):
            say(f"{target}: {reason or 'sent'}")
            failed += reason is not None
    if not rule.targets:
        say(f"{name} tells nobody")
    return ExitCode.FAILURE if failed else ExitCode.OK


def _refuse(error: Exception) -> int:
    if isinstance(error, Invalid) and error.field == "subject":  # one of several flags
        return refuse("alert", f"--team and the like: {error}")
    return refuse("alert", error, arguments=("name",))
