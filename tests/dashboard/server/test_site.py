"""The site as a browser is served: one address, packed and kept assets, nothing from elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from plotly.offline import get_plotlyjs_version
from pydantic import SecretStr

from dashboard.server.site import make_site
from ingest.settings import Settings
from tests.support.calls import a_ledger


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(secret_key=SecretStr("of the tests"))
    with (
        a_ledger(Path(tmp_path_factory.mktemp("site"))) as ledger,
        TestClient(make_site(ledger, settings), base_url="http://127.0.0.1") as client,
    ):
        yield client


@pytest.fixture(scope="module")
def assets(client: TestClient) -> list[str]:
    """The scripts and styles that the page names."""
    return re.findall(r'(?:src|href)="([^"]+)"', client.get("/dashboard/").text)


def test_the_page_names_nothing_of_another_machine(assets: list[str]) -> None:
    assert len(assets) > 5
    assert all(url.startswith("/dashboard/") for url in assets)


def test_assets_are_compressed_and_cached(client: TestClient, assets: list[str]) -> None:
    for url in assets:
        response = client.get(url, headers={"accept-encoding": "gzip"})
        assert response.status_code == 200, url
        assert re.fullmatch(r"public, max-age=(86400|31536000)", response.headers["cache-control"]), url
        if len(response.content) > 1_024:
            assert response.headers["content-encoding"] == "gzip", url


def test_the_library_of_charts_is_of_the_version_that_figures_are_made_for(
    client: TestClient, assets: list[str]
) -> None:
    library = client.get(next(url for url in assets if "plotly-basic" in url)).text
    assert f"v{get_plotlyjs_version()}" in library[:200]


def test_the_front_door_leads_to_the_dashboard(client: TestClient) -> None:
    response = client.get("/", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, "/dashboard/")
