"""What was spent: the question of commands and of the HTTP interface."""
