"""Where the tests find the checkout and their samples."""

from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parents[1]
ROOT: Final = TESTS.parent
FORMATS: Final = TESTS / "formats"
DOCS: Final = ROOT / "docs"
