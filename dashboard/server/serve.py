"""`tallybook serve`: one address for the API and the dashboard, served by one process or several.

Rollups are made by a single thread: beside the server, or in the supervisor if there are several workers.
"""

import ctypes
import gc
import ipaddress
import os
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from dashboard.alerts.notify import check_periodically
from dashboard.chargeback.delivery import keep_delivering
from dashboard.notifications.periodic import run_periodically
from ingest import logs
from ingest.http.connections import BoundedProtocol, raise_file_limit
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger, LedgerError, open_ledger, sqlite_file
from ingest.ledger.write_ahead_log import LogKeeper
from ingest.settings import LONG_TOKEN, Settings, sqlite_url

ROLL_EVERY_SECONDS: Final = 2.0
_SWITCH_INTERVAL_SECONDS: Final = 0.0005
"""How long a thread may keep the interpreter while others wait. A thread that reads rows yields at every row;
with Python's default of 5 ms it would wait that long at each row for a thread that computes."""
_MMAP_THRESHOLD: Final = -3
"""The parameter of `mallopt`: blocks of this size are taken from the system, and given back."""
_LARGE_BLOCK: Final = 2**17
_GARBAGE_THRESHOLD: Final = 20_000
"""New objects after which the youngest are searched for garbage."""
DEMO_FILE: Final = Path("demo.db")


def run(
    host: str | None, port: int | None, workers: int, *, make_demo: Callable[[], object] | None = None
) -> int:
    """Serve until stopped; returns the exit code. If there is no ledger, serve what `make_demo` makes."""
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings().model_copy(update=changes)
    require_safe(settings)
    logs.configure(settings.log_format, settings.log_level)
    if make_demo and _has_no_ledger(settings):
        settings = _with_demo(settings, make_demo)
    ledger = open_ledger(settings)
    listening = _listen(settings)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    _export_settings(settings)
    stop = threading.Event()
    threads = [
        threading.Thread(target=_keep_rolling_up, args=(ledger, stop), daemon=True),
        threading.Thread(target=keep_delivering, args=(ledger, settings, stop), daemon=True),
        threading.Thread(target=check_periodically, args=(ledger, settings, stop), daemon=True),
        threading.Thread(target=_announce_when_ready, args=(settings, ledger, stop), daemon=True),
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

    raise_file_limit()
    _return_large_memory()
    sys.setswitchinterval(_SWITCH_INTERVAL_SECONDS)
    settings = Settings()
    logs.configure(settings.log_format, settings.log_level)
    site = make_site(open_ledger(settings), settings)
    _calm_garbage_collector()
    return site


def _return_large_memory() -> None:
    """Give large blocks of memory back to the system when they are free.

    Otherwise glibc keeps them between small ones, and a server holds twice what its bodies did.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)


def _calm_garbage_collector() -> None:
    """Leave out of the search for garbage what lives as long as the process, and search less often.

    A large body makes a million values at once. The search would stop all threads for longer than they take.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 10, 10)


def _serve(listening: socket.socket, workers: int) -> None:
    configuration = uvicorn.Config(
        f"{__name__}:{app.__name__}",
        factory=True,
        workers=workers,
        http=BoundedProtocol,
        log_level="warning",
        log_config=None,  # its lines take the form of ours
        access_log=False,
    )
    server = uvicorn.Server(configuration)
    if workers > 1:
        with tempfile.TemporaryDirectory(prefix="tallybook-metrics-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            _count_beside_workers()
            Multiprocess(configuration, sockets=[listening]).run()
    else:
        server.run(sockets=[listening])


def _count_beside_workers() -> None:
    """Let `/metrics` add the work of this process, such as rollups, to the work of the workers."""
    from ingest.http.metrics import Metrics  # not before the folder is named: it is looked at once

    Metrics()


def require_safe(settings: Settings) -> None:
    """Refuse to serve other machines unless admin token and secret key are set; warn of a short admin token.

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
    if settings.admin_token is not None and len(settings.admin_token.get_secret_value()) < LONG_TOKEN:
        sys.stderr.write(
            f"TALLYBOOK_ADMIN_TOKEN has fewer than {LONG_TOKEN} characters: it may be guessed. "
            "`tallybook doctor` says how to make a long one.\n"
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
            f"cannot serve on {settings.host}:{settings.port}: {error.strerror}; "
            "try another port, as in --port 8011"
        ) from error
    listening.set_inheritable(True)
    return listening


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004
    except ValueError:
        return False


def _has_no_ledger(settings: Settings) -> bool:
    """Whether the settings name no ledger and the file of the default ledger does not exist."""
    if "database_url" in settings.model_fields_set:
        return False
    file = sqlite_file(settings.database_url)
    return file is not None and not Path(file).exists()


def _with_demo(settings: Settings, make_demo: Callable[[], object]) -> Settings:
    if not DEMO_FILE.exists():
        sys.stderr.write(
            "There is no ledger yet: making the sample ledger demo.db, which takes a few seconds.\n"
        )
        make_demo()
    sys.stderr.write(
        "This is the sample ledger demo.db, not your own traffic. "
        "`tallybook import FILE` starts a ledger of your own.\n"
    )
    return settings.model_copy(update={"database_url": sqlite_url(DEMO_FILE)})


def _export_settings(settings: Settings) -> None:
    """Put the settings that the command line changed into the environment, for the worker processes."""
    os.environ["TALLYBOOK_DATABASE_URL"] = settings.database_url
    os.environ["TALLYBOOK_HOST"] = settings.host
    os.environ["TALLYBOOK_PORT"] = str(settings.port)


def _keep_rolling_up(ledger: Ledger, stop: threading.Event) -> None:
    """Make rollups as slots become dirty, and keep the write-ahead log short."""
    log = LogKeeper(ledger)

    def work() -> None:
        rollups.roll(ledger)
        log.keep_short()

    run_periodically("summing", work, ROLL_EVERY_SECONDS, stop)


def _announce_when_ready(settings: Settings, ledger: Ledger, stop: threading.Event) -> None:
    host = f"[{settings.host}]" if _is_ipv6(settings.host) else settings.host
    if _wait_for(lambda: _is_healthy(f"http://{host}:{settings.port}/healthz"), stop):
        sys.stdout.write(f"Tallybook is at http://{host}:{settings.port}/ (ledger {ledger.url})\n")
        sys.stdout.flush()


def _wait_for(condition: Callable[[], bool], stop: threading.Event) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not stop.is_set():
        if condition():
            return True
        stop.wait(0.1)
    return False


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)  # noqa: PLR2004
    except (OSError, urllib.error.URLError):
        return False
