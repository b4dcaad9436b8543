"""Riwayat: every line of the reader's ledger by month, one purse at a time, each with a receipt to print."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.incentives.models import Payout
from bekal.ledger.clock import JAKARTA
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.queries import StatementLine, statement_of
from bekal.purchases.models import Purchase
from bekal.ui.tables_out import csv_response, xlsx_response
from bekal.web.history_words import WORDS
from bekal.web.reader import reader_of


class Purse(StrEnum):
    """The two purses, by the names their addresses have."""

    BALANCE = "saldo"
    INCENTIVE = "insentif"


# What holds the money of each purse, as the person counts it: left to spend; received in cash.
HOLDS = {Purse.BALANCE: Kind.TRAINING_BALANCE, Purse.INCENTIVE: Kind.PAYOUT_SETTLED}
_TRAINING_KINDS = frozenset(
    {
        Kind.TRAINING_BALANCE,
        Kind.ESCROW,
        Kind.INSTITUTION_PAYABLE,
        Kind.INSTITUTION_SETTLED,
        Kind.TRAINING_RECEIVABLE,
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a purse. `change_rupiah` is what it did to the purse: 0 where the money only went on elsewhere."""

    id: int
    at: datetime
    words: str
    source: str
    target: str
    amount_rupiah: int
    change_rupiah: int
    after_rupiah: int
    reference: str


@dataclass(frozen=True, slots=True)
class Month:
    """The lines of one month, newest first."""

    on: date
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """What the ledger's keys stand for: trainings and payouts of this person."""

    trainings: Mapping[str, Mapping[str, str]]
    payouts: Mapping[str, Mapping[str, str]]


def purse_of(movement: Movement) -> Purse:
    """Every movement belongs to exactly one purse; none crosses."""
    kinds = {movement.debit_kind, movement.credit_kind}
    return Purse.BALANCE if kinds & _TRAINING_KINDS else Purse.INCENTIVE


def lines_of(owner_id: int, purse: Purse) -> tuple[Line, ...]:
    """The person's lines in one purse, newest first."""
    statement = [line for line in statement_of(owner_id=owner_id) if purse_of(_movement(line)) is purse]
    names = _names(owner_id, statement)
    return tuple(_line(owner_id, purse, line, names) for line in reversed(statement))


def _movement(line: StatementLine) -> Movement:
    return Movement((line.transfer.reason, line.transfer.debit_kind, line.transfer.credit_kind))


def _line(owner_id: int, purse: Purse, line: StatementLine, names: Names) -> Line:
    transfer = line.transfer
    return Line(
        id=transfer.id,
        at=transfer.posted_at,
        words=_words(line, names),
        source=str(transfer.debit_kind.label),
        target=str(transfer.credit_kind.label),
        amount_rupiah=transfer.amount_rupiah,
        change_rupiah=transfer.change_of(HOLDS[purse]),
        after_rupiah=line.training_rupiah if purse is Purse.BALANCE else line.received_rupiah,
        reference=f"{owner_id}-{transfer.id}",
    )


def _words(line: StatementLine, names: Names) -> str:
    about = line.transfer.idempotency_key.split(":")[1]
    known = names.trainings.get(about) or names.payouts.get(about) or {}
    values = {
        "title": known.get("title") or gettext("a training"),
        "institution": known.get("institution") or gettext("the institution"),
        "what": known.get("what") or gettext("The payment"),
        "account": known.get("account") or gettext("your account"),
    }
    return WORDS[_movement(line)] % values


_OF_TRAINING = frozenset({"purchase", "completion", "refund", "institution", "institution-back"})
_OF_PAYOUT = frozenset({"sent", "settled", "rejected", "returned", "reversed"})


def _names(owner_id: int, statement: Iterable[StatementLine]) -> Names:
    keys = [line.transfer.idempotency_key.split(":")[:2] for line in statement]
    training_ids = {int(rest) for start, rest in keys if start in _OF_TRAINING and rest.isascii() and rest.isdigit()}
    references = {rest for start, rest in keys if start in _OF_PAYOUT}
    trainings: dict[str, dict[str, str]] = {}
    payouts: dict[str, dict[str, str]] = {}
    if training_ids:
        rows = Purchase.objects.filter(participation_id=owner_id, training_id__in=training_ids).order_by("pk")
        for number, title, institution in rows.values_list(
            "training_id", "training__title", "training__institution__name"
        ):
            trainings[str(number)] = {"title": title, "institution": institution}
    if references:
        found = Payout.objects.filter(entitlement__participation_id=owner_id, reference__in=references)
        for payout in found.select_related("entitlement").order_by("pk"):
            payouts[payout.reference] = {
                "what": _what(payout),
                "account": f"{payout.get_partner_display()} {payout.masked_account}",
            }
    return Names(trainings, payouts)


def _what(payout: Payout) -> str:
    entitlement = payout.entitlement
    assert entitlement is not None, "asked for by the person's own entitlements"
    number = {"n": entitlement.instalment}
    if entitlement.kind == "survey":
        return gettext("Pay for survey %(n)s") % number
    return gettext("Incentive %(n)s") % number


def by_month(lines: Iterable[Line]) -> tuple[Month, ...]:
    """The lines under their months in Jakarta, in the order in which they come."""
    months = groupby(lines, key=lambda line: line.at.astimezone(JAKARTA).date().replace(day=1))
    return tuple(Month(on, tuple(each)) for on, each in months)


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def history(request: HttpRequest) -> HttpResponseBase:
    """One purse at a time, by its address; `?form=csv` and `?form=xlsx` are the same as a file."""
    reader = reader_of(request)
    asked = request.GET.get("dompet", "")
    purse = Purse(asked) if asked in list(Purse) else Purse.BALANCE
    lines = lines_of(reader.participation.pk, purse) if reader.participation else ()
    form, name = request.GET.get("form"), f"riwayat-{purse}"
    if form == "csv":
        return csv_response(name=name, header=_header(purse), rows=_cells(lines))
    if form == "xlsx":
        title = gettext("Training balance") if purse is Purse.BALANCE else gettext("Incentive")
        return xlsx_response(
            name=name, title=title, header=_header(purse), rows=_cells(lines), rupiah_columns=(4, 5, 6)
        )
    context = {
        "reader": reader,
        "purse": purse,
        "months": by_month(lines),
        "purse_rupiah": lines[0].after_rupiah if lines else 0,
    }
    return render(request, "web/history.html", context)


def _header(purse: Purse) -> list[str]:
    after = gettext("Balance after it") if purse is Purse.BALANCE else gettext("Received after it")
    columns = [gettext("When"), gettext("What happened"), gettext("From"), gettext("To"), gettext("Amount")]
    return [*columns, gettext("Change"), after, gettext("Receipt number")]


def _cells(lines: Iterable[Line]) -> Iterator[list[object]]:
    for line in lines:
        kinds = [line.source, line.target]
        amounts = [line.amount_rupiah, line.change_rupiah, line.after_rupiah]
        yield [line.at, line.words, *kinds, *amounts, line.reference]


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def receipt(request: HttpRequest, transfer_id: int) -> HttpResponseBase:
    """One line, plain, to print: only one's own."""
    reader = reader_of(request)
    if reader.participation is None:
        raise Http404
    owner_id = reader.participation.pk
    found = next((line for line in statement_of(owner_id=owner_id) if line.transfer.id == transfer_id), None)
    if found is None:
        raise Http404
    purse = purse_of(_movement(found))
    line = _line(owner_id, purse, found, _names(owner_id, [found]))
    return render(request, "web/receipt.html", {"reader": reader, "purse": purse, "line": line})
