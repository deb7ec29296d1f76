"""What is measured, and by which tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

KEPT: Final = ROOT / ".quality"
"""Where measurements are kept between the commands."""


@dataclass(frozen=True, slots=True)
class Area:
    """Modules that keep one promise."""

    name: str
    patterns: tuple[str, ...]

    def files(self) -> list[Path]:
        """The modules, in order."""
        return sorted(path for pattern in self.patterns for path in ROOT.glob(pattern))


AREAS: Final = (
    Area(
        "ledger writer",
        tuple(f"ingest/ledger/{n}.py" for n in ("writer", "call_spans", "entry", "dirty_slots")),
    ),
    Area("identity", ("ingest/intake/identity.py", "ingest/intake/decode.py")),
    Area("pricing", ("ingest/pricing/*.py",)),
    Area("chargeback", ("dashboard/chargeback/*.py",)),
)

TESTS: Final = (
    "tests/ingest/ledger",
    "tests/ingest/intake",
    "tests/ingest/pricing",
    "tests/dashboard/chargeback",
    "tests/invariants/test_once.py",
    "tests/invariants/test_spans_once.py",
    "tests/invariants/test_together.py",
    "tests/invariants/test_exact.py",
    "tests/invariants/test_certain_wholes.py",
    "tests/invariants/test_doubled_traffic.py",
    "tests/invariants/test_ledgers_written_before.py",
)
"""The tests of these folders, and the invariants that they share."""


def area_of(path: Path) -> Area:
    """The area that a module belongs to."""
    return next(area for area in AREAS if path in area.files())
