"""A call in full: outcome, tokens, cost, prices, attribution and ids, but never its content."""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard.calls.calls import Call
from dashboard.formatting import format as wording
from dashboard.pages.requests import calculation
from dashboard.pages.requests.page import outcome
from dashboard.prices.explanation import Explanation
from ingest.model.flags import FLAGS
from ingest.pricing.charge import COMPONENTS

DRAWER: Final = "request"
_WIDTH: Final = 620

_FACTS: Final = (
    ("Provider", "provider"),
    ("Model", "model"),
    ("Requested model", "model_requested"),
    ("Deployment", "model_deployment"),
    ("Request type", "request_type"),
    ("Service tier", "service_tier"),
    ("Region", "region"),
    ("Image size", "image_size"),
    ("Image quality", "image_quality"),
    ("Error type", "error_type"),
    ("Error code", "error_code"),
    ("Finish reason", "finish_reason"),
    ("Attempt", "attempt"),
    ("Retries", "retries"),
)
_ATTRIBUTION: Final = (
    ("Virtual key", "virtual_key"),
    ("Team", "team"),
    ("Customer", "customer"),
    ("Business unit", "business_unit"),
    ("Project", "project"),
    ("Environment", "environment"),
    ("Application", "application"),
    ("End user", "end_user"),
    ("Session", "session"),
    ("Agent", "agent"),
    ("Workflow", "workflow"),
)
_DURATIONS: Final = (
    ("Latency", "latency_ms"),
    ("Time to first token", "time_to_first_token_ms"),
    ("Upstream latency", "upstream_latency_ms"),
)
_INPUT_TOKENS: Final = (
    ("text", "input_text_tokens"),
    ("audio", "input_audio_tokens"),
    ("image", "input_image_tokens"),
    ("read from a prompt cache", "cache_read_tokens"),
    ("of them audio", "cache_read_audio_tokens"),
    ("of them images", "cache_read_image_tokens"),
    ("written to a prompt cache", "cache_write_tokens"),
    ("of them for 5 minutes", "cache_write_5m_tokens"),
    ("of them for 1 hour", "cache_write_1h_tokens"),
    ("of them for 12 hours", "cache_write_12h_tokens"),
)
_OUTPUT_TOKENS: Final = (
    ("text", "output_text_tokens"),
    ("audio", "output_audio_tokens"),
    ("image", "output_image_tokens"),
    ("reasoning", "reasoning_tokens"),
    ("citation", "citation_tokens"),
    ("accepted prediction", "accepted_prediction_tokens"),
    ("rejected prediction", "rejected_prediction_tokens"),
)
_METERS: Final = (
    ("Search queries", "search_queries"),
    ("Audio (ms)", "audio_ms"),
    ("Video (ms)", "video_ms"),
    ("Characters", "characters"),
    ("Images", "images"),
    ("Pages", "pages"),
    ("Search units", "search_units"),
)
_CACHE: Final = (
    ("Kind of hit", "cache_hit_type"),
    ("Similarity", "cache_similarity"),
    ("Threshold", "cache_threshold"),
    ("Look-up tokens", "cache_lookup_tokens"),
    ("Replayed input tokens", "replayed_input_tokens"),
    ("Replayed output tokens", "replayed_output_tokens"),
    ("Cache id", "cache_id"),
)
_IDS: Final = (
    ("Event", "event_id"),
    ("Source", "source"),
    ("Id in the source", "source_event_id"),
    ("Trace", "trace_id"),
    ("Parent", "parent_id"),
    ("Content hash", "content_hash"),
    ("Version", "revision"),
    ("Versions replaced", "revisions"),
    ("Imported from", "import_path"),
    ("Import batch", "import_batch"),
)
_OTHER_TOTALS: Final = (
    ("Reported by the source", "reported_total"),
    ("Computed from prices", "computed_total"),
    ("At list prices", "list_total"),
    ("At contract prices", "contracted_total"),
    ("Saved by caching", "saved_cost"),
)


def drawer(children: Any) -> Any:
    """The drawer over the page that holds a call."""
    return dmc.Drawer(
        children,
        id=DRAWER,
        opened=True,
        position="right",
        size=_WIDTH,
        title="One call",
        padding="lg",
        closeButtonProps={"aria-label": "Close"},
    )


def missing(event_id: str) -> Any:
    """The message for a call that is not in the ledger."""
    return dmc.Alert(f"The ledger holds no call {event_id}.", color="red", variant="light", id="no-call")


def detail(call: Call, cost: Explanation, zone: tzinfo, zone_name: str) -> Any:
    """A call in sections; facts that its source did not report are left out."""
    labels = [(f"Label {key}", text) for key, text in (call["labels"] or {}).items()]
    sections = [
        _section("What it cost", _cost(call)),
        _section("How it was worked out", calculation.cost_calculation(cost)),
        _section("Doubts", _facts([(code, FLAGS[code]) for code in call["flags"]])),
        _section("Tokens", _tokens(call)),
        _section(
            "Gateway cache", _facts([("Cache hit", _yes_or_no(call["cache_hit"])), *_named(call, _CACHE)])
        ),
        _section(
            "Call",
            _facts(
                [
                    *_times(call, zone, zone_name),
                    *_named(call, _FACTS),
                    ("Streamed", _yes_or_no(call["stream"])),
                ]
            ),
        ),
        _section("Who", _facts([*_named(call, _ATTRIBUTION), *labels])),
        _section("Ids", _facts(_named(call, _IDS))),
    ]
    return html.Div(
        [_heading(call), *(section for section in sections if section is not None)],
        id="call",
        className="call",
    )


def _heading(call: Call) -> Any:
    colour = {"success": "teal", "cancelled": "yellow"}.get(call["status"], "red")
    badges = [
        dmc.Badge(outcome(call), color=colour, variant="light"),
        dmc.Badge(f"cost {call['cost_source']}", color="gray", variant="light"),
    ]
    return html.Div([html.H2(call["model"]), dmc.Group(badges, gap="xs")], className="call-head")


def _cost(call: Call) -> Any:
    """The cost components and the total that they add up to; below them the totals from other sources."""
    currency = call["currency"]
    if call["total_cost"] is None:
        reason = (call["unpriced_reason"] or "no reason is known").replace("_", " ")
        total: list[Any] = [_line("Total", f"unpriced: {reason}", "sum")]
    else:
        parts = [
            _line(
                name.removesuffix("_cost").replace("_", " ").capitalize(),
                _money(call[name], currency),
                "part",
            )
            for name in COMPONENTS
            if call[name] not in (None, "0")
        ]
        total = [*parts, _line("Total", _money(call["total_cost"], currency), "sum")]
        if call["unpriced_reason"]:
            total.append(_line("Of a part only", call["unpriced_reason"].replace("_", " ")))
    others = [
        _line(label, _money(call[name], currency)) for label, name in _OTHER_TOTALS if call[name] is not None
    ]
    return _lines([*total, *others])


def _tokens(call: Call) -> Any:
    lines = []
    for label, whole, parts in (
        ("Input", "input_tokens", _INPUT_TOKENS),
        ("Output", "output_tokens", _OUTPUT_TOKENS),
    ):
        if call[whole] is not None:
            lines.append(_line(label, wording.number(call[whole]), "sum"))
            lines += [_line(part, wording.number(call[name]), "part") for part, name in parts if call[name]]
    if call["total_tokens"] is not None:
        lines.append(_line("Total", wording.number(call["total_tokens"]), "sum"))
    lines += [_line(label, wording.number(call[name])) for label, name in _METERS if call[name]]
    return _lines(lines)


def _times(call: Call, zone: tzinfo, zone_name: str) -> list[tuple[str, str | None]]:
    def local(name: str) -> str | None:
        text = call[name]
        return f"{wording.date_time(datetime.fromisoformat(text), zone)} {zone_name}" if text else None

    durations = [
        (label, None if call[name] is None else wording.duration(call[name])) for label, name in _DURATIONS
    ]
    return [("Time", local("occurred_at")), ("Received", local("received_at")), *durations]


def _named(call: Call, names: Iterable[tuple[str, str]]) -> list[tuple[str, str | None]]:
    return [(label, None if call[name] is None else str(call[name])) for label, name in names]


def _yes_or_no(flag: bool | None) -> str | None:
    return None if flag is None else "yes" if flag else "no"


def _money(text: str | None, currency: str) -> str:
    return wording.NOTHING if text is None else f"{text} {currency}"


def _section(title: str, content: Any) -> Any:
    return None if content is None else html.Section([html.H3(title), content])


def _facts(facts: Sequence[tuple[str, str | None]]) -> Any:
    return _lines([_line(label, value) for label, value in facts if value is not None])


def _lines(lines: Sequence[Any]) -> Any:
    return html.Dl(list(lines), className="lines") if lines else None


def _line(label: str, value: str, kind: str = "") -> Any:
    return html.Div([html.Dt(label), html.Dd(value)], className=f"line {kind}".rstrip())
