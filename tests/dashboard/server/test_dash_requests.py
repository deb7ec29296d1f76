"""Requests that no page sends: the dashboard refuses them, and never fails."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dashboard.pages import PAGES, PARTS
from dashboard.pages import app as dashboard_app
from dashboard.server.dash_requests import MAX_BYTES
from dashboard.server.site import make_site
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.settings import Settings
from tests.support.callbacks import PATH, places, request_of
from tests.support.calls import a_ledger, call, put
from tests.support.examples import examples

ODD: Final[tuple[Any, ...]] = (
    None,
    -1,
    1e300,
    10**18,
    "x",
    "\u0000",
    "?from=x&from=\u0000",
    ["x"],
    [None],
    [[]],
    {},
    {"x": 1},
    True,
)
"""Values of every kind of JSON."""
REFUSED_OR_DONE: Final = (200, 204, 400, 422)


@dataclass(frozen=True)
class Site:
    """A server whose dashboard is asked, and what its callbacks are."""

    client: TestClient
    callbacks: dict[str, Any]

    def ask(self, request: Any) -> int:
        """The status of the answer to a request."""
        return int(self.post(json.dumps(request)).status_code)

    def post(self, body: str | bytes, content_type: str = "application/json") -> Any:
        return self.client.post(PATH, content=body, headers={"content-type": content_type})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made: list[Any] = []
    with a_ledger(tmp_path_factory.mktemp("callbacks")) as ledger, pytest.MonkeyPatch.context() as patch:
        put(ledger, [call("2026-10-05T10:00:00+00:00", 1, model="gpt-4o", team="ml")])
        real = dashboard_app.make_dashboard

        def keeping(opened: Ledger) -> Any:
            made.append(real(opened))
            return made[0]

        patch.setattr("dashboard.server.site.make_dashboard", keeping)
        app = make_site(ledger, Settings())
        with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
            yield Site(client, {o: c for o, c in made[0].callback_map.items() if "callback" in c})


def test_what_a_page_sends_is_answered(site: Site) -> None:
    assert {site.ask(request_of(output, callback)) for output, callback in site.callbacks.items()} <= {
        200,
        204,
    }


def oddities(site: Site) -> Iterator[tuple[dict[str, Any], str]]:
    """Every callback with every odd value in the place of every one of its values."""
    for output, callback in site.callbacks.items():
        sound = request_of(output, callback)
        for at, odd in product(range(len(places(sound))), ODD):
            request = copy.deepcopy(sound)
            places(request)[at]["value"] = odd
            yield request, f"{output}: {places(request)[at]['property']} {odd!r}"


def test_an_odd_value_is_no_failure(site: Site) -> None:
    """A sample of all oddities, which walks through the values at each place in turn."""
    failed = [
        what
        for number, (request, what) in enumerate(oddities(site))
        if number % 11 == 0 and site.ask(request) not in REFUSED_OR_DONE
    ]
    assert failed == []


@pytest.mark.long
def test_no_odd_value_is_a_failure(site: Site) -> None:
    assert [what for request, what in oddities(site) if site.ask(request) not in REFUSED_OR_DONE] == []


def broken(site: Site) -> Iterator[tuple[Any, str]]:
    """Requests of each callback that are not built as a page builds them."""
    for output, callback in site.callbacks.items():
        sound = request_of(output, callback)
        for key, odd in product(
            sound,
            (None, 5, "x", [], [None], ["x"], {}, [{}], [[]], {"id": None}, [{"id": {}, "property": 1}]),
        ):
            yield sound | {key: odd}, f"{output}: {key} {odd!r}"
        for key in sound:
            yield {name: one for name, one in sound.items() if name != key}, f"{output} without {key}"


def test_a_request_that_is_built_otherwise_is_refused(site: Site) -> None:
    failed = [
        what
        for number, (request, what) in enumerate(broken(site))
        if number % 7 == 0 and site.ask(request) not in REFUSED_OR_DONE
    ]
    assert failed == []


@pytest.mark.long
def test_every_request_that_is_built_otherwise_is_refused(site: Site) -> None:
    assert [what for request, what in broken(site) if site.ask(request) not in REFUSED_OR_DONE] == []


JSON_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@examples(100)
@given(data=st.data())
def test_any_json_is_no_failure(site: Site, data: st.DataObject) -> None:
    output = data.draw(st.sampled_from(sorted(site.callbacks)))
    request = request_of(output, site.callbacks[output])
    one = data.draw(st.sampled_from(places(request)))
    one[data.draw(st.sampled_from(("id", "property", "value")))] = data.draw(JSON_VALUES)
    assert site.ask(request) in REFUSED_OR_DONE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"5",
        b"not JSON",
        b"\xff\xfe",
        b'{"output": "nothing.children", "outputs": [], "inputs": [], "changedPropIds": []}',
        b'{"output": "titled.data", "outputs": [], "inputs": [], "changedPropIds": []}',
        b'{"output": NaN}',
        b"[" * 200_000,
        b'{"output": ' * 200_000,
        b'{"output": "page.children", "inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_body_that_is_no_request_is_refused_with_a_problem(site: Site, body: bytes) -> None:
    answer = site.post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_callback")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_request_of_another_type_is_refused(site: Site) -> None:
    output, callback = next(iter(site.callbacks.items()))
    assert site.post(json.dumps(request_of(output, callback)), "text/plain").status_code == 400


def test_a_request_that_is_too_large_is_refused(site: Site) -> None:
    answer = site.post(b" " * (MAX_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_refusal_says_which_value_is_odd(site: Site) -> None:
    request = request_of("pages.children", site.callbacks["pages.children"])
    request["inputs"][1]["value"] = ["?period=7d"]
    answer = site.post(json.dumps(request))
    assert answer.json()["detail"] == "inputs: url.search: Expected `str | null`, got `array`"


@pytest.mark.parametrize(
    ("error", "status"), [(KeyError("x"), 400), (LedgerBusy("locked"), 503), (AssertionError("a bug"), 500)]
)
def test_a_callback_that_fails_is_answered_with_a_problem_and_logged(
    site: Site,
    error: Exception,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("dashboard.pages.app._links", fail)
    answer = site.post(json.dumps(request_of("pages.children", site.callbacks["pages.children"])))
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert ("retry-after" in answer.headers) is (status == 503)
    logged = capsys.readouterr().err
    assert "callback failed" in logged
    assert type(error).__name__ in logged


SEARCHES: Final = (
    "?from=9999-12-31&to=0001-01-01",
    "?from=0001-01-01&to=9999-12-31&interval=hour",
    "?period=%00&model=%ff%fe",
    "?%00=%00",
    "?" + "&".join(f"model={at}" for at in range(2_000)),
    "?request=not-an-id&search=" + "%F0%9F%92%A9" * 100,
    "?to_model=&cache_hit_rate=x&tier=%2e%2e&by=nothing",
    "?&&==&=&from",
    "?adjustment=-1&adjustment=1e999",
)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search[:30])
def test_a_page_with_an_odd_query_is_shown(site: Site, search: str) -> None:
    """A page of the addresses in turn: the document, and what its callbacks fill into it."""
    page = f"/dashboard/{PAGES[SEARCHES.index(search) % len(PAGES)].path}"
    assert site.client.get(f"{page}{search}").status_code == 200
    for output in ("..page.children...shown.data..", "pages.children"):
        assert site.ask(_of_page(site, output, page, search)) == 200


@pytest.mark.long
@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search[:30])
def test_every_page_and_part_with_an_odd_query_is_shown(site: Site, search: str) -> None:
    for page in (*(f"/dashboard/{page.path}" for page in PAGES), "/dashboard/nowhere", "/dashboard/%00"):
        assert site.client.get(f"{page}{search}").status_code == 200
        for output in site.callbacks:
            assert site.ask(_of_page(site, output, page, search)) in REFUSED_OR_DONE, (page, output)
    (fill,) = (output for output in site.callbacks if '"part"' in output)
    for part in PARTS:
        request = request_of(fill, site.callbacks[fill])
        request["inputs"][0]["value"] = {"type": "part", "name": part, "search": search}
        assert site.ask(request) == 200, part


def _of_page(site: Site, output: str, page: str, search: str) -> Any:
    request = request_of(output, site.callbacks[output])
    for one in places(request):
        one["value"] = {"pathname": page, "search": search}.get(one["property"], one["value"])
    return request


@pytest.mark.parametrize(
    "path",
    [
        "_dash-layout?x=%00",
        "_dash-dependencies?x",
        "_reload-hash",
        "_dash-update-component",
        "_dash-component-suites/nothing/x.js",
        "_dash-component-suites/dash/../../x.js",
        "_dash-component-suites/dash/%2e%2e/x",
        "_dash-component-suites/dash/",
        "_dash-component-suites/sys/x.js",
        "_dash-component-suites//x",
        "_dash-ws-callback",
        "_favicon.ico?v=%00",
        "assets/%2e%2e/app.py",
        "assets/%00",
        "%ff%fe",
        "_dash-nothing",
    ],
)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_odd_address_of_the_dashboard_is_no_failure(site: Site, path: str, encoding: str) -> None:
    answer = site.client.get(f"/dashboard/{path}", headers={"accept-encoding": encoding})
    assert answer.status_code < 500, answer.text
