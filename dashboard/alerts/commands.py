"""`tallybook alert`: add, list and remove rules, list alerts, and send their messages."""

from collections.abc import Sequence

from dashboard.alerts import listing
from dashboard.alerts import service as alerts_service
from dashboard.alerts import store as alerts
from dashboard.alerts.notify import as_json as alert_json
from dashboard.alerts.notify import check, send_due_messages, send_trial
from dashboard.alerts.service import AddRuleOptions
from dashboard.alerts.store import Alert
from dashboard.notifications.channels import target_of
from ingest.clock import now
from ingest.ledger.engine import Ledger, open_existing, open_ledger, open_to_read
from ingest.model.invalid import Invalid
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, print_json, refuse, say, show, table


def add(options: AddRuleOptions) -> int:
    """Add a rule; return the exit code."""
    settings = Settings()
    try:
        with open_ledger(settings) as ledger:
            rule = alerts_service.add_rule(ledger, settings, options, by=current_user(), at=now())
            unseen = _unseen(ledger, rule.source)
    except Invalid as error:
        return _refuse(error)
    targets = ", ".join(target_of(target).shown for target in rule.targets)
    consequence = f"{targets} is told" if targets else "nobody is told, the page Alerts shows it"
    say(
        f"{rule.name}: when {rule.sentence}, {consequence}; "
        f"`tallybook serve` looks once a minute, or `tallybook alert check`{unseen}"
    )
    return ExitCode.OK


def _unseen(ledger: Ledger, source: str | None) -> str:
    """A remark if the source has no calls yet, because it may be misspelt; else empty."""
    if source is None:
        return ""
    known = listing.known_sources(ledger)
    if source in known:
        return ""
    return f"; no call has come from {source!r} yet, there are {', '.join(known) or 'none'}"


def remove(name: str) -> int:
    """Remove a rule; return the exit code."""
    try:
        with open_existing(Settings()) as ledger:
            alerts_service.remove_rule(ledger, name, by=current_user(), at=now())
    except Invalid as error:
        return _refuse(error)
    say(f"{name} is taken back")
    return ExitCode.OK


def listed(*, as_json: bool) -> int:
    """Print the rules; return the exit code."""
    with open_to_read(Settings()) as ledger:
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
    """Print alerts and their messages; return the exit code."""
    with open_to_read(Settings()) as ledger:
        rows = [
            alert_json(ledger, listed.alert) | {"messages": list(listed.messages)}
            for listed in listing.alerts_with_messages(ledger, most)
        ]
    if as_json:
        print_json({"alerts": rows})
        return ExitCode.OK
    printed = table("No.", "Fired", "State", "What", "Told")
    for row in rows:
        recipients = ", ".join(f"{message['to']} {message['status']}" for message in row["messages"])
        printed.add_row(str(row["id"]), row["fired_at"], row["state"], row["title"], recipients)
    show(printed, "nothing has fired yet")
    return ExitCode.OK


def check_now(*, as_json: bool) -> int:
    """Check the rules and send messages now; return the exit code, 1 if a message did not arrive."""
    settings, at = Settings(), now()
    with open_existing(settings) as ledger:
        fired = check(ledger, at)
        return _print_sent(ledger, fired, send_due_messages(ledger, settings, at), as_json=as_json)


def send_due(number: int | None, *, as_json: bool) -> int:
    """Send the messages that are due; return the exit code, 1 if a message did not arrive."""
    settings, at = Settings(), now()
    with open_existing(settings) as ledger:
        if number is not None:
            try:
                alerts_service.send_again(ledger, number, at=at)
            except Invalid as error:
                return _refuse(error)
        return _print_sent(ledger, [], send_due_messages(ledger, settings, at), as_json=as_json)


def _print_sent(ledger: Ledger, fired: Sequence[Alert], tried: Sequence[int], *, as_json: bool) -> int:
    """Print the alerts that fired and the outcome of the messages that were tried; return the exit code."""
    with ledger.reading() as connection:
        sent = [message for message in alerts.read_messages(connection) if message.number in tried]
    if as_json:
        print_json(
            {
                "fired": [alert_json(ledger, alert) for alert in fired],
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
    """Send a trial to every target of a rule; return the exit code, 1 if a trial did not arrive."""
    settings = Settings()
    with open_existing(settings) as ledger:
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
