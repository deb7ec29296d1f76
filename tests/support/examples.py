"""How many examples a property is tried with: few by `make test`, ten times as many by `make test-long`."""

from typing import Final

from hypothesis import settings

FEW: Final = 30
"""Examples of a property that names no number."""
MANY: Final = 300
"""Examples of the same property in `make test-long`, whose profile is "many"."""


def examples(few: int) -> settings:
    """So many examples for a property, and in the long tests more in the same proportion."""
    return settings(max_examples=few * settings.default.max_examples // FEW)  # type: ignore[union-attr]
