"""Text that people type becomes values: dates, numbers, currencies. Not the formats of gateways."""
