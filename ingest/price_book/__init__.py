"""Prices come in: set by hand, imported from lists, with terms and aliases; repricing of stored calls."""
