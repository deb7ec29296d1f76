"""Running a command and measuring it: wall time, processor time, and memory of its processes."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MEGABYTE: Final = 1 << 20
_PROC: Final = Path("/proc")
_EVERY_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Run:
    """What a command took."""

    seconds: float
    processor_seconds: float
    main_megabytes: float
    """Peak resident memory of the process that was started (Linux only, else 0)."""
    megabytes: float
    """Peak resident memory of all its processes together; of the largest process where there is no /proc."""
    output: bytes


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **(environment or {})})
    watch = _Watch(process.pid)
    watch.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    watch.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    largest = after.ru_maxrss * 1024 / _MEGABYTE
    return Run(seconds, worked, watch.main / _MEGABYTE, watch.together / _MEGABYTE or largest, output)


class _Watch(threading.Thread):
    """Looks at a process and its descendants from time to time."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.main = 0
        self.together = 0
        self._pid = pid
        self._done = threading.Event()

    def run(self) -> None:
        if not _PROC.exists():
            return
        while not self._done.wait(_EVERY_SECONDS):
            resident = _resident(self._pid)
            self.main = max(self.main, resident.get(self._pid, 0))
            self.together = max(self.together, sum(resident.values()))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _resident(root: int) -> dict[int, int]:
    """Resident bytes of a process and all its descendants."""
    found: dict[int, int] = {}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
            found[pid] = pages * resource.getpagesize()
            for task in (_PROC / str(pid) / "task").iterdir():
                waiting += (int(child) for child in (task / "children").read_text().split())
        except (OSError, IndexError):
            continue
    return found
