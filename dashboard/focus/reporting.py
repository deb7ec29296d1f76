"""What a row comes to in the reporting currency, by the rate of its day, as the chargeback has it."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from dashboard.focus.exact import MONEY_SCALE, PRICE_SCALE, decimal_of
from ingest.exchange import NoRate, Rates
from ingest.model.zone import date_of


class Reporting:
    """Converts amounts; those in a currency that no rate is known for stay as they are and are in no sum."""

    def __init__(self, currency: str, rates: Rates) -> None:
        self.currency = currency
        self._rates = rates

    def rate(self, currency: str, day: int) -> Fraction | None:
        """What one unit is worth in the reporting currency; None where nobody knows."""
        if currency == self.currency:
            return Fraction(1)
        try:
            return self._rates.find(currency, self.currency, day).rate
        except NoRate:
            return None

    def columns(self, amount: Decimal, currency: str, day: int) -> dict[str, Any]:
        """The columns of a row that costs an amount on a day."""
        if currency == self.currency:
            return {"x_reporting_currency": currency, "x_reporting_cost": amount}
        rate = self.rate(currency, day)
        if rate is None:
            return {"x_reporting_currency": self.currency}
        return {
            "x_reporting_currency": self.currency,
            "x_reporting_cost": decimal_of(Fraction(amount) * rate, MONEY_SCALE),
            "x_fx_rate": decimal_of(rate, PRICE_SCALE),
            "x_fx_rate_date": date_of(self._rates.find(currency, self.currency, day).day).isoformat(),
        }
