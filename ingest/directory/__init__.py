"""Names and owners come in: entered by users, and from lists of gateways."""
