"""The treasury's statement as of any instant, what returned from each wave, and how a printed sum came to be ten times
too large."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.as_of import as_of
from bekal.console.tally import Figures, Report, figures
from bekal.console.trace_rules import LABELS as RULE_LABELS
from bekal.console.trace_rules import value_text
from bekal.console.year import query_of
from bekal.core.rules import RULES, Scheme
from bekal.ledger.clock import programme_now
from bekal.ledger.movements import Kind, Reason
from bekal.ledger.queries import digest_head
from bekal.lifecycle.closed_sums import Moved, movements
from bekal.lifecycle.tallies import Parameters
from bekal.lifecycle.treasury import (
    Line,
    StatementLine,
    TreasuryStatement,
    WaveReturn,
    returns_by_wave,
    statement_from,
    years,
)
from bekal.lifecycle.treasury_records import Records, one_state, treasury_records
from bekal.ui.tables_out import csv_response, xlsx_response

LABELS: dict[Line, Promise] = {
    Line.COMMITTED_TRAINING: gettext_lazy("Training balances"),
    Line.COMMITTED_INCENTIVE: gettext_lazy("Incentives"),
    Line.COMMITTED_SURVEY: gettext_lazy("Survey pay"),
    Line.REVOCATION: gettext_lazy("Places revoked: no training bought in time"),
    Line.CLAWBACK_REST: gettext_lazy("Places taken back: rest of the envelope"),
    Line.END_OF_BALANCE: gettext_lazy("Balances that ended"),
    Line.REFUND: gettext_lazy("Trainings refunded, sessions not proven"),
    Line.YEAR_CLOSING: gettext_lazy("Closing of the year: not earned"),
    Line.REPAYMENT: gettext_lazy("Paid back by participants"),
    Line.OTHER_RETURN: gettext_lazy("Returned for another reason"),
    Line.TRAINING_BALANCE: gettext_lazy("Training balances, not spent"),
    Line.ESCROW: gettext_lazy("Trainings bought, learning not proven"),
    Line.INSTITUTION_PAYABLE: gettext_lazy("Owed to institutions"),
    Line.NOT_EARNED: gettext_lazy("Incentives and survey pay, not earned"),
    Line.EARNED_NOT_PAID: gettext_lazy("Incentives and survey pay, earned and not sent"),
    Line.NOT_SENT: gettext_lazy("Incentives and survey pay, not sent"),
    Line.IN_TRANSIT: gettext_lazy("Payouts in transit"),
    Line.PAID_TO_PARTICIPANTS: gettext_lazy("To participants"),
    Line.PAID_TO_INSTITUTIONS: gettext_lazy("To institutions"),
    Line.RECEIVABLE_INCENTIVE: gettext_lazy("Incentives and survey pay to be paid back"),
    Line.RECEIVABLE_TRAINING: gettext_lazy("Cost of trainings to be paid back"),
}
# The kind of the ledger in which a line is found; what was committed and what returned are movements of the treasury.
BEHIND = {
    Line.TRAINING_BALANCE: Kind.TRAINING_BALANCE,
    Line.ESCROW: Kind.ESCROW,
    Line.INSTITUTION_PAYABLE: Kind.INSTITUTION_PAYABLE,
    Line.NOT_EARNED: Kind.INCENTIVE_COMMITTED,
    Line.EARNED_NOT_PAID: Kind.INCENTIVE_COMMITTED,
    Line.NOT_SENT: Kind.INCENTIVE_COMMITTED,
    Line.IN_TRANSIT: Kind.PAYOUT_IN_TRANSIT,
    Line.PAID_TO_PARTICIPANTS: Kind.PAYOUT_SETTLED,
    Line.PAID_TO_INSTITUTIONS: Kind.INSTITUTION_SETTLED,
    Line.RECEIVABLE_INCENTIVE: Kind.INCENTIVE_RECEIVABLE,
    Line.RECEIVABLE_TRAINING: Kind.TRAINING_RECEIVABLE,
}
# What was published of the revocations of 2020: counts of people, and the sum that one paper printed for the first.
PUBLISHED_COUNTS = (180_000, 189_436)
PRINTED_RUPIAH = 6_390_000_000_000
ENVELOPE_RULES = (
    "training_balance_rupiah",
    "incentive_rupiah",
    "instalment_count",
    "survey_rupiah",
    "survey_count",
)
MAX_PEOPLE_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the statement with its sum."""

    label: str
    lines: tuple[tuple[str, StatementLine, int], ...]
    total_rupiah: int


@dataclass(frozen=True, slots=True)
class Product:
    """So many people times one envelope."""

    people_count: int
    envelope_rupiah: int

    @property
    def rupiah(self) -> int:
        return self.people_count * self.envelope_rupiah

    @property
    def words(self) -> str:
        return in_words(self.rupiah)


@dataclass(frozen=True, slots=True)
class Cited:
    """One rule of an envelope as it was in force, with its source."""

    label: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Calculation:
    """People times the envelope of a scheme; `problem` says what was wrong with what was typed."""

    product: Product | None
    text: str
    scheme: Scheme
    cited: tuple[Cited, ...]
    problem: str = ""


def in_words(rupiah: int) -> str:
    """`639 miliar rupiah`, `6,39 triliun rupiah`: exact, as papers print sums; always beside the full figure."""
    power, words = next(
        (size, text)
        for size, text in (
            (12, _("%(number)s trillion rupiah")),
            (9, _("%(number)s billion rupiah")),
            (6, _("%(number)s million rupiah")),
            (0, _("%(number)s rupiah")),
        )
        if abs(rupiah) >= 10**size or size == 0
    )
    return words % {"number": _plain(Decimal(rupiah).scaleb(-power))}


def _plain(number: Decimal) -> str:
    """As many decimals as it has, and no more."""
    exponent = number.normalize().as_tuple().exponent
    places = max(-exponent, 0) if isinstance(exponent, int) else 0
    return formats.number_format(number, decimal_pos=places, use_l10n=True, force_grouping=True)


def sections(statement: TreasuryStatement) -> tuple[Section, ...]:
    """The statement part by part: first what was committed, then everything that can be told of it."""
    return (
        _section(_("Committed by the treasury"), statement.committed, statement.committed_rupiah),
        _section(_("Returned to the treasury"), statement.returned, statement.returned_rupiah),
        _section(_("Held for participants and institutions"), statement.held, statement.held_rupiah),
        _section(_("Paid"), statement.paid, statement.paid_rupiah),
        _section(_("To be paid back"), statement.receivable, statement.receivable_rupiah),
    )


def _section(label: str, lines: tuple[StatementLine, ...], total_rupiah: int) -> Section:
    shown = tuple((str(LABELS[line.line]), line, BEHIND.get(line.line, Kind.TREASURY).value) for line in lines)
    return Section(label, shown, total_rupiah)


def schemes() -> tuple[Scheme, ...]:
    """One scheme for every envelope there has been, newest first."""
    starts = sorted({value.since_on for name in ENVELOPE_RULES for value in RULES.history(name)})
    return tuple(RULES.scheme(start) for start in reversed(starts))


def calculation(people_text: str, since_text: str) -> Calculation:
    """What the address asks to multiply; without a number there is nothing to multiply yet."""
    known = {scheme.accepted_on.isoformat(): scheme for scheme in schemes()}
    scheme = known.get(since_text) or next(reversed(known.values()))
    cited = tuple(_cited(name, scheme.accepted_on) for name in ENVELOPE_RULES)
    text = people_text.strip()
    if not text:
        return Calculation(None, "", scheme, cited)
    digits = text.replace(".", "").replace(",", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_PEOPLE_DIGITS):
        problem = _("“%(value)s” is not a number of people. Write up to nine digits, for example 180000.")
        return Calculation(None, text[:40], scheme, cited, problem % {"value": text[:40]})
    return Calculation(Product(int(digits), scheme.envelope_rupiah), digits, scheme, cited)


def _cited(name: str, on: date) -> Cited:
    rule = RULES.cited(name, on)
    return Cited(str(RULE_LABELS[name]), value_text(rule), rule.source)


def own_product(returns: Sequence[WaveReturn]) -> Product | None:
    """The system's own revocations, where all had the same envelope: their number, and what one of them returned."""
    people_count = sum(each.people_count for each in returns)
    envelopes = {each.envelope_rupiah for each in returns}
    if len(envelopes) != 1 or people_count == 0:
        return None
    return Product(people_count, envelopes.pop())


def _count(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> dict[str, Any]:
    """Ledger and other records of one state of the database: else a run at work would make them differ."""
    instant, year = as_of or at, parameters.get("year")
    of_year = year if isinstance(year, int) else None
    with one_state():
        return {
            "moved": [astuple(each) for each in movements(as_of=instant, year=of_year)],
            "records": astuple(treasury_records(as_of=instant, year=of_year)),
            "returns": [astuple(each) for each in returns_by_wave(as_of=instant)],
        }


TREASURY = Report("treasury", _count)


def _statement(found: Figures, *, as_of: datetime | None, year: int | None) -> TreasuryStatement:
    """From what was counted; while it is not, from the ledger alone."""
    if found.values is None:
        return statement_from(movements(as_of=as_of, year=year), None, as_of=found.at, year=year)
    moved = [
        Moved(Reason(reason), Kind(debit), Kind(credit), is_clawback, count, rupiah)
        for reason, debit, credit, is_clawback, count, rupiah in found.values["moved"]
    ]
    return statement_from(moved, Records(*found.values["records"]), as_of=found.at, year=year)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def treasury(request: HttpRequest) -> HttpResponseBase:
    """The statement of a year (or of all) as of an instant; `form` is CSV or XLSX of it, or of `table=returns`."""
    asked, at = as_of(request), programme_now()
    known_years = years()
    year_text = request.GET.get("year", "")
    year = next((each for each in known_years if str(each) == year_text), None)
    found = figures(TREASURY, request, at=at, as_of=asked.at, parameters={"year": year})
    statement = _statement(found, as_of=asked.at, year=year)
    returns = None if found.values is None else [WaveReturn(*row) for row in found.values["returns"]]
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx") and not asked.problem and returns is not None:
        is_returns = request.GET.get("table") == "returns"
        return _returns_out(form, returns) if is_returns else _statement_out(form, statement)
    behind = query_of(asked, year)
    context = {
        "asked": asked,
        "at": statement.as_of,
        "figures": found,
        "year": year,
        "years": known_years,
        "statement": statement,
        "sections": sections(statement),
        "behind": behind,
        "query": f"{behind}&" if behind else "?",
        **_returns_context(returns or []),
        "is_counted": returns is not None,
        "calculated": calculation(request.GET.get("people", ""), request.GET.get("since", "")),
        "schemes": schemes(),
        "digest": digest_head(),
    }
    return render(request, "console/treasury.html", context)


def _returns_context(returns: Sequence[WaveReturn]) -> dict[str, Any]:
    """What returned of each wave, and the published sums beside it."""
    own = own_product(returns)
    envelope_rupiah = own.envelope_rupiah if own else schemes()[-1].envelope_rupiah
    published = [Product(count, envelope_rupiah) for count in PUBLISHED_COUNTS]
    return {
        "returns": returns,
        "returns_people_count": sum(each.people_count for each in returns),
        "returns_rupiah": sum(each.returned_rupiah for each in returns),
        "returns_difference": sum(each.difference_rupiah for each in returns),
        "own": own,
        "published": published,
        "printed_rupiah": PRINTED_RUPIAH,
        "printed_words": in_words(PRINTED_RUPIAH),
        "printed_times": _plain(Decimal(PRINTED_RUPIAH) / published[0].rupiah),
        "printed_envelope": _plain(Decimal(PRINTED_RUPIAH) / published[0].people_count),
    }


def _out(form: str, name: str, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponseBase:
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows)
    rupiah_columns = tuple(number for number, text in enumerate(header) if text.endswith("(Rp)"))
    return xlsx_response(name=name, title=title, header=header, rows=rows, rupiah_columns=rupiah_columns)


def _statement_out(form: str, statement: TreasuryStatement) -> HttpResponseBase:
    header = [_("Part"), _("Line"), _("Ledger (Rp)"), _("Other records (Rp)"), _("Accepted in"), _("As of")]
    which = [statement.year or _("all years"), statement.as_of]
    rows: list[list[object]] = [
        [section.label, label, line.ledger_rupiah, line.records_rupiah, *which]
        for section in sections(statement)
        for label, line, _kind in section.lines
    ]
    rows.append([_("Difference"), "", statement.difference_rupiah, None, *which])
    name = f"treasury-{statement.year or 'all'}"
    return _out(form, name, _("Statement of the state treasury"), header, rows)


def _returns_out(form: str, returns: Sequence[WaveReturn]) -> HttpResponseBase:
    header = [
        _("Wave"),
        _("People revoked"),
        _("Envelope (Rp)"),
        _("People x envelope (Rp)"),
        _("Earned before (Rp)"),
        _("Returned (Rp)"),
        _("Difference (Rp)"),
    ]
    rows = [
        [
            each.wave_number,
            each.people_count,
            each.envelope_rupiah,
            each.envelopes_rupiah,
            each.earned_rupiah,
            each.returned_rupiah,
            each.difference_rupiah,
        ]
        for each in returns
    ]
    return _out(form, "treasury-returns", _("Returned by revocation, by wave"), header, rows)
