"""`tallybook prices` and `reprice`: the commands that change the price book, and what calls cost by it."""

from typing import Annotated, Final

import typer

from ingest.terminal import CallsFrom, CallsTo, Json, Tier

prices = typer.Typer(
    help="The price book: dated prices, terms, aliases, and what calls cost by them.",
    no_args_is_help=True,
)

_Json = Annotated[bool, typer.Option("--json", help="The result as JSON.")]


@prices.command()
def alias(
    name: Annotated[
        str, typer.Argument(metavar="PROVIDER/NAME", help="What calls name: a deployment, a nickname.")
    ],
    model: Annotated[str, typer.Argument(metavar="PROVIDER/MODEL", help="The model whose prices it has.")],
) -> None:
    """Say which model a name means, such as an Azure deployment. `*` as its provider is any provider."""
    from ingest.price_book.alias_command import run

    raise typer.Exit(run(name, model))


@prices.command(name="import")
def import_(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="LiteLLM's price map, Bifrost's datasheet, or a CSV, YAML or JSON table of your own.",
            show_default=False,
        ),
    ] = None,
    litellm: Annotated[
        bool, typer.Option("--litellm", help="The price map in the installed litellm package.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The source that the prices are kept under.", show_default=False),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DATE",
            help="From when changed prices hold (UTC); else from now.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and keep nothing.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Add the prices of a list to the book: what differs from what is in effect, and nothing twice."""
    from ingest.price_book.import_command import run

    raise typer.Exit(run(path, litellm=litellm, source=source, start=start, dry_run=dry_run, as_json=as_json))


_From = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="The first day; always where not given.")
]
_To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="The day after the last.")]
_Note = Annotated[str, typer.Option(help="Where it is from: a contract, a page.")]
_Team = Annotated[str | None, typer.Option(help="Calls of this team only, by name or id.")]
_Customer = Annotated[str | None, typer.Option(help="Calls of this customer only, by name or id.")]
_What = Annotated[
    str, typer.Argument(metavar="PROVIDER[/MODEL]", help="The provider or model; all for everything.")
]
_Percent = Annotated[str, typer.Argument(metavar="PERCENT", help="Such as 12%; 0% ends an earlier one.")]

_NEGATIVE: Final = {"ignore_unknown_options": True}
"""So that -5% reaches the command, which says what to write instead."""


@prices.command(name="set")
def set_(
    provider: Annotated[str, typer.Argument(help="The provider, * for any.")],
    model: Annotated[str, typer.Argument(help="The model; * in it stands for any letters.")],
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="METER=PRICE...",
            help="Per million tokens or characters, per second of what lasts, per one of anything else; "
            "none takes a price back.",
        ),
    ],
    start: _From = None,
    end: _To = None,
    above: Annotated[int, typer.Option(min=0, help="Calls with more input tokens than this.")] = 0,
    marginal: Annotated[
        bool, typer.Option("--marginal", help="Only the units above, not the whole call.")
    ] = False,
    tier: Tier = None,
    hours: Annotated[str, typer.Option(help='Hours of the week in UTC: "mon-fri 00:30-16:30".')] = "",
    currency: Annotated[str, typer.Option(help="The currency of the prices.")] = "USD",
    per: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="For how many tokens, seconds or pieces the prices are, if not as above."
        ),
    ] = None,
    least: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="A call is billed so many seconds, characters or pieces at least."
        ),
    ] = 0,
    note: _Note = "",
    as_json: _Json = False,
) -> None:
    """Set prices of a model by hand. Nothing is overwritten: what was added last counts where it holds."""
    from ingest.price_book.service import SetPriceOptions
    from ingest.price_book.set_command import run

    options = SetPriceOptions(
        provider=provider,
        model=model,
        assignments=assignments,
        above=above,
        marginal=marginal,
        service_tier=tier,
        hours=hours,
        currency=currency,
        per=per,
        least=least,
        note=note,
    )
    raise typer.Exit(run(options, start, end, as_json=as_json))


@prices.command(context_settings=_NEGATIVE)
def discount(
    what: _What,
    percent: _Percent,
    start: _From = None,
    end: _To = None,
    team: _Team = None,
    customer: _Customer = None,
    note: _Note = "",
    as_json: _Json = False,
) -> None:
    """Take so much off published prices, as a contract says: list and contracted cost are kept apart."""
    from ingest.price_book.term_command import run
    from ingest.price_book.terms import AddTermOptions

    options = AddTermOptions(
        kind="discount", what=what, percent=percent, team=team, customer=customer, note=note
    )
    raise typer.Exit(run(options, start, end, as_json=as_json))


@prices.command(context_settings=_NEGATIVE)
def markup(
    what: _What,
    percent: _Percent,
    start: _From = None,
    end: _To = None,
    team: _Team = None,
    customer: _Customer = None,
    note: _Note = "",
    as_json: _Json = False,
) -> None:
    """Charge so much on top of what the provider asks."""
    from ingest.price_book.term_command import run
    from ingest.price_book.terms import AddTermOptions

    options = AddTermOptions(
        kind="markup", what=what, percent=percent, team=team, customer=customer, note=note
    )
    raise typer.Exit(run(options, start, end, as_json=as_json))


@prices.command(context_settings=_NEGATIVE)
def region(
    what: _What,
    name: Annotated[str, typer.Argument(metavar="REGION", help="As calls name it, such as us.")],
    percent: _Percent,
    start: _From = None,
    end: _To = None,
    note: _Note = "",
    as_json: _Json = False,
) -> None:
    """Say that tokens cost so much more in a region; searches and fees cost the same."""
    from ingest.price_book.term_command import run
    from ingest.price_book.terms import AddTermOptions

    options = AddTermOptions(kind="region", what=what, percent=percent, region=name, note=note)
    raise typer.Exit(run(options, start, end, as_json=as_json))


def reprice(
    from_: CallsFrom = None,
    to: CallsTo = None,
    provider: Annotated[str | None, typer.Option(help="Calls of this provider.")] = None,
    model: Annotated[str | None, typer.Option(help="Calls of this model, as the call names it.")] = None,
    only_unpriced: Annotated[
        bool, typer.Option("--only-unpriced", help="Calls that have no price yet, or only for a part.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; change nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")] = False,
    as_json: Json = False,
) -> None:
    """Price calls again, each at its time by today's price book, and keep a record of what that changed."""
    from ingest.price_book.reprice_command import RepriceOptions, run

    raise typer.Exit(run(RepriceOptions(from_, to, provider, model, only_unpriced, dry_run, resume, as_json)))
