"""Options that mean the same in several commands. A time is half-open: its start is in it, its end is not."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]

From = Annotated[str | None, typer.Option("--from", help="Start: a date or an RFC 3339 time.")]
To = Annotated[str | None, typer.Option("--to", help="End, not included: a date or an RFC 3339 time.")]
Timezone = Annotated[
    str | None, typer.Option(help="The zone of dates and days; the ledger's where not given.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="DIM=VALUE", help="Keep only these; may be given several times."),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Show at most so many rows.")]

FromTime = Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this date or time on.")]
ToTime = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this date or time.")]
CallsFrom = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Calls from this date or time on.")
]
CallsTo = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Calls before this date or time.")]
FromDay = Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on.")]
ToDay = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Before this day.")]

OutFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="Where to write; standard output where not given.")
]
Reason = Annotated[str, typer.Option(help="Kept with it.")]
Source = Annotated[str | None, typer.Option(help="The source's name, in place of the format's own.")]
Tier = Annotated[str | None, typer.Option(help="The service tier, such as batch.")]
