"""Decoding: raw records become entries and rejections.

This stage needs no database, so it can run in another process than the writer. It does
everything that makes a record an event: the format reads it, the context fills in what it
lacks, virtual keys are hashed, impossible counts are refused, the price book prices it, and its
identity and version are determined. It reads no clock: the caller gives the time of arrival.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

import msgspec

from ingest import formats
from ingest.formats import redaction
from ingest.formats.envelope import Stated, filled
from ingest.formats.format import Format
from ingest.framing import RawRecord, Record, RefusedRecord
from ingest.intake import names
from ingest.ledger.entry import Batch, Entry, Shared
from ingest.ledger.fields import FACTS, TERMS, WHO
from ingest.ledger.key_hashes import ConcealedKey, KeyRing
from ingest.ledger.price_sets import row_of
from ingest.model.event import Former, ImpossibleCount, UsageEvent, billable_tokens, check
from ingest.model.flags import joined
from ingest.model.money import MoneyError
from ingest.model.rejection import (
    LONGEST_REASON,
    SURPRISES,
    PassedOver,
    Refused,
    Rejection,
    surprise_at,
    unreadable,
)
from ingest.model.reported_cost import check_reported
from ingest.pricing.book import Book, PriceBooks
from ingest.pricing.charge import Charge
from ingest.pricing.doubts import doubts
from ingest.pricing.pricing import price
from ingest.pricing.rates import PriceSet, Unpriced

HASH_VERSION: Final = 2
"""Part of every content hash. It changes when the same record gives other facts than before."""
FIRST_HASH_VERSION: Final = 1
"""The version of ledgers written before. Their calls are recognised by it, see `ingest.ledger.former`."""

EARLIEST: Final = 946_684_800_000_000
LATEST: Final = 4_102_444_800_000_000
"""Calls are from 2000 to 2099. Any other time is a mistake, such as seconds read as milliseconds."""

CUT: Final = frozenset({"incomplete", "unreadable"})
"""Refusals at the end of an input that was cut off.

They do not count as records read: a later import continues here.
"""

NONSENSE: Final = 64
"""Bytes of a record below which an equal one before is looked up, and not read again."""
LARGEST_KNOWN: Final = 2**12
"""Bytes of a refused record below which an equal one after it is not stripped again."""
LARGEST_STRIPPED: Final = 2**20
"""Bytes of a refused record of which a part is kept."""

_FIELDS = (*UsageEvent.__struct_fields__, *Charge.__struct_fields__)
_FIRST: Final = UsageEvent.__struct_fields__.index("image_size")
_LENGTH: Final = UsageEvent.__struct_fields__.index("session")
_AT = {field: index for index, field in enumerate(_FIELDS)}
_IDS = [_AT[field] for field in names.IDS]
_NAMES = [_AT[field] for field in names.NAMES]
_WHO = slice(_AT[WHO[0]], _AT[WHO[-1]] + 1)
_COST_SOURCE = TERMS.index("cost_source")
_FLAGS = TERMS.index("flags")
_ALWAYS_SENT = frozenset((FACTS.index("source_event_id"), FACTS.index("occurred_at")))
_Sharing = tuple[tuple[str | None, ...], str | None, str | None, tuple[str | None, ...]]
_terms_of = itemgetter(*(_AT[field] for field in TERMS))
_facts_of = itemgetter(*(_AT[field] for field in FACTS))
assert _FIELDS[_WHO] == WHO, "the event keeps the fields of WHO together, in their order"

_to_bytes = msgspec.msgpack.Encoder().encode
_HEADS: Final = {
    version: b"\x92" + _to_bytes(version)  # the head of an array of two in MessagePack, and its first item
    for version in (FIRST_HASH_VERSION, HASH_VERSION)
}
_to_json = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Context:
    """Facts about records that the records do not state. They fill gaps; only `source` overrides a record."""

    channel: str
    """The channel the records came in by: `http`, `import`, `sync` ..."""
    received_at: int
    """Time of arrival, microseconds UTC."""
    source: str | None = None
    """Replaces the source that the format gives."""
    virtual_key: str | None = None
    idempotency_key: str | None = None
    arrival: str | None = None
    """Names a live request. Its records without a key and without an `idempotency_key` are known by it."""
    format: Format | None = None
    """The format of all records; None to recognise the format of each."""
    path: str | None = None
    stated: Stated | None = None
    """What the sender says of all records."""
    passes_over: frozenset[str] = frozenset()
    """Codes of refusals that only say that a record is no call: it is passed over."""


class Decoder:
    """Decodes records with a key ring and a price book."""

    def __init__(self, keyring: KeyRing, books: PriceBooks) -> None:
        self._keyring = keyring
        self._books = books

    @property
    def book(self) -> Book:
        """The price book as it is now."""
        return self._books.current()

    def decode(self, records: Iterable[Record], context: Context, first_index: int = 0) -> Batch:
        """Entries and rejections of `records`, in order. Positions count from `first_index`.

        Entries of records without a key of their own have an empty `event_id`: see `ingest.intake.identity`.
        """
        builder = _BatchBuilder(self.book, first_index)
        for _ in self.read(records, context, builder):
            pass
        return builder.batch()

    def begin(self, context: Context) -> "Decoding":
        """Begin to decode records one by one."""
        return Decoding(self, context)

    def read(self, records: Iterable[Record], context: Context, builder: "_BatchBuilder") -> Iterator[None]:
        """Read records into a batch. Stops after each call and rejection, so that work can be put off."""
        for record in records:
            builder.line = record.line
            if isinstance(record, RefusedRecord):
                builder.read += record.refused.code not in CUT
                builder.refuse(record.refused, None)
                yield
                continue
            builder.read += 1
            if len(record.raw) < NONSENSE and (known := builder.refusals.get(record.raw)) is not None:
                builder.refuse_again(known)
                yield
                continue
            for raw in self._unpacked(record, context, builder):
                try:
                    event, as_format = formats.read_with_format(raw, context.format)
                    builder.put(self._entry(event, context, builder), as_format.name)
                except Refused as refused:
                    self._refuse(raw, refused, context, builder)
                except PassedOver:
                    builder.passed_over += 1
                except SURPRISES as error:
                    builder.refuse_surprise(error)
                yield

    def decode_events(self, events: Iterable[UsageEvent], context: Context) -> Batch:
        """The batch of events that did not come from raw records."""
        builder = _BatchBuilder(self.book, 0)
        for event in events:
            builder.read += 1
            builder.put(self._entry(event, context, builder), "")
        return builder.batch()

    def _refuse(self, raw: bytes, refused: Refused, context: Context, builder: "_BatchBuilder") -> None:
        """Refuse a record. Equal records of a batch are stripped once, because nonsense is often repeated."""
        if refused.code in context.passes_over:
            builder.passed_over += 1
            return
        known = builder.refusals.get(raw) if len(raw) < LARGEST_KNOWN else None
        if known is not None:
            builder.refuse_again(known)
            return
        rejection = builder.refuse(refused, self._redacted(raw, refused, context, builder))
        if len(raw) < LARGEST_KNOWN:
            builder.refusals[raw] = rejection

    def _redacted(
        self, raw: bytes, refused: Refused, context: Context, builder: "_BatchBuilder"
    ) -> str | None:
        """The refused record without its content; None if it is not refused for the same reason without it.

        Such a record would later be accepted with wrong facts.
        """
        try:
            stripped = _stripped(raw, context)
            if stripped is None:
                return None
            if stripped not in builder.outcomes:
                builder.outcomes[stripped] = self._outcome(stripped, context, builder)
        except SURPRISES as error:
            builder.surprises[surprise_at(error)] += 1
            return None
        return stripped if builder.outcomes[stripped] == (refused.code, refused.field) else None

    def _outcome(
        self, stripped: str, context: Context, builder: "_BatchBuilder"
    ) -> tuple[str, str | None] | None:
        """Code and field with which a stripped record is refused; None if it is not refused."""
        try:
            event, _ = formats.read_with_format(stripped.encode(), context.format)
            self._entry(event, context, builder.probe())
        except Refused as refused:
            return refused.code, refused.field
        except PassedOver:
            pass
        return None

    def _unpacked(self, record: RawRecord, context: Context, builder: "_BatchBuilder") -> Sequence[bytes]:
        """The record itself, or the records of a page."""
        if context.format is not None and context.format.redact is not None:
            return (record.raw,)  # a row of a table is no page, whatever its columns are called
        try:
            page = formats.read_page(record.raw)
            if page is None:
                return (record.raw,)
        except Refused as refused:
            self._refuse(record.raw, refused, context, builder)
            return ()
        except SURPRISES as error:
            builder.refuse_surprise(error)
            return ()
        for refused_record in page.refused:
            builder.refuse(refused_record, None)
        return page.records

    def _entry(self, event: UsageEvent, context: Context, builder: "_BatchBuilder") -> Entry:
        if context.stated is not None:
            event = filled(event, context.stated)
        if context.source is not None:
            event = msgspec.structs.replace(event, source=context.source)
        try:
            check(event)
            _check_update(event.source_updated_at)
            if event.reported is not None:
                check_reported(event.reported)
            if len(event.model) > names.LONGEST:  # before it is compared with the names of the price book
                names.check_name("model", event.model)
            charge = price(event, builder, _dated(event, context))
        except ImpossibleCount as error:
            raise Refused("impossible_count", str(error), error.field) from error
        except MoneyError as error:
            raise Refused("bad_amount", str(error)) from error
        key = self._concealed(event, context)
        if key and event.span and event.virtual_key is None:
            event = msgspec.structs.replace(
                event, span=msgspec.structs.replace(event.span, sent_with=key.ident)
            )
        if key and key.ident != event.virtual_key:
            event = msgspec.structs.replace(event, virtual_key=key.ident)
        return _entry(event, charge, context, key.hint if key else None, builder)

    def _concealed(self, event: UsageEvent, context: Context) -> ConcealedKey | None:
        key = event.virtual_key or (None if event.virtual_key_name else context.virtual_key)
        return self._keyring.conceal(key) if key else None


class Decoding:
    """Records that are decoded one by one, and handed on in batches: also in the middle of a page."""

    def __init__(self, decoder: Decoder, context: Context) -> None:
        self._decoder = decoder
        self._context = context
        self._builder = _BatchBuilder(decoder.book, 0)
        self._taken = 0

    @property
    def pending(self) -> int:
        """Calls and rejections since the last batch."""
        return self._builder.index - self._taken

    def read(self, records: Iterable[Record]) -> Iterator[None]:
        """Read records, and all records of pages. Stops after each call and rejection."""
        return self._decoder.read(records, self._context, self._builder)

    def take(self) -> Batch:
        """The batch of what was read since the last one."""
        batch = self._builder.batch()
        self._builder.start_over(self._decoder.book)
        self._taken = self._builder.index
        return batch


def _stripped(raw: bytes, context: Context) -> str | None:
    """A refused record without possible content and secrets, at most 8 KB; None if nothing can be stored.

    Of a very large record nothing is: it would be decoded once more.
    """
    if len(raw) > LARGEST_STRIPPED:
        return None
    if context.format is None or context.format.redact is None:
        return redaction.redact(raw)
    redacted = context.format.redact(raw)
    return redacted.decode() if redacted is not None and len(redacted) <= redaction.LARGEST else None


def identify(source: str, key: str) -> bytes:
    """The id of the event that `source` knows by `key`."""
    return hashlib.blake2b(f"{source}\0{key}".encode("utf-8", "replace"), digest_size=16).digest()


def _dated(event: UsageEvent, context: Context) -> int:
    at = event.occurred_at
    if at is None:
        return context.received_at
    if not EARLIEST <= at < LATEST:
        raise Refused(
            "impossible_time", f"the time of the call is not between 2000 and 2100 ({at} µs)", "occurred_at"
        )
    return at


def _check_update(at: int | None) -> None:
    """Check the time at which a source has changed the record: a rank and a column hold it."""
    if at is not None and not 0 <= at < LATEST:
        reason = f"the time of the last change is not between 1970 and 2100 ({at} µs)"
        raise Refused("impossible_time", reason, "source_updated_at")


def _entry(
    event: UsageEvent, charge: Charge, context: Context, hint: str | None, builder: "_BatchBuilder"
) -> Entry:
    values = [*msgspec.structs.astuple(event), *msgspec.structs.astuple(charge)]
    content = _to_bytes(_content(values))
    key = event.source_event_id
    if key is None and (request := context.idempotency_key or context.arrival) is not None:
        key = f"{request}#{builder.index}"
        builder.keyless += context.idempotency_key is None
    event_id = identify(event.source, key) if key is not None else b""
    if event.former is None:
        former_id, former_content = event_id, content
    else:
        former_id, former_content = _former(event, event.former, values)
    values[_AT["source_event_id"]] = key
    # `content` has every text of the event but the session, so most calls need no further look
    if len(content) > names.LONGEST or (event.session is not None and len(event.session) > names.LONGEST):
        _fit(values)
    if event.occurred_at is None:
        values[_AT["occurred_at"]] = context.received_at
    values[_AT["currency"]] = builder.currency(event, charge)
    if flags := (*(event.flags or ()), *builder.doubts(charge)):
        values[_AT["flags"]] = joined(flags)
    if event.labels is not None:
        names.check_labels(event.labels)
        values[_AT["labels"]] = _to_json(event.labels).decode()
    return Entry(
        event_id=event_id,
        content_hash=_hash(HASH_VERSION, content),
        former_id=former_id,
        former_hash=_hash(FIRST_HASH_VERSION, former_content),
        version_rank=_rank(event),
        dated=event.occurred_at is not None,
        shared=builder.share(tuple(values[_WHO]), hint, charge.price_set, _terms_of(values)),
        facts=_facts_of(values),
        line=builder.line,
        span=None if event.span is None else names.short_span(event.span),
    )


def _fit(values: list[Any]) -> None:
    """Replace ids that are too long by their hash.

    Raises:
        Refused: a name is too long.
    """
    for at in _IDS:
        if values[at] is not None:
            values[at] = names.short_id(values[at])
    names.check_names(names.NAMES, [values[at] for at in _NAMES])


def _former(event: UsageEvent, former: Former, values: list[Any]) -> tuple[bytes, bytes]:
    """Id and content by which a ledger written before this release may know the call."""
    provider, model, former_key, facts = former
    source = provider if event.source == event.provider else event.source
    changed = [*values]
    for name, value in {**(facts or {}), "source": source, "provider": provider, "model": model}.items():
        changed[_AT[name]] = value
    changed[_AT["source_event_id"]] = former_key
    former_id = identify(source, former_key) if former_key is not None else b""
    return former_id, _to_bytes(_content(changed))


def _hash(version: int, content: bytes) -> bytes:
    """The hash of a version and a packed content, which are packed as an array of the two."""
    return hashlib.blake2b(_HEADS[version] + content, digest_size=16).digest()


def _content(values: list[Any]) -> list[Any]:
    """The values of the content hash: the fields of the event before `session`.

    The two image fields are left out if neither is set: events did not have them at first, and without them
    the hash is the same as before.
    """
    return values[:_FIRST] if values[_FIRST] is None and values[_FIRST + 1] is None else values[:_LENGTH]


def _rank(event: UsageEvent) -> bytes:
    """The rank of a version as sortable bytes: the source's update time, then billable tokens.

    The version with the higher rank counts. All versions are final, because
    calls that have not ended are refused.
    """
    return (((event.source_updated_at or 0) << 48) | billable_tokens(event)).to_bytes(16, "big")


class _BatchBuilder:
    """Builds a batch.

    It is also the price book of the batch and collects the price sets that the batch refers to.
    """

    def __init__(self, book: Book, first_index: int) -> None:
        self.index = first_index
        self.line = 0
        """The line of the current record."""
        self.start_over(book)

    def start_over(self, book: Book) -> None:
        """Begin the next batch; positions go on."""
        self.read = 0
        self.passed_over = 0
        self.keyless = 0
        self.refusals: dict[bytes, Rejection] = {}
        """The refused records of the batch, by their bytes."""
        self.outcomes: dict[str, tuple[str, str | None] | None] = {}
        """How stripped records are refused; nonsense leaves the same rest of many."""
        self.surprises: Counter[str] = Counter()
        """Errors that no reader has foreseen, by class and place."""
        self._book = book
        self._entries: list[Entry] = []
        self._shared: dict[_Sharing, int] = {}
        self._rejections: list[Rejection] = []
        self._formats: set[str] = set()
        self._price_sets: dict[str, PriceSet] = {}

    def find(
        self,
        provider: str,
        model: str,
        service_tier: str | None,
        at: int,
        input_tokens: int,
        region: str | None = None,
        team: str | None = None,
        customer: str | None = None,
    ) -> PriceSet | Unpriced:
        prices = self._book.find(provider, model, service_tier, at, input_tokens, region, team, customer)
        if isinstance(prices, PriceSet):
            self._price_sets[prices.digest] = prices
        return prices

    def counts_computed(self, source: str) -> bool:
        return self._book.counts_computed(source)

    def doubts(self, charge: Charge) -> tuple[str, ...]:
        """The flags that pricing gives the call."""
        return doubts(charge, self._book.stored.cost_factor)

    def currency(self, event: UsageEvent, charge: Charge) -> str:
        """The event's currency if the source reports a cost, else the currency of the prices."""
        if event.reported is not None or charge.price_set is None:
            return event.currency
        return self._price_sets[charge.price_set].currency

    def share(
        self,
        who: tuple[str | None, ...],
        hint: str | None,
        price_set: str | None,
        terms: tuple[str | None, ...],
    ) -> int:
        """The index of the values that this call shares with others of the batch.

        Raises:
            Refused: a name among them is too long.
        """
        shared = (who, hint, price_set, terms)
        at = self._shared.get(shared)
        if at is None:
            names.check_names(WHO, who)
            names.check_names(TERMS, terms)
            at = self._shared[shared] = len(self._shared)
        return at

    def put(self, entry: Entry, format_name: str) -> None:
        self._entries.append(entry)
        self._formats.add(format_name)
        self.index += 1

    def refuse(self, refused: Refused, record: str | None) -> Rejection:
        reason = refused.reason[:LONGEST_REASON]
        rejection = Rejection(self.index, self.line, refused.code, reason, refused.field, record)
        self._rejections.append(rejection)
        self.index += 1
        return rejection

    def refuse_again(self, known: Rejection) -> None:
        """Refuse a record that equals another of the batch."""
        self._rejections.append(msgspec.structs.replace(known, index=self.index, line=self.line))
        self.index += 1

    def refuse_surprise(self, error: BaseException) -> None:
        """Refuse the record whose reading has raised what no reader has foreseen."""
        self.surprises[surprise_at(error)] += 1
        self.refuse(unreadable(error), None)

    def log_surprises(self) -> None:
        """Log each surprise once for the batch, by its class and its place, without content."""
        if not self.surprises:
            return
        from ingest.logs import logger  # slow to load in every worker, and not needed by most

        for error, records in self.surprises.items():
            logger("tallybook.intake").warning("unreadable records", error=error, records=records)

    def probe(self) -> "_BatchBuilder":
        """An empty builder with the same book, to try a record out."""
        return _BatchBuilder(self._book, 0)

    def batch(self) -> Batch:
        self.log_surprises()
        columns, entries = _without_empty(self._entries)
        return Batch(
            read=self.read,
            columns=columns,
            shared=[_shared(*key) for key in self._shared],
            entries=entries,
            rejections=self._rejections,
            price_sets=[row_of(price_set) for price_set in self._price_sets.values()],
            formats=sorted(self._formats),
            keyless=self.keyless,
            passed_over=self.passed_over,
        )


def _shared(
    who: tuple[str | None, ...], hint: str | None, price_set: str | None, terms: tuple[str | None, ...]
) -> Shared:
    unpriced = terms[_COST_SOURCE] == "unpriced"
    return Shared(who, hint, price_set, terms, unpriced=unpriced, flagged=terms[_FLAGS] is not None)


def _without_empty(entries: list[Entry]) -> tuple[tuple[str, ...], list[Entry]]:
    """The columns that any entry fills, and the entries with only these columns.

    Key and time are always included.
    """
    if not entries:
        return (), entries
    filled = [
        at
        for at, values in enumerate(zip(*(entry.facts for entry in entries), strict=True))
        if at in _ALWAYS_SENT or values.count(None) < len(values)
    ]
    pick = itemgetter(*filled)
    slim = [msgspec.structs.replace(entry, facts=pick(entry.facts)) for entry in entries]
    return tuple(FACTS[at] for at in filled), slim
