"""Two minutes of the soak: mixed traffic, hostile senders and faults; nothing acknowledged is lost.

`make soak` runs an hour of it and looks at the slope of the memory too.
"""

from pathlib import Path

import pytest

from tests.attacks.server import MEBIBYTE
from tests.attacks.soak import soak

MINUTES = 2
LARGEST = 700 * MEBIBYTE


@pytest.mark.long
def test_two_minutes_of_traffic_and_faults_lose_nothing(tmp_path: Path) -> None:
    outcome = soak(tmp_path, MINUTES, 15, print)
    assert outcome.done["records"] > 1_000
    assert (outcome.missing, outcome.twice, outcome.broken, outcome.wrong) == (0, 0, [], [])
    assert max(sample.memory for sample in outcome.samples) < LARGEST
