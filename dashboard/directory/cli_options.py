"""The options for the subject of a budget or an alert: at most one of them, or everything."""

from typing import Annotated

import typer

from ingest.terminal import secret

Team = Annotated[str | None, typer.Option(help="Of this team.")]
Customer = Annotated[str | None, typer.Option(help="Of this customer.")]
CostCenter = Annotated[str | None, typer.Option(help="Of this cost centre.")]
Key = Annotated[str | None, typer.Option(callback=secret, help="Of this virtual key.")]
Project = Annotated[str | None, typer.Option(help="Of this project.")]
Model = Annotated[str | None, typer.Option(help="Of this model.")]


def one_subject(what: str, **options: str | None) -> tuple[str, str | None]:
    """The scope and the name of the subject, as the user wrote it; `all` where no option is given.

    Raises:
        BadParameter: several options are given.
    """
    named = [(scope, text) for scope, text in options.items() if text is not None]
    if len(named) > 1:
        raise typer.BadParameter(
            f"{what} is about one of --team, --customer, --cost-center, --key, --project, --model"
        )
    return named[0] if named else ("all", None)
