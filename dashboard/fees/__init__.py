"""Flat fees: amounts that are due whether or not calls are made."""
