"""Random draws that are the same everywhere: the same seed gives the same draws on every platform and Python.

Only `Random.random()` is guaranteed never to change, and only + - * / give the same float everywhere. So
nothing else is used here, no Gaussians and no logarithms.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Curve:
    """A distribution by its quantiles, from (0, smallest) to (1, largest), with linear interpolation."""

    quantiles: Sequence[tuple[float, int]]

    def at(self, share: float) -> int:
        """The value that a `share` (0 to 1) of all values does not exceed."""
        above = min(bisect_right(self.quantiles, (share, -1)), len(self.quantiles) - 1)
        (low, least), (high, most) = self.quantiles[above - 1], self.quantiles[above]
        return least + int((most - least) * (share - low) / (high - low))


class RandomDraws:
    """A seeded sequence of draws."""

    def __init__(self, seed: int) -> None:
        self.share = Random(seed).random  # noqa: S311 - sample traffic, no secret
        """A number from 0 up to, and not including, 1."""

    def happens(self, probability: float) -> bool:
        """True with this probability."""
        return self.share() < probability

    def between(self, least: float, most: float) -> float:
        """A number in the range, all equally likely."""
        return least + (most - least) * self.share()

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, and not including, `limit`."""
        return int(limit * self.share())

    def of(self, curve: Curve) -> int:
        """A value of the distribution."""
        return curve.at(self.share())

    def pick(self, choices: Sequence[T], cumulative_weights: Sequence[float]) -> T:
        """One of the choices, drawn by weight. `cumulative_weights` are the running totals of the weights."""
        return choices[
            min(bisect_right(cumulative_weights, self.share() * cumulative_weights[-1]), len(choices) - 1)
        ]
