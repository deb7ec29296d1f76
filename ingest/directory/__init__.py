"""Names and owners come in: by hand, and from lists of gateways."""
