"""`tallybook serve`: one address for the API and the dashboard, one process or several, and one that sums.

The rollups are made by a thread beside the server (of the supervisor where there are several workers), so that there
is exactly one whoever answers the requests.
"""

import ipaddress
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from dashboard.alerts.notify import check_periodically
from dashboard.chargeback.delivery import keep_delivering
from dashboard.notifications.periodic import run_periodically
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger, LedgerError, open_ledger
from ingest.settings import Settings, sqlite_url

ROLL_EVERY_SECONDS: Final = 2.0
_SWITCH_SECONDS: Final = 0.0005
"""How long a thread may hold the interpreter while others wait. Reading an answer's rows gives it up at every row, and
with Python's own 5 ms each row would wait that long for a thread that computes."""
DEMO: Final = Path("demo.db")


def run(
    host: str | None, port: int | None, workers: int, *, make_demo: Callable[[], object] | None = None
) -> int:
    """Serve until stopped, a sample ledger that `make_demo` makes where there is none; the exit code."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings().model_copy(update=given)
    _require_safe(settings)
    if make_demo and _has_no_ledger(settings):
        settings = _with_demo(settings, make_demo)
    ledger = open_ledger(settings)
    listening = _listen(settings)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    _hand_down(settings)
    stop = threading.Event()
    threads = [
        threading.Thread(target=_keep_summing, args=(ledger, stop), daemon=True),
        threading.Thread(target=keep_delivering, args=(ledger, settings, stop), daemon=True),
        threading.Thread(target=check_periodically, args=(ledger, settings, stop), daemon=True),
        threading.Thread(target=_say_when_ready, args=(settings, ledger, stop), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        _serve(listening, workers)
    finally:
        stop.set()
        ledger.close()
    return 0


def app() -> ASGIApp:
    """The ASGI application of one process, made from the settings in the environment."""
    from dashboard.server.site import make_site

    sys.setswitchinterval(_SWITCH_SECONDS)
    settings = Settings()
    return make_site(open_ledger(settings), settings)


def _serve(listening: socket.socket, workers: int) -> None:
    configuration = uvicorn.Config(
        f"{__name__}:{app.__name__}", factory=True, workers=workers, log_level="warning", access_log=False
    )
    server = uvicorn.Server(configuration)
    if workers > 1:
        Multiprocess(configuration, sockets=[listening]).run()
    else:
        server.run(sockets=[listening])


def _require_safe(settings: Settings) -> None:
    """Refuse to serve others without a token and a secret of one's own.

    Raises:
        LedgerError: the message names the settings to set.
    """
    if settings.is_loopback:
        return
    missing = [name for name in ("admin_token", "secret_key") if getattr(settings, name) is None]
    if missing:
        names = " and ".join(f"TALLYBOOK_{name.upper()}" for name in missing)
        raise LedgerError(
            f"serving on {settings.host} lets others in: set {names} first, or serve on 127.0.0.1"
        )


def _listen(settings: Settings) -> socket.socket:
    try:
        family = socket.AF_INET6 if _is_ipv6(settings.host) else socket.AF_INET
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(2048)
    except OSError as error:
        raise LedgerError(
            f"cannot serve on {settings.host}:{settings.port}: {error.strerror}; try another port, as in --port 8011"
        ) from error
    listening.set_inheritable(True)
    return listening


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004
    except ValueError:
        return False


def _has_no_ledger(settings: Settings) -> bool:
    """Whether nobody has named a ledger and the default one is not there or holds nothing."""
    if "database_url" in settings.model_fields_set:
        return False
    file = sa.make_url(settings.database_url).database
    return file is not None and not Path(file).exists()


def _with_demo(settings: Settings, make_demo: Callable[[], object]) -> Settings:
    if not DEMO.exists():
        sys.stderr.write(
            "There is no ledger yet: making the sample ledger demo.db, which takes a few seconds.\n"
        )
        make_demo()
    sys.stderr.write(
        "This is the sample ledger demo.db, not your own traffic. `tallybook import FILE` starts a ledger of your own.\n"
    )
    return settings.model_copy(update={"database_url": sqlite_url(DEMO)})


def _hand_down(settings: Settings) -> None:
    """Put what the command line changed where the processes that serve will read it."""
    os.environ["TALLYBOOK_DATABASE_URL"] = settings.database_url
    os.environ["TALLYBOOK_HOST"] = settings.host
    os.environ["TALLYBOOK_PORT"] = str(settings.port)


def _keep_summing(ledger: Ledger, stop: threading.Event) -> None:
    """Make rollups as slots become dirty."""
    run_periodically("summing", lambda: rollups.roll(ledger), ROLL_EVERY_SECONDS, stop)


def _say_when_ready(settings: Settings, ledger: Ledger, stop: threading.Event) -> None:
    shown = f"[{settings.host}]" if _is_ipv6(settings.host) else settings.host
    if _wait_for(lambda: _answers(f"http://{shown}:{settings.port}/healthz"), stop):
        sys.stdout.write(f"Tallybook is at http://{shown}:{settings.port}/ (ledger {ledger.url})\n")
        sys.stdout.flush()


def _wait_for(condition: Callable[[], bool], stop: threading.Event) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not stop.is_set():
        if condition():
            return True
        stop.wait(0.1)
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)  # noqa: PLR2004
    except (OSError, urllib.error.URLError):
        return False
