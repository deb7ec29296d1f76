"""`tallybook serve` as a process that is attacked: started, killed, its memory watched."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from tests.support.ledgers import SECRET

MEBIBYTE: Final = 2**20


class Server:
    """`tallybook serve` on a free port of this machine."""

    def __init__(
        self,
        folder: Path,
        url: str,
        settings: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        files: int | None = None,
    ) -> None:
        """Start it in `folder` on the ledger at `url`.

        `settings` are further settings by their names; `files` is how many files it may open at first.
        """
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLYBOOK_")}
        own = {"DATABASE_URL": url, "SECRET_KEY": SECRET.get_secret_value(), **(settings or {})}
        with (folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_with_files(files), sys.executable, "-m", "dashboard", "serve", "--port", str(port)],
                cwd=folder,
                env={**clean, **{f"TALLYBOOK_{name}": value for name, value in own.items()}},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        if not self.said.startswith("Tallybook is at http://127.0.0.1:"):
            self.kill()
            raise AssertionError((self.said, (folder / "server.log").read_text()[-2_000:]))
        self.url = self.said.split()[3]

    @property
    def port(self) -> int:
        """The port it listens on."""
        return urlsplit(self.url).port or 0

    @property
    def memory(self) -> int:
        """Resident bytes of the process now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    def kill(self) -> None:
        """Kill it at once, as a power cut or the kernel would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self.process.terminate()
        try:
            self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _with_files(files: int | None) -> list[str]:
    """The words before a command that let it open at most so many files."""
    return [] if files is None else ["bash", "-c", f'ulimit -Sn {files} && exec "$@"', "bash"]


@contextmanager
def most_memory(server: Server, every_seconds: float = 0.02) -> Iterator[list[int]]:
    """A list whose only item is the most memory that a server holds during the block, in bytes."""
    most = [server.memory]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(every_seconds):
            most[0] = max(most[0], server.memory)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield most
    finally:
        done.set()
        watching.join()
