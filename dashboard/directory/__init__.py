"""Names, owners and the history of assignments, as commands, pages and the API read them."""
