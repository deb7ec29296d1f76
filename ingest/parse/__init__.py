"""Parse text that users type into values: dates, numbers, currencies. Not the formats of gateways."""
