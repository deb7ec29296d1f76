"""The format that the user chooses to read records with: by its name, or by a mapping file."""

from typing import TYPE_CHECKING

from ingest import formats
from ingest.formats.format import Format
from ingest.model.invalid import Invalid
from ingest.model.rejection import Refused

if TYPE_CHECKING:
    from ingest.mapping import TableMapping


class WrongChoice(Invalid):
    """A format or a mapping that cannot be used; the message says why."""


def choice(format_name: str, mapping: str | None) -> tuple[Format | None, "TableMapping | None"]:
    """The chosen format and its mapping; None and None if the format of each record is to be recognised.

    Raises:
        WrongChoice: there is no such format, the mapping has errors, or both are given.
    """
    if mapping is None:
        try:
            return (None if format_name == "auto" else formats.by_name(format_name)), None
        except Refused as refused:
            raise WrongChoice("unknown_format", refused.reason, "format") from None
    if format_name != "auto":
        message = "--mapping describes a table of its own: leave out --format"
        raise WrongChoice("two_formats", message)
    from ingest.mapping import MappingError, load

    try:
        mapped = load(mapping)
    except MappingError as error:
        raise WrongChoice("bad_mapping", str(error), "mapping") from None
    return mapped.format, mapped
