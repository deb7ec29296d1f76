"""The ledger as a FOCUS dataset of cost and usage: which charges there were, day by day, at which prices, for whom."""
