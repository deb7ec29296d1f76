"""What may know what: import-linter's contracts, and what a process has loaded when it needs little."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "not_loaded"),
    [
        ("ingest.api", ("dash", "pandas", "plotly", "dashboard")),
        ("ingest.importing", ("dash", "pandas", "plotly", "fastapi", "alembic", "dashboard")),
        ("ingest.formats", ("sqlalchemy", "genai_prices")),
        ("ingest.decoders", ("sqlalchemy", "pydantic", "fastapi")),
        ("dashboard.runner", ("dash", "plotly", "fastapi")),
        ("dashboard.focus.export", ("dash", "plotly", "fastapi", "pyarrow")),
    ],
)
def test_a_module_is_used_without_what_it_does_not_need(module: str, not_loaded: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print([m for m in {not_loaded!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
