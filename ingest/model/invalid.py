"""Invalid values: the one base of all errors about what a person or a program asked for."""


class Invalid(ValueError):
    """A value that cannot be taken.

    `code` is short and stable, `field` is the name of the value (`from`, `team`) without the syntax of any interface,
    and the message says what was found and what to write. A command prints the field as its flag, a page as its label,
    the HTTP interface as its parameter.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
