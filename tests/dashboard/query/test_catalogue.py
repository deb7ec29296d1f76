"""The catalogue names what the contract promises, and every entry can be computed."""

from decimal import Decimal

import pytest

from dashboard.query import catalogue
from dashboard.query.catalogue import METRICS, Unit
from dashboard.query.sums import Sums, total
from ingest.ledger.histogram import pack, parse
from ingest.ledger.tables.calls import LATENCY_HISTOGRAMS, MEASURES

PROMISED_DIMENSIONS = {
    *(
        "time",
        "provider",
        "model",
        "model_requested",
        "virtual_key",
        "team",
        "customer",
        "cost_center",
        "project",
    ),
    *(
        "environment",
        "end_user",
        "session",
        "agent",
        "workflow",
        "flag",
        "request_type",
        "status",
        "service_tier",
        "cache_hit",
        "cost_source",
        "source",
    ),
}
PROMISED_METRICS = {
    "list_cost",
    "contracted_cost",
    *(
        "requests",
        "flagged_requests",
        "errors",
        "error_rate",
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cache_read_tokens",
    ),
    *("cache_write_tokens", "reasoning_tokens", "search_queries", "total_cost", "input_cost", "output_cost"),
    *("reasoning_cost", "citation_cost", "search_cost", "request_cost", "cache_savings", "unpriced_requests"),
    *(
        "cost_per_request",
        "cost_per_million_tokens",
        "latency_p50",
        "latency_p90",
        "latency_p95",
        "latency_p99",
    ),
    *("latency_avg", "ttft_p50", "ttft_p95", "tokens_per_second"),
}
MADE_WHILE_SUMMING = {"errors", "unpriced_requests", "priced_tokens", "list_cost", "contracted_cost"}


def test_everything_promised_is_there() -> None:
    assert set(catalogue.DIMENSIONS) >= PROMISED_DIMENSIONS
    assert set(METRICS) == PROMISED_METRICS


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_a_metric_needs_what_the_ledger_holds_and_says_what_it_is(metric: catalogue.Metric) -> None:
    assert set(metric.needs) <= {*MEASURES, *LATENCY_HISTOGRAMS, *MADE_WHILE_SUMMING}
    assert metric.label
    assert metric.definition.endswith(".")


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_a_metric_over_nothing_is_zero_if_it_adds_up_and_unknown_otherwise(metric: catalogue.Metric) -> None:
    assert metric.value(Sums()) == (0 if metric.additive else None)


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_money_is_decimal_and_nothing_else_is(metric: catalogue.Metric) -> None:
    everything = Sums(dict.fromkeys((*MEASURES, *MADE_WHILE_SUMMING), 1) | {"requests": 3})
    assert isinstance(metric.value(everything), Decimal) == metric.is_money == (metric.unit is Unit.MONEY)


def test_a_ratio_of_money_is_rounded_half_even_at_twelve_decimals() -> None:
    per_request = METRICS["cost_per_request"].value
    assert per_request(Sums({"total_cost": 5, "requests": 2})) == Decimal("2e-12")
    assert per_request(Sums({"total_cost": 7, "requests": 2})) == Decimal("4e-12")
    assert per_request(Sums({"total_cost": -5, "requests": 2})) == Decimal("-2e-12")
    assert per_request(Sums({"total_cost": 10**12, "requests": 4, "unpriced_requests": 1})) == Decimal(
        "0.333333333333"
    )


def test_cost_per_million_tokens_counts_the_tokens_of_priced_calls() -> None:
    sums = Sums({"total_cost": 3 * 10**12, "priced_tokens": 2_000_000, "total_tokens": 9_000_000})
    assert METRICS["cost_per_million_tokens"].value(sums) == Decimal("1.5")


def test_sums_of_parts_make_the_sums_of_the_whole() -> None:
    parts = [
        Sums({"requests": 2, "total_cost": 2**62}, {"latency_histogram": parse(pack([1000, 1000]))}),
        Sums({"requests": 1, "total_cost": 2**62}, {"latency_histogram": parse(pack([9000]))}),
        Sums({"requests": 1}),
    ]
    whole = total(parts)
    assert (whole["requests"], whole["total_cost"]) == (4, 2**63)
    assert whole.histograms["latency_histogram"].total == 3
    assert whole.percentile("latency_histogram", 0.5) == parts[0].percentile("latency_histogram", 0.5)


def test_labels_are_dimensions_and_a_label_without_a_key_is_not() -> None:
    found = catalogue.dimension("label:cost.code")
    assert found is not None
    assert (found.kind, found.label) == ("label", "cost.code")
    assert catalogue.dimension("label:") is None
    assert catalogue.dimension("colour") is None
