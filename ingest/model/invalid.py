"""Invalid values: the base of all errors about the input of a user or a client."""


class Invalid(ValueError):
    """A value that cannot be taken.

    `code` is short and stable. `field` is the name of the value (`from`, `team`) without
    the syntax of any interface: a command prints it as its flag, a page as its label, the
    HTTP interface as its parameter. The message says what was found and what to write.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
