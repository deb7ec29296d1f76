"""The HTTP interface of the write side. Who may call it is not decided here."""
