"""Adding and removing alert rules: what is refused, what is recorded, and what the audit log says of it."""

from decimal import Decimal
from typing import Any

import pytest

from dashboard.alerts import store as alerts
from dashboard.alerts.service import AddRuleOptions, AlertRefused, add_rule, remove_rule, rule_of, send_again
from dashboard.directory.subjects import NoSubject
from dashboard.notifications.channels import TargetRefused
from ingest.ledger import audit
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import Ledger
from ingest.settings import Settings
from tests.support.cli import Command
from tests.support.owners import entry

AT = 1_793_900_000_000_000
PLAIN = Settings()


def options(**given: Any) -> AddRuleOptions:
    return AddRuleOptions(**({"name": "Watch", "when": "unpriced"} | given))


def add(ledger: Ledger, **given: Any) -> Any:
    return add_rule(ledger, PLAIN, options(**given), by="ann", at=AT)


def audited(ledger: Ledger) -> list[audit.Entry]:
    """The audit log, oldest first."""
    with ledger.reading() as connection:
        return audit.entries(connection)[::-1]


def test_a_rule_is_recorded_and_audited_by_whom_and_at_what_time_it_is_told(ledger: Ledger) -> None:
    team = entry(ledger, "team", "search")
    target = "webhook:https://pager.example.com/secret"
    rule = add(ledger, scope="team", subject="search", above="5%", targets=(target, target))
    assert (rule.subject, rule.percent, rule.recorded_by, rule.recorded_at) == (
        str(team),
        Decimal(5),
        "ann",
        AT,
    )
    kept = rule_of(ledger, "Watch")
    assert (kept.kind, kept.subject, kept.percent, kept.targets) == (
        "unpriced",
        str(team),
        Decimal(5),
        (target,),
    )
    (noted,) = audited(ledger)
    assert (noted.at, noted.by, noted.action, noted.subject) == (AT, "ann", "alert add", "Watch")
    assert noted.detail == {"kind": "unpriced", "tells": ["webhook:https://pager.example.com/..."]}


def test_a_removed_rule_is_gone_and_audited(embedded: Ledger) -> None:
    add(embedded)
    assert remove_rule(embedded, "Watch", by="bob", at=AT + 1).is_active is False
    removed = audited(embedded)[-1]
    assert (removed.at, removed.by, removed.action, removed.subject) == (
        AT + 1,
        "bob",
        "alert remove",
        "Watch",
    )
    assert removed.detail == {"kind": None, "tells": []}
    with pytest.raises(AlertRefused, match="there is no rule 'Watch'; there are none yet") as refused:
        remove_rule(embedded, "Watch", by="bob", at=AT)
    assert (refused.value.code, refused.value.field) == ("unknown_rule", None)
    with pytest.raises(AlertRefused):
        rule_of(embedded, "Watch")


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"name": " "}, "invalid_name", "name"),
        ({"when": "never"}, "unknown_kind", "when"),
        ({"scope": "moon"}, "unknown_scope", "scope"),
        ({"each": "team"}, "unfitting_option", "each"),
        ({"source": "bifrost"}, "unfitting_option", "source"),
        ({"when": "silent", "scope": "team", "subject": "search"}, "unfitting_option", "subject"),
        ({"when": "anomaly", "each": "moon"}, "unknown_dimension", "each"),
        ({"when": "silent", "after": 0}, "invalid_hours", "after"),
        ({"when": "budget", "budget": "None"}, "unknown_budget", "budget"),
        ({"above": "many"}, "invalid_limit", "above"),
        ({"above": "-1"}, "invalid_limit", "above"),
        ({"above": "101%"}, "invalid_limit", "above"),
        ({"when": "anomaly", "above": "5%"}, "invalid_limit", "above"),
    ],
)
def test_a_refusal_names_its_code_and_field_and_leaves_nothing(
    embedded: Ledger, given: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(AlertRefused) as refused:
        add(embedded, **given)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not refused.value.message.startswith(("-", field.upper()))
    with embedded.reading() as connection:
        assert alerts.read_rules(connection) == []
    assert audited(embedded) == []


def test_a_subject_or_target_that_is_none_is_refused(embedded: Ledger) -> None:
    with pytest.raises(NotKnown):
        add(embedded, scope="team", subject="nobody")
    with pytest.raises(NoSubject) as refused:
        add(embedded, scope="model", subject=" ")
    assert (refused.value.code, refused.value.field) == ("invalid_model", "model")
    with pytest.raises(TargetRefused):
        add(embedded, targets=("pigeon:coop",))
    assert audited(embedded) == []


def test_a_message_that_is_not_there_is_not_sent_again(embedded: Ledger) -> None:
    with pytest.raises(AlertRefused, match="there is no message 7 that was given up") as refused:
        send_again(embedded, 7, at=AT)
    assert refused.value.code == "unknown_message"


def test_the_command_writes_the_audit_entry_of_the_service(embedded: Ledger, tallybook: Command) -> None:
    words = ("--when", "unpriced", "--to", "folder:/tmp/alerts")
    assert tallybook("alert", "add", "Watch", *words).exit_code == 0
    assert tallybook("alert", "remove", "Watch").exit_code == 0
    add(embedded, targets=("folder:/tmp/alerts",))
    remove_rule(embedded, "Watch", by="ann", at=AT)
    kept = [(noted.action, noted.subject, noted.detail) for noted in audited(embedded)]
    assert len(kept) == 4
    assert kept[:2] == kept[2:]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("", "--when", "silent"), "NAME: a rule has a name of 1 to 120 characters that can be seen"),
        (
            ("x", "--when", "silent", "--team", "search"),
            "--team and the like: goes with --when budget or forecast or anomaly or unpriced",
        ),
        (
            ("x", "--when", "silent", "--above", "5"),
            "--above: goes with --when anomaly or unpriced or unassigned",
        ),
        (("x", "--when", "unpriced", "--after", "5"), "--after: goes with --when silent"),
        (
            ("x", "--when", "unpriced", "--model", ""),
            "--model: '' is no model; write its name as calls have it",
        ),
        (
            ("x", "--when", "unpriced", "--to", "smtp:a@example.com"),
            "--to: set TALLYBOOK_SMTP_URL to the server that mails go through",
        ),
    ],
)
def test_the_command_names_the_argument_or_flag_at_fault(
    tallybook: Command, words: tuple[str, ...], said: str
) -> None:
    refused = tallybook("alert", "add", *words)
    assert (refused.exit_code, refused.stderr) == (2, f"tallybook alert: {said}\n")
