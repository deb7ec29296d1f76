"""Mappings: any table becomes events, exactly, or says in which column and why not."""

import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import formats
from ingest.formats import redaction
from ingest.framing import RawRecord
from ingest.intake.decode import Context, Decoder
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import Entry
from ingest.mapping import MappingError, TableMapping, load, reader, source_of
from ingest.mapping.numbers import Notation
from ingest.mapping.targets import COSTS, FIELDS, KINDS
from ingest.mapping.timestamps import NotATimestamp, TimestampNotation
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.money import to_pico
from ingest.model.rejection import PassedOver, Refused
from ingest.pricing.book import Book

WHEN = 'occurred_at = "when"\n'
AT = "2026-10-01T12:00:00Z"


def mapped(text: str = "", event: str = "", top: str = "") -> TableMapping:
    return TableMapping(f'source = "sheet"\n{top}\n[event]\n{WHEN}{event}\n{text}', "map.toml")


def read(mapping: TableMapping, **row: Any) -> UsageEvent:
    raw = json.dumps({"when": AT, **row}).encode()
    return formats.read(raw, mapping.format)


def refused(mapping: TableMapping, **row: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        read(mapping, **row)
    return caught.value


def micros(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000


# What can be mapped


def test_every_field_of_an_event_can_be_mapped_or_says_where_it_comes_from() -> None:
    from ingest.mapping.targets import _NOT_MAPPED

    assert set(FIELDS.values()) | set(_NOT_MAPPED) == set(UsageEvent.__struct_fields__)
    assert {*COSTS, "believed_zero"} == set(ReportedCost.__struct_fields__)


VALUES: dict[str, Any] = {
    "text": "x",
    "count": "0",
    "flag": "yes",
    "status": "error",
    "time": AT,
    "duration": "2",
}


@pytest.mark.parametrize("target", [one for one in KINDS if one != "occurred_at"])
def test_every_target_is_filled(target: str) -> None:
    unit = ', unit = "s"' if KINDS[target] == "duration" else ""
    event = read(mapped(event=f'{target} = {{ column = "c"{unit} }}'), c=VALUES[KINDS[target]])
    wanted = {
        "text": "x",
        "count": 0,
        "flag": True,
        "status": "error",
        "time": micros(AT),
        "duration": 2_000 if target in {"audio", "video"} else 2_000_000,
    }
    assert getattr(event, FIELDS[target]) == wanted[KINDS[target]]


def test_a_row_becomes_an_event() -> None:
    mapping = mapped(
        event='event_id = ["doc", "line"]\nmodel = "m"\ninput_tokens = { column = "in", unit = "thousand" }\n'
        'output_tokens = "usage.out"\nlatency = { column = "took", unit = "s" }\nvirtual_key = "key"',
        text='[labels]\nfeature = "f"\n[cost]\ncurrency = "EUR"\nunit = "cent"\ntotal = "price"\n'
        'input = { column = "in_price", unit = "micro" }',
    )
    event = read(
        mapping, doc="a:b", line=7, m="gpt-4o", **{"in": "1.5"}, usage={"out": 20}, took="0.25", key="sk-1", f=5,
        price="1.23456789", in_price=1234,
    )  # fmt: skip
    assert (event.source, event.source_event_id) == ("sheet", "a\\:b:7")
    assert (event.occurred_at, event.provider, event.model) == (micros(AT), "openai", "gpt-4o")
    assert (event.input_tokens, event.output_tokens, event.latency_us) == (1500, 20, 250_000)
    assert (event.virtual_key, event.labels, event.currency) == ("sk-1", {"feature": "5"}, "EUR")
    assert event.reported == ReportedCost(total=12_345_678_900, input=1_234_000_000)


def test_keys_of_different_parts_differ() -> None:
    mapping = mapped(event='event_id = ["a", "b"]')
    keys = [
        read(mapping, a="x:y", b="z"),
        read(mapping, a="x", b="y:z"),
        read(mapping, a="x:y:z"),
        read(mapping),
    ]
    assert len({one.source_event_id for one in keys}) == 4
    assert keys[-1].source_event_id is None


def test_paths_lead_into_objects_lists_and_texts_that_hold_json() -> None:
    mapping = mapped(event='model = "a.b"\nteam = "meta.teams.1"\nproject = "text.p"')
    row = {"a.b": "exact", "a": {"b": "nested"}, "meta": {"teams": ["x", "y"]}, "text": '{"p": "inside"}'}
    event = read(mapping, **row)
    assert (event.model, event.team, event.project) == ("exact", "y", "inside")
    assert read(mapping, a={"b": "nested"}, text="{oops").model == "nested"


def test_a_value_means_what_the_mapping_says() -> None:
    mapping = mapped(
        event='status = { column = "s", values = { ok = "success" }, otherwise = "error" }\n'
        'provider = { constant = "azure" }\nmodel = { first_of = ["used", "asked"] }',
        top='empty = ["NULL"]',
    )
    event = read(mapping, s="boom", used="NULL", asked="gpt-4o")
    assert (event.status, event.provider, event.model) == ("error", "azure", "gpt-4o")
    assert read(mapping, s="ok").status == "success"


def test_a_row_that_the_mapping_skips_is_no_record() -> None:
    mapping = mapped(event='model = "m"', text='[[skip]]\ncolumn = "m"\nvalues = ["Total"]\nempty = true')
    for row in ({"m": "Total"}, {"m": " "}, {}):
        with pytest.raises(PassedOver):
            read(mapping, **row)
    assert read(mapping, m="gpt-4o").model == "gpt-4o"


@pytest.mark.parametrize(("rule", "tokens"), [("true", (100, 50)), ("false", (145, 60))])
def test_what_counts_include_is_stated(rule: str, tokens: tuple[int, int]) -> None:
    columns = 'input_tokens = "i"\ncache_read_tokens = "r"\ncache_write_tokens = "w"\noutput_tokens = "o"\nreasoning_tokens = "t"'
    mapping = mapped(event=columns, text=f"[tokens]\ncache_in_input = {rule}\nreasoning_in_output = {rule}")
    event = read(mapping, i=100, r=40, w=5, o=50, t=10)
    assert (event.input_tokens, event.output_tokens) == tokens
    assert (event.cache_read_tokens, event.cache_write_tokens, event.reasoning_tokens) == (40, 5, 10)


def test_the_total_is_added_up_where_a_table_states_none() -> None:
    event = 'input_tokens = "i"\noutput_tokens = "o"\ntotal_tokens = { column = "t", optional = true }'
    mapping = mapped(event=event)
    assert read(mapping, i=100, o=50).total_tokens == 150
    assert read(mapping, o=50).total_tokens == 50
    assert read(mapping, t=170).total_tokens == 170
    assert read(mapping).total_tokens is None


def test_a_doubtful_part_is_dropped_where_the_table_states_the_cost() -> None:
    columns = (
        'input_tokens = "i"\noutput_tokens = "o"\ncache_read_tokens = { column = "r", optional = true }\n'
        'total_tokens = { column = "t", optional = true }'
    )
    mapping = mapped(
        event=columns, text='[tokens]\ncache_in_input = true\n[cost]\ncurrency = "USD"\ntotal = "c"'
    )
    event = read(mapping, i=100, o=50, r=101, c="0.5")
    assert (event.cache_read_tokens, event.flags) == (None, ("part_dropped",))
    event = read(mapping, i=100, o=50, t=170, c="0.5")
    assert (event.total_tokens, event.flags) == (150, ("total_disagrees",))
    assert refused(mapping, i=100, o=50, t=170, c="0").code == "total_disagrees"


def test_tokens_of_a_cache_hit_are_replayed_and_in_no_total() -> None:
    columns = (
        'cache_hit = { column = "hit", values = { hit = "yes" }, otherwise = "no" }\ninput_tokens = "i"\n'
        'output_tokens = "o"\ncache_read_tokens = "r"\nreasoning_tokens = "t"\nimages = "n"'
    )
    mapping = mapped(event=columns, text="[tokens]\ncache_in_input = true\nreasoning_in_output = true")
    hit = read(mapping, hit="hit", i=100, o=50, r=40, t=10, n=2)
    assert (hit.input_tokens, hit.output_tokens, hit.total_tokens) == (0, 0, 0)
    assert (hit.cache_read_tokens, hit.reasoning_tokens, hit.images) == (None, None, None)
    assert (hit.replayed_input_tokens, hit.replayed_output_tokens, hit.replayed_total_tokens) == (
        100,
        50,
        150,
    )
    assert hit.replayed_cache_read_tokens == 40
    miss = read(mapping, hit="miss", i=100, o=50, r=40, t=10, n=2)
    assert (miss.input_tokens, miss.cache_read_tokens, miss.replayed_input_tokens) == (100, 40, None)


def test_a_replay_that_the_table_states_itself_stands() -> None:
    columns = 'cache_hit = "hit"\ninput_tokens = "i"\nreplayed_input_tokens = "r"'
    hit = read(mapped(event=columns), hit="yes", i=0, r=80)
    assert (hit.input_tokens, hit.replayed_input_tokens) == (0, 80)


def test_a_hit_that_a_release_before_took_for_a_call_is_not_a_second_one(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row without an id was known by its counts, which were those of the replayed call."""
    mapping = mapped(event='model = "m"\ncache_hit = "hit"\ninput_tokens = "i"\noutput_tokens = "o"')
    decoder = Decoder(embedded.keyring, Book())
    context = Context("import", micros(AT), format=mapping.format)
    record = RawRecord(0, 1, json.dumps({"when": AT, "m": "gpt-4o", "hit": "yes", "i": 9, "o": 1}).encode())

    def entry() -> Entry:
        return decoder.decode([record], context).entries[0]

    now = entry()
    monkeypatch.setattr(reader, "_replay", lambda _fields: {})
    assert entry().former_hash == now.former_hash
    assert entry().content_hash != now.content_hash


def test_cache_writes_by_time_to_live_add_up_to_all_of_them() -> None:
    columns = 'input_tokens = "i"\ncache_write_5m_tokens = "five"\ncache_write_1h_tokens = "hour"'
    mapping = mapped(event=columns, text="[tokens]\ncache_in_input = false")
    event = read(mapping, i=100, five=30, hour=20)
    assert (event.input_tokens, event.cache_write_tokens) == (150, 50)
    assert read(mapping, i=100, hour=20).cache_write_tokens == 20
    assert read(mapping, i=100).cache_write_tokens is None


def test_a_mapping_of_cache_writes_says_whether_the_input_holds_them() -> None:
    with pytest.raises(MappingError, match="cache_in_input"):
        mapped(event='input_tokens = "i"\ncache_write_1h_tokens = "hour"')


def test_costs_that_include_their_parts_are_taken_apart() -> None:
    cost = '[cost]\ncurrency = { column = "cur" }\ninput = "i"\ncache_read = "r"\noutput = "o"\nreasoning = "t"\n'
    mapping = mapped(text=cost + "cache_in_input = true\nreasoning_in_output = true\nbelieve_zero = true")
    event = read(mapping, i="0.5", r="0.2", o="0.3", t="0.3", cur="usd")
    assert event.reported == ReportedCost(
        input=300_000_000_000,
        cache_read=200_000_000_000,
        output=0,
        reasoning=300_000_000_000,
        believed_zero=True,
    )
    assert refused(mapping, i="0.1", r="0.2", cur="USD").code == "impossible_amount"
    assert refused(mapping, i="0.1").field == "cur"
    assert read(mapping, cur="EUR").reported is None


# Numbers


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=9))
@pytest.mark.parametrize(
    ("decimal", "thousands"),
    [(".", None), (",", None), (".", ","), (",", "."), (",", " "), (".", "'"), (".", "_")],
)
def test_a_number_is_read_as_it_was_written(decimal: str, thousands: str | None, number: Decimal) -> None:
    written = f"{number:,f}" if thousands else f"{number:f}"
    written = written.replace(",", "#").replace(".", decimal).replace("#", thousands or "")
    assert Notation(decimal, thousands).number(written) == number


@given(st.text(max_size=12) | st.text("0123456789.,'-+eE _", max_size=12))
def test_any_text_is_a_finite_number_or_none(text: str) -> None:
    number = Notation(",", ".").number(text)
    assert number is None or number.is_finite()


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,234", None), ("1.5", "1.5"), ("'-5", "-5"), ('="007"', "7"), ("1.2E-05", "0.000012"), ("\N{MINUS SIGN}3", "-3"), (".5", "0.5"),
     ("5.", "5"), ("", None), ("1 2", None), ("\N{ARABIC-INDIC DIGIT ONE}", None), ("1e999", None), ("0x10", None), ("12%", None), ("1.2.3", None)],
)  # fmt: skip
def test_spellings_of_a_number(text: str, number: str | None) -> None:
    assert Notation().number(text) == (None if number is None else Decimal(number))


def test_separators_between_thousands_stand_between_thousands() -> None:
    notation = Notation(",", ".")
    assert notation.number("1.234.567,8") == Decimal("1234567.8")
    assert [notation.number(text) for text in ("1.23", "12.34.567", "1234.567")] == [None, None, None]


@given(st.decimals(min_value=0, max_value=9_000_000, places=18))
def test_money_does_not_pass_through_a_float(amount: Decimal) -> None:
    mapping = mapped(text='[tokens]\ncache_in_input = true\n[cost]\ncurrency = "USD"\ntotal = "c"')
    in_text, in_json = (
        formats.read(raw.encode(), mapping.format)
        for raw in (f'{{"when": "{AT}", "c": "{amount}"}}', f'{{"when": "{AT}", "c": {amount:f}}}')
    )
    assert in_text.reported == in_json.reported == ReportedCost(total=to_pico(amount))


def test_a_sign_of_money_must_be_the_currencys() -> None:
    mapping = mapped(text='[cost]\ncurrency = "EUR"\ntotal = "c"')
    assert [read(mapping, c=said).reported for said in ("€ 1.5", "1.5 EUR", "1.5€")] == [
        ReportedCost(total=1_500_000_000_000)
    ] * 3
    assert "an amount in EUR" in refused(mapping, c="$1.50").reason


# Times


@given(
    st.integers(978_307_200, 4_000_000_000),
    st.sampled_from(
        [
            ZoneInfo(name)
            for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
        ]
    ),
    st.sampled_from(["iso", "%d.%m.%Y %H:%M:%S", "%Y%m%d %I:%M:%S %p"]),
)
def test_a_local_time_is_the_instant_that_it_is_there(when: int, zone: ZoneInfo, form: str) -> None:
    there = datetime.fromtimestamp(when, UTC).astimezone(zone)
    written = there.replace(tzinfo=None)
    text = written.isoformat() if form == "iso" else written.strftime(form)
    choices = {
        TimestampNotation(form, zone, "earlier").microseconds(text),
        TimestampNotation(form, zone, "later").microseconds(text),
    }
    expected = when * 1_000_000
    assert expected in choices
    try:
        assert TimestampNotation(form, zone).microseconds(text) == expected
    except NotATimestamp:
        assert len(choices) == 2, "only a time that comes twice is refused"


@given(st.integers(946_684_800_000_000, 4_102_444_799_999_999))
def test_counted_times_are_exact(instant: int) -> None:
    units = {"seconds": 6, "milliseconds": 3, "microseconds": 0, "nanoseconds": -3}
    for form, places in units.items():
        written = Decimal(instant).scaleb(-places)
        assert (
            TimestampNotation(form).microseconds(f"{written:f}")
            == TimestampNotation(form).microseconds(written)
            == instant
        )


@pytest.mark.parametrize(
    ("text", "choice", "expected"),
    [
        ("2026-10-25T02:30:00", {"ambiguous": "earlier"}, "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T02:30:00", {"ambiguous": "later"}, "2026-10-25T01:30:00+00:00"),
        ("2026-10-25T02:30:00", {}, "comes twice in Europe/Berlin: state time.ambiguous"),
        ("2026-03-29T02:30:00", {"nonexistent": "forward"}, "2026-03-29T01:30:00+00:00"),
        ("2026-03-29T02:30:00", {}, "never comes in Europe/Berlin: state time.nonexistent"),
        ("2026-10-25T02:30:00+01:00", {}, "2026-10-25T01:30:00+00:00"),
        ("2026-10-25 02:30:00 UTC", {}, "2026-10-25T02:30:00+00:00"),
        ("2026-10-26", {}, "2026-10-25T23:00:00+00:00"),
        ("yesterday", {}, "a time such as"),
    ],
)
def test_an_ambiguous_time_is_resolved_as_stated(text: str, choice: dict[str, Any], expected: str) -> None:
    notation = TimestampNotation("iso", ZoneInfo("Europe/Berlin"), **choice)
    try:
        assert notation.microseconds(text) == micros(expected)
    except NotATimestamp as error:
        assert expected in str(error)  # noqa: PT017 - a time or an error


def test_a_time_without_a_zone_is_refused_unless_one_is_stated() -> None:
    assert "names no zone: state time.zone" in refused(mapped(), when="2026-10-01 12:00").reason
    assert refused(mapped(), when="").code == "missing"
    assert "for a number state time.format" in refused(mapped(), when=1_790_000_000).reason


# Refusals


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"n": "12x"}, "n", "event.input_tokens: column 'n' is \"12x\": a number is expected"),
        ({"n": "1.5"}, "n", "a whole number from 0 to 1,000,000,000,000"),
        ({"n": -1}, "n", "is -1: a whole number"),
        ({"n": True}, "n", "is true: a number"),
        ({"n": "tell me a story"}, "n", "is text: a number"),
        ({"n": "9" * 90}, "n", "is text: a number"),
        ({"n": {"x": 1}}, "n", "is an object, a single value is expected"),
        ({"n": "sk-bf-0123456789"}, "n", "is text"),
        ({"f": "maybe"}, "f", "true or false"),
        ({"s": "fine"}, "s", "one of success, error, cancelled is expected: state in values"),
        ({"t": "x" * 1001}, "t", "holds 1,001 characters"),
        ({"d": "-1"}, "d", "a length of time"),
        ({"c": "dear"}, "c", "cost.total: column 'c' is \"dear\": a number"),
        ({"c": "9300000"}, "c", "larger than one event"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_column(row: dict[str, Any], field: str, reason: str) -> None:
    mapping = mapped(
        event='input_tokens = "n"\nstream = "f"\nstatus = "s"\nteam = "t"\nlatency = { column = "d", unit = "ms" }',
        text='[tokens]\ncache_in_input = true\n[cost]\ncurrency = "USD"\ntotal = "c"',
    )
    refusal = refused(mapping, **row)
    assert refusal.field == field
    assert reason in refusal.reason


def test_a_record_of_another_table_is_refused() -> None:
    with pytest.raises(
        Refused, match=r"not a row of the table that map\.toml describes; its fields are hello"
    ):
        formats.read(b'{"hello": 1}', mapped().format)


def test_a_table_without_a_mapped_column_is_refused_as_a_whole() -> None:
    mapping = mapped(
        event='model = "Modle"\nteam = { column = "T", optional = true }\nproject = { first_of = ["a", "when"] }\nuser = "u.name"'
    )
    mapping.check_columns(["when", "Modle", "u"])
    with pytest.raises(
        Refused, match=r"map\.toml: event.model: the table has no column 'Modle'; it has when, Model, u"
    ):
        mapping.check_columns(["when", "Model", "u"])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["when", "n", "f", "s", "t", "d", "c", "a"]), JSON))
def test_any_row_is_an_event_or_a_refusal_and_what_is_kept_says_the_same(row: dict[str, Any]) -> None:
    mapping = mapped(
        event='input_tokens = "n"\nstream = "f"\nstatus = "s"\nteam = "t"\nlatency = { column = "d", unit = "ms" }\nproject = "a.b.0"',
        text='[labels]\nx = "a.a"\n[cost]\ncurrency = "USD"\ntotal = "c"\n[[skip]]\ncolumn = "t"\nvalues = ["x"]',
    )
    raw = json.dumps(row).encode()
    try:
        formats.read(raw, mapping.format)
    except (Refused, PassedOver):
        kept = mapping.format.redact(raw) if mapping.format.redact else None
        assert kept is not None
        assert source_of(kept) == "sheet"


def test_what_is_kept_of_a_refused_row_holds_no_content_and_no_key() -> None:
    mapping = mapped(event='input_tokens = "n"\nteam = "t"\nvirtual_key = "k"')
    row = {
        "n": "tell me a story",
        "t": "sk-bf-12345 " + "y" * 500,
        "k": "sk-bf-1",
        "prompt": "SECRET",
        "when": AT,
    }
    assert mapping.format.redact is not None
    kept = json.loads(mapping.format.redact(json.dumps(row).encode()) or b"")
    assert kept == {
        "mapping": "sheet",
        "row": {"t": ("sk-... " + "y" * 500)[: redaction.LONGEST_TEXT], "when": AT},
    }
    assert formats.read(json.dumps(kept).encode(), mapping.format).team == kept["row"]["t"]


# The file


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("x =", ["not TOML"]),
        ("", ["source: this is missing", "event: this is missing"]),
        (WHEN, ["occurred_at: there is no such key; there are source, empty, numbers"]),
        ('source = "s"\n[event]\nmodel = "m"', ["event.occurred_at: this is missing, and a call has a time"]),
        (f'source = "s"\n[event]\n{WHEN}modle = "m"', ["event.modle: there is no such key; did you mean model?"]),
        (f'source = "s"\n[event]\n{WHEN}model = 5', ["event.model: the name of a column is expected"]),
        (f'source = "s"\n[event]\n{WHEN}model = {{ column = "a", constant = "b" }}', ["event.model: exactly one of"]),
        (f'source = "s"\n[event]\n{WHEN}latency = "d"', ['event.latency: state the unit: { column = "...", unit = "ms" }']),
        (f'source = "s"\n[event]\n{WHEN}retries = {{ column = "r", unit = "dozen" }}', ["event.retries.unit", "'one', 'thousand'"]),
        (f'source = "s"\n[event]\n{WHEN}status = {{ column = "s", values = {{ a = "fine" }} }}', ["event.status.values.a", "'success'"]),
        (f'source = "s"\n[event]\n{WHEN}input_tokens = "i"\ncache_read_tokens = "c"', ["tokens.cache_in_input: say whether"]),
        (f'source = "s"\n[event]\n{WHEN}[cost]\ncurrency = "usd"\ntotal = "c"', ["cost.currency: three capitals"]),
        (f'source = "s"\n[event]\n{WHEN}[cost]\ncurrency = "USD"\noutput = "o"\nreasoning = "r"', ["cost.reasoning_in_output"]),
        (f'source = "s"\n[time]\nzone = "Mars/Base"\nformat = "%H"\n[event]\n{WHEN}', ["time.zone: there is no", "time.format: one of iso"]),
        (f'source = "s"\n[numbers]\ndecimal = ","\nthousands = ","\n[event]\n{WHEN}', ["cannot be the same sign"]),
        (f'source = "s"\n[event]\n{WHEN}[[skip]]\ncolumn = "a"', ["skip.0: say which rows"]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_told_with_its_key_and_what_is_allowed(
    text: str, messages: list[str]
) -> None:
    with pytest.raises(MappingError) as caught:
        TableMapping(text, "map.toml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("map.toml: ") for line in lines)
    for message in messages:
        assert message in str(caught.value)


def test_a_mapping_travels_to_another_process() -> None:
    mapping = mapped(event='model = "m"')
    there = pickle.loads(pickle.dumps(mapping))
    assert read(there, m="gpt-4o") == read(mapping, m="gpt-4o")
    assert there.digest == mapping.digest


def test_a_mapping_that_is_not_there_is_named() -> None:
    with pytest.raises(MappingError, match=r"nowhere\.toml: No such file"):
        load("nowhere.toml")
