"""Changes of the price book: prices set by hand or imported, terms, aliases; repricing of stored calls."""
