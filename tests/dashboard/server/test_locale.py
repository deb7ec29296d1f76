"""Each request is answered in the locale of its reader."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.formatting import format as wording
from dashboard.server.locale import LocaleMiddleware


def test_each_request_has_its_own_reader() -> None:
    app = FastAPI()

    @app.get("/")
    def tell() -> str:
        return wording.number(1_000)

    client = TestClient(LocaleMiddleware(app))
    answers = [client.get("/", headers={"accept-language": tag}).json() for tag in ("de", "en", "sv")]
    assert answers == ["1.000", "1,000", "1\N{NO-BREAK SPACE}000"]
    assert wording.number(1_000) == "1,000"
