"""A frozen sample of LiteLLM's map of prices."""

from typing import Final

from tests.support.paths import TESTS

REAL: Final = TESTS / "price_lists" / "litellm.json"
