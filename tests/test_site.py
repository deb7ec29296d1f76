"""The site as a browser is served: one address, packed and kept assets, nothing from elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import a_ledger
from fastapi.testclient import TestClient
from plotly.offline import get_plotlyjs_version
from pydantic import SecretStr

from dashboard.server.site import make_site
from ingest.settings import Settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(secret_key=SecretStr("of the tests"))
    with (
        a_ledger(Path(tmp_path_factory.mktemp("site"))) as ledger,
        TestClient(make_site(ledger, settings), base_url="http://127.0.0.1") as found,
    ):
        yield found


@pytest.fixture(scope="module")
def assets(client: TestClient) -> list[str]:
    """The scripts and styles that the page names."""
    return re.findall(r'(?:src|href)="([^"]+)"', client.get("/dashboard/").text)


def test_the_page_names_nothing_of_another_machine(assets: list[str]) -> None:
    assert len(assets) > 5
    assert all(one.startswith("/dashboard/") for one in assets)


def test_assets_are_packed_and_kept(client: TestClient, assets: list[str]) -> None:
    for one in assets:
        found = client.get(one, headers={"accept-encoding": "gzip"})
        assert found.status_code == 200, one
        assert re.fullmatch(r"public, max-age=(86400|31536000)", found.headers["cache-control"]), one
        if len(found.content) > 1_024:
            assert found.headers["content-encoding"] == "gzip", one


def test_the_library_of_charts_is_of_the_version_that_figures_are_made_for(
    client: TestClient, assets: list[str]
) -> None:
    library = client.get(next(one for one in assets if "plotly-basic" in one)).text
    assert f"v{get_plotlyjs_version()}" in library[:200]


def test_the_front_door_leads_to_the_dashboard(client: TestClient) -> None:
    found = client.get("/", follow_redirects=False)
    assert (found.status_code, found.headers["location"]) == (307, "/dashboard/")
