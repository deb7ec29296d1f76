"""LiteLLM's records in the ledger: which are one call, which cost is believed, what is refused."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingest import formats
from ingest.formats.litellm import python_repr
from ingest.formats.redaction import redact
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import directory, usage_event
from ingest.model.event import MAX_COUNT, UsageEvent, check
from ingest.model.rejection import Refused
from ingest.pricing.charge import COMPONENTS
from tests.support.ledgers import Post
from tests.support.paths import FORMATS
from tests.support.samples import JSON, is_told
from tests.support.samples import outcome as told

SAMPLES = {
    f"{path.parent.name}/{path.stem}": path.read_bytes()
    for path in sorted(FORMATS.glob("litellm*/*.json"))
    if not path.name.endswith(".expected.json")
    and path.parent.name not in {"litellm-daily-activity", "litellm-encrypted"}
}
KEY = "sk-1234567890abcdef"
HASH = hashlib.sha256(KEY.encode()).hexdigest()
BEGAN = datetime(2026, 9, 21, 14, 13, 20, 250_700, tzinfo=UTC)
COST = Decimal("0.000225")


def payload(**more: Any) -> dict[str, Any]:
    """What a callback posts of a call of 10 + 20 tokens that cost 0.000225 dollars."""
    fields = {
        "id": "chatcmpl-1",
        "litellm_call_id": "c0ffee",
        "call_type": "acompletion",
        "stream": None,
        "status": "success",
        "response_cost": 0.000225,
        "response_cost_failure_debug_info": None,
        "zero_cost_diagnostic": None,
        "cost_breakdown": {"input_cost": 2.5e-05, "output_cost": 0.0002, "total_cost": 0.000225},
        "custom_llm_provider": "openai",
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "total_tokens": 30,
        "startTime": BEGAN.timestamp(),
        "endTime": (BEGAN + timedelta(seconds=1)).timestamp(),
        "completionStartTime": (BEGAN + timedelta(seconds=1)).timestamp(),
        "model": "gpt-4o",
        "model_group": "default",
        "metadata": {"user_api_key_hash": HASH, "user_api_key_alias": "search"},
        "cache_hit": False,
        "hidden_params": {"response_cost": 0.000225},
        "messages": [{"role": "user", "content": "tell me about my illness"}],
        "response": {"id": "chatcmpl-1"},
    }
    return fields | more


def unpriced(**more: Any) -> dict[str, Any]:
    return payload(response_cost=0.0, cost_breakdown=None, hidden_params={"response_cost": None}, **more)


def row(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What LiteLLM writes of the same call into its table, whose times have milliseconds."""
    millisecond = timedelta(milliseconds=1)
    began = (
        datetime(1970, 1, 1, tzinfo=UTC)
        + round((BEGAN - datetime(1970, 1, 1, tzinfo=UTC)) / millisecond) * millisecond
    )
    ended = began + timedelta(seconds=1)
    fields = {
        "request_id": of["id"],
        "litellm_call_id": of["litellm_call_id"],
        "call_type": of["call_type"],
        "api_key": of["metadata"]["user_api_key_hash"],
        "spend": of["response_cost"],
        "prompt_tokens": of["prompt_tokens"],
        "completion_tokens": of["completion_tokens"],
        "total_tokens": of["total_tokens"],
        "startTime": f"{began:%Y-%m-%d %H:%M:%S.%f}"[:-3],
        "endTime": f"{ended:%Y-%m-%d %H:%M:%S.%f}"[:-3],
        "completionStartTime": f"{ended:%Y-%m-%d %H:%M:%S.%f}"[:-3],
        "model": of["model"],
        "model_group": of["model_group"],
        "custom_llm_provider": of["custom_llm_provider"],
        "cache_hit": str(of["cache_hit"]),
        "metadata": json.dumps({"user_api_key_alias": "search", "cost_breakdown": of["cost_breakdown"]}),
        "request_tags": "[]",
        "status": of["status"],
    }
    return fields | more


def raw(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def all_events(ledger: Ledger) -> list[Any]:
    with ledger.reading() as connection:
        return list(connection.execute(sa.select(usage_event).order_by(usage_event.c.event_id)))


def money(ledger: Ledger) -> list[tuple[Any, ...]]:
    return [(one.total_cost, one.input_tokens, one.output_tokens) for one in all_events(ledger)]


def test_a_call_in_the_callback_and_in_the_table_is_one_event(embedded: Ledger, post: Post) -> None:
    assert post(embedded, raw(payload())).accepted == 1
    receipt = post(embedded, raw(row(payload())))
    assert (receipt.accepted, receipt.revised) == (0, 1)
    (event,) = all_events(embedded)
    assert event.total_cost == COST
    assert event.input_cost + event.output_cost == event.total_cost


def test_a_cache_hit_in_the_callback_and_in_the_table_is_one_event(embedded: Ledger, post: Post) -> None:
    hit = payload(cache_hit=True, response_cost=0.0, id="chatcmpl-1_cache_hit1790000000.9812")
    receipt = post(embedded, raw(hit), raw(row(hit, request_id="chatcmpl-1_cache_hit1790000000.9844")))
    assert (receipt.accepted, receipt.revised) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"startTime": (BEGAN + timedelta(seconds=5)).timestamp()},
        {"litellm_call_id": "decaf"},
        {"id": "chatcmpl-2"},
        {"cache_hit": True},
    ],
    ids=["a provider that counts from 1", "an id of nothing", "a call id that is sent again", "a hit"],
)
def test_ids_that_collide_are_several_calls(embedded: Ledger, post: Post, other: dict[str, Any]) -> None:
    assert post(embedded, raw(payload()), raw(payload(**other))).accepted == 2


def test_each_attempt_is_a_call_and_a_failed_one_is_free(embedded: Ledger, post: Post) -> None:
    failed = {"status": "failure", "id": "c0ffee", "response_cost": 0.0, "cost_breakdown": None}
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    later = (BEGAN + timedelta(milliseconds=700)).timestamp()
    attempts = [failed | nothing, failed | nothing | {"startTime": later}, {}]
    assert post(embedded, *(raw(payload(**one)) for one in attempts)).accepted == 3
    assert sorted(one.total_cost for one in all_events(embedded)) == [0, 0, COST]


def test_a_finished_batch_counts_once_however_often_it_is_looked_at(embedded: Ledger, post: Post) -> None:
    looks = [
        payload(
            call_type="aretrieve_batch", id="batch_1", litellm_call_id=f"look-{n}", startTime=1790000000.0 + n
        )
        for n in range(3)
    ]
    logged = row(looks[0], request_id="batch_1_batch_cost")
    receipt = post(embedded, *map(raw, looks), raw(logged))
    assert (receipt.accepted, receipt.rejected) == (1, 0)
    assert money(embedded) == [(COST, 10, 20)]


def test_reading_a_response_again_uses_nothing_and_is_free(embedded: Ledger, post: Post) -> None:
    again = payload(call_type="aget_responses", id="resp_1")
    del again["zero_cost_diagnostic"]
    post(embedded, raw(again))
    (event,) = all_events(embedded)
    assert (event.total_cost, event.input_tokens, event.total_tokens) == (0, 0, 0)


@pytest.mark.parametrize(
    ("record", "cost_source", "total"),
    [
        (payload(), "reported", COST),
        (unpriced(response_cost_failure_debug_info={"error_str": "not mapped"}), "computed", COST),
        (unpriced(model="no-such-model"), "unpriced", None),
        (
            payload(response_cost=0.0, zero_cost_diagnostic={"reason": "pricing_not_applied"}),
            "computed",
            COST,
        ),
        (
            payload(response_cost=0.0, model="no-such-model", hidden_params={"response_cost": 0.0}),
            "reported",
            0,
        ),
        (payload(response_cost=0.0, cost_breakdown=None), "computed", COST),
        (payload(response_cost=None), "computed", COST),
        (row(payload(response_cost=0.0)), "computed", COST),
        (row(payload(response_cost=0.0, model="no-such-model")), "unpriced", None),
        (
            unpriced(
                call_type="aimage_generation", model="x", prompt_tokens=0, completion_tokens=0, total_tokens=0
            ),
            "unpriced",
            None,
        ),
        (payload(cache_hit=True, response_cost=0.0), "free", Decimal(0)),
        (payload(call_type="afile_content", response_cost=0.0), "free", Decimal(0)),
    ],
    ids=[
        *(
            "what it charged",
            "a failed price",
            "an unknown model",
            "a doubted 0",
            "a vouched 0",
            "no breakdown",
        ),
        *("no cost", "a row's 0", "a row's unknown model", "no usage", "a hit", "a file"),
    ],
)
def test_what_is_believed_of_a_cost(
    embedded: Ledger, post: Post, record: dict[str, Any], cost_source: str, total: Decimal | None
) -> None:
    assert post(embedded, raw(record)).rejected == 0
    (event,) = all_events(embedded)
    with embedded.reading() as connection:
        term = sa.text("SELECT text FROM term WHERE term_id = :id")
        stored_source = connection.execute(term, {"id": event.cost_source_id}).scalar_one()
    assert (stored_source, event.total_cost) == (cost_source, total)


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.endswith("page")])
def test_the_parts_of_a_cost_add_up_to_it(embedded: Ledger, post: Post, name: str) -> None:
    assert post(embedded, SAMPLES[name]).rejected == 0
    (event,) = all_events(embedded)
    parts = [getattr(event, component) for component in COMPONENTS]
    if event.total_cost is not None:
        assert sum(part or 0 for part in parts) == event.total_cost


def test_what_is_added_and_taken_off_is_the_other_cost(embedded: Ledger, post: Post) -> None:
    """0.0002 flat - 0.0013325 discount + 0.0005 margin + 0.001 guardrail = 0.0003675."""
    post(embedded, SAMPLES["litellm/cost-parts"])
    (event,) = all_events(embedded)
    assert event.other_cost == Decimal("0.0003675")
    assert (event.output_cost, event.reasoning_cost, event.tool_cost) == (
        Decimal("0.001"),
        Decimal("0.002"),
        Decimal("0.01"),
    )


def test_a_hash_of_a_key_finds_the_key(embedded: Ledger, post: Post) -> None:
    post(embedded, raw(payload()))
    post(embedded, raw(payload(id="chatcmpl-2", metadata={})), virtual_key=KEY)
    with embedded.reading() as connection:
        keys = set(
            connection.execute(sa.text("SELECT ident FROM directory WHERE kind = 'virtual_key'")).scalars()
        )
    assert keys == {embedded.keyring.conceal(KEY).ident}


def test_a_hash_of_a_key_is_not_stored(embedded: Ledger, post: Post) -> None:
    post(embedded, raw(payload()), raw(payload(prompt_tokens=-1)))
    with embedded.reading() as connection:
        tables = sa.inspect(embedded.engine).get_table_names()
        stored = "".join(str(connection.execute(sa.text(f'SELECT * FROM "{t}"')).all()) for t in tables)
    assert "search" in stored
    assert HASH not in stored
    assert "illness" not in stored


def halves(records: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    return records[: len(records) // 2], records


def test_reading_everything_twice_gives_the_same_ledger(
    fresh_ledger: Callable[[], Ledger], post: Post
) -> None:
    once, twice, half = fresh_ledger(), fresh_ledger(), fresh_ledger()
    records = list(SAMPLES.values())
    post(once, *records)
    for _ in range(2):
        post(twice, *records)
    for part in halves(records):
        post(half, *part)
    assert money(once) == money(twice) == money(half)
    assert len(money(once)) > 40
    for ledger in (once, twice, half):
        ledger.close()


@pytest.mark.parametrize(
    ("record", "code", "field", "reason"),
    [
        (payload(prompt_tokens="ten"), "wrong_type", "prompt_tokens", '"ten", a whole number'),
        (payload(prompt_tokens=-1), "impossible_count", "prompt_tokens", "is -1"),
        (payload(prompt_tokens=1.5), "impossible_count", "prompt_tokens", "is 1.5"),
        (payload(total_tokens=MAX_COUNT + 1), "impossible_count", "total_tokens", "from 0 to"),
        (payload(response_cost=[]), "wrong_type", "response_cost", "an amount is expected"),
        (payload(response_cost=1e12), "bad_amount", "response_cost", "larger than one event"),
        (payload(cost_breakdown={"input_cost": "a"}), "wrong_type", "cost_breakdown.input_cost", "an amount"),
        (payload(status="odd"), "unknown_status", "status", '"odd" is none of success, failure'),
        (payload(startTime="yesterday"), "bad_time", "startTime", "not a time"),
        (payload(startTime=1790000000000.0), "bad_time", "startTime", "seconds since 1970"),
        (payload(metadata="me"), "wrong_type", "metadata", "an object is expected"),
        (
            payload(metadata={"usage_object": {"completion_tokens": -4}}),
            "impossible_count",
            "metadata.usage_object.completion_tokens",
            "is -4",
        ),
        (row(payload(), spend="dear"), "wrong_type", "spend", '"dear", an amount'),
        (row(payload(), prompt_tokens="many"), "wrong_type", "prompt_tokens", '"many", a whole number'),
        (row(payload(), prompt_tokens="-1"), "wrong_type", "prompt_tokens", '"-1", a whole number'),
        (row(payload(), metadata="{"), "not_json", "metadata", "metadata: not JSON"),
        (row(payload(), startTime=""), "bad_time", "startTime", "not a time"),
        (
            {"id": "a", "call_type": "b", "startTime": 1.0, "modelParameters": "{}", "usage": "Usage(x"},
            "not_python",
            "usage",
            "usage: not Python's notation",
        ),
        ({"__encrypted__": True, "payload": "x"}, "encrypted", "__encrypted__", "SQS"),
        ({"date": "2026-09-21", "metrics": {}, "breakdown": {}}, "aggregate", None, "LiteLLM_SpendLogs"),
        ({"date": "2026-09-21", "entity_id": "t", "spend": 1, "api_requests": 2}, "aggregate", None, "sum"),
        ({"results": [], "metadata": {"total_spend": 1.5}}, "aggregate", None, "sum"),
        ({"startTime": "2026-09-21", "spend": 1, "users": {}, "models": {}}, "aggregate", None, "summarize"),
        ({"data": [], "total": 0, "page": 1, "total_pages": 0}, "page", None, "a page"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_refused_and_why(record: dict[str, Any], code: str, field: str | None, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        formats.read(raw(record))
    assert (caught.value.code, caught.value.field) == (code, field)
    assert reason in caught.value.reason


def read_usage(**usage: Any) -> UsageEvent:
    """The event of a call that LiteLLM has a cost for, of a provider that counts its cache in the input."""
    known = {"custom_llm_provider": "gemini", "model": "gemini-2.5-flash"} | usage.pop("call", {})
    return formats.read(raw(payload(**known, metadata={"usage_object": usage})))


def test_a_part_larger_than_its_whole_is_refused_where_nothing_is_certain(
    embedded: Ledger, post: Post
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 20}
    more = {"completion_tokens_details": {"reasoning_tokens": 21}}
    receipt = post(embedded, raw(unpriced(metadata={"usage_object": usage | more})))
    assert [one.field for one in receipt.rejections] == ["reasoning_tokens"]


def test_a_part_below_zero_is_dropped_and_the_call_kept() -> None:
    """LiteLLM takes the cached tokens from the text of one message, which can be less."""
    details = {"cached_tokens": 70_000, "text_tokens": -69_000}
    event = read_usage(
        prompt_tokens=70_020, completion_tokens=9, total_tokens=70_029, prompt_tokens_details=details
    )
    assert (event.input_tokens, event.cache_read_tokens, event.input_text_tokens) == (70_020, 70_000, None)
    assert event.flags == ("part_dropped",)
    assert event.reported is not None
    check(event)


def test_audio_that_the_total_has_beside_the_input_is_added_to_it() -> None:
    event = read_usage(
        prompt_tokens=12, completion_tokens=88, total_tokens=400, prompt_tokens_details={"audio_tokens": 300}
    )
    assert (event.input_tokens, event.input_audio_tokens, event.output_tokens) == (312, 300, 88)
    assert event.flags is None


def test_audio_that_fits_nowhere_is_dropped_where_the_cost_is_known() -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 88, "total_tokens": 100}
    event = read_usage(**usage, prompt_tokens_details={"audio_tokens": 300})
    assert (event.input_tokens, event.input_audio_tokens) == (12, None)
    assert event.flags == ("part_dropped",)


def test_a_total_that_is_not_input_and_output_is_dropped_where_the_cost_is_known() -> None:
    event = read_usage(prompt_tokens=100, completion_tokens=50, total_tokens=190)
    assert (event.input_tokens, event.output_tokens, event.total_tokens) == (100, 50, 150)
    assert event.flags == ("total_disagrees",)
    check(event)


def test_caches_that_overlap_add_nothing_to_the_input() -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 50, "total_tokens": 950}
    event = read_usage(**usage, prompt_tokens_details={"cached_tokens": 890, "cache_write_tokens": 890})
    assert (event.input_tokens, event.cache_read_tokens, event.cache_write_tokens) == (900, None, None)
    assert event.flags == ("cache_overlap",)


@pytest.mark.parametrize(
    ("provider", "total", "tokens"),
    [
        ("azure", 950, 900),
        ("azure", 3_000 + 950, 3_900),
        ("azure", 0, 3_900),
        ("anthropic", 950, 3_900),
        ("bedrock", 950, 3_900),
    ],
)
def test_the_total_tells_whether_a_larger_cache_is_outside_the_input(
    provider: str, total: int, tokens: int
) -> None:
    """Older versions handed on Anthropic's input without its cache, and a total that lacks it too."""
    event = read_usage(
        call={"custom_llm_provider": provider, "model": "m"},
        prompt_tokens=900,
        completion_tokens=50,
        total_tokens=total,
        prompt_tokens_details={"cached_tokens": 3_000},
    )
    assert event.input_tokens == tokens
    check(event)


def test_the_session_and_the_agent_of_a_call() -> None:
    def place(record: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
        event = formats.read(raw(record))
        return event.session, event.agent, event.workflow

    assert place(payload(session_id="s-1", trace_id="t-1")) == ("s-1", None, None)
    assert place(payload(session_id="", trace_id="t-1")) == ("t-1", None, None)
    assert place(row(payload(), session_id="s-1", agent_id="a-1")) == ("s-1", "a-1", None)
    tags = ["session: s-1", "agent: a-1", "workflow: w-1"]
    assert place(payload(session_id="", request_tags=tags)) == ("s-1", "a-1", "w-1")


def test_a_page_is_unpacked_also_where_a_usage_has_turns() -> None:
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "iterations": [{"type": "message"}],
    }
    rows = [row(payload(id=f"chatcmpl-{n}"), metadata={"usage_object": usage}) for n in range(2)]
    page = formats.unpack(raw({"data": rows, "total": 2, "page": 1, "page_size": 50, "total_pages": 1}))
    assert [formats.read(one).input_tokens for one in page or ()] == [1, 1]


def test_a_refused_row_keeps_its_numbers_and_none_of_its_content() -> None:
    refused = row(payload(), status="odd", prompt_tokens="10", messages="illness", response="illness")
    kept = json.loads(redact(raw(refused)) or "")
    assert (kept["prompt_tokens"], kept["spend"], kept["api_key"]) == ("10", 0.000225, None)
    assert kept["metadata"]["cost_breakdown"]["total_cost"] == 0.000225
    assert "illness" not in str(kept)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A sample with one of its values, at any depth, replaced by anything."""
    record = json.loads(draw(st.sampled_from(sorted(SAMPLES.values()))))
    within = record
    while True:
        name = draw(st.sampled_from(sorted(within)))
        if not isinstance(within[name], dict) or not within[name] or draw(st.booleans()):
            break
        within = within[name]
    within[name] = draw(JSON)
    return raw(record)


@given(spoilt())
def test_a_spoilt_record_is_an_event_or_refused(record: bytes) -> None:
    assert is_told(told(record))


COUNT = st.integers(0, 10**6)


@given(prompt=COUNT, completion=COUNT, read=COUNT, write=COUNT, reasoning=COUNT)
def test_parts_of_usage_fit_their_whole(
    prompt: int, completion: int, read: int, write: int, reasoning: int
) -> None:
    """With a total that input and output make, or a cost: what does not fit is dropped."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cache_read_input_tokens": read,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": write},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    event = formats.read(raw(payload(metadata={"usage_object": usage})))
    check(event)
    assert event.flags is None or reasoning > completion or read + write > prompt


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("None", None),
        ("{'a': 1, \"b\": [True, (2,), -3], 4: 'it\\'s'}", {"a": 1, "b": [True, [2], -3], "4": "it's"}),
        ("Usage(total=3, details=Details(cached=None))", {"total": 3, "details": {"cached": None}}),
        ("{'o': <object object at 0x7f>, 'f': <function f(a, b)>, 'z': 1}", {"o": None, "f": None, "z": 1}),
        (
            "{'d': datetime.datetime(2026, 1, 2), 'n': nan, 'c': Key(a=1), 's': set()}",
            {"d": [2026, 1, 2], "n": None, "c": {"a": 1}, "s": []},
        ),
        ("'caf\\xe9 \\u20ac \\ud800 \\x00 \\n'", "café € ?  \n"),
    ],
)
def test_pythons_notation_is_read(text: str, value: object) -> None:
    assert python_repr.loads(text) == value


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), inner
        )
    ),
)


@given(PLAIN)
def test_pythons_notation_of_any_plain_value_is_read(value: object) -> None:
    assert python_repr.loads(repr(value)) == value


def outcome(text: str) -> str:
    try:
        python_repr.loads(text)
    except Refused as refused:
        return refused.code
    return "a value"


@given(st.text(st.sampled_from("{}[]()<>,:='\"\\ab1.e_ \n-"), max_size=60))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    assert outcome(text) in {"a value", "not_python"}


def test_a_text_beyond_all_measure_is_refused() -> None:
    assert outcome("'" + "a" * 300_000) == "too_large"


def test_a_named_key_keeps_its_name_where_another_call_knows_only_the_key(
    embedded: Ledger, post: Post
) -> None:
    named, unnamed = payload(), payload(id="chatcmpl-2", metadata={})
    post(embedded, raw(named), raw(unnamed), virtual_key=KEY)
    with embedded.reading() as connection:
        entry = connection.execute(sa.select(directory).where(directory.c.kind == "virtual_key")).one()
    assert (entry.name, entry.hint) == ("search", "sk-…cdef")
