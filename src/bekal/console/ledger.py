"""The books as of any instant: what every kind holds, whose it is, and the last proof that it is right."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.db import connection
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.as_of import AsOf, as_of
from bekal.console.find import find_address
from bekal.console.further import further
from bekal.console.people import mask_name
from bekal.console.tally import Report, figures
from bekal.console.violations import SHOWN_ROWS, violations_of
from bekal.console.year import asked_year, holders_of_year, of_year, query_of
from bekal.ledger.clock import programme_now
from bekal.ledger.movements import Kind, Reason
from bekal.ledger.proof_results import latest_proof_result, request_proof
from bekal.ledger.queries import KindTotal, digest_head, every_holder, proof_asked_at
from bekal.lifecycle.closed_sums import movements, totals_of
from bekal.lifecycle.tallies import Parameters
from bekal.participants.models import Participation
from bekal.proofs.check import checked_invariants
from bekal.proofs.exceptions import OpenItem, open_items
from bekal.ui.tables_out import csv_response, xlsx_response

PAGE_SIZE = 50
MEANS = {
    Kind.TREASURY: gettext_lazy("Committed by the state treasury less what returned: below Rp0 by all that is out."),
    Kind.TRAINING_BALANCE: gettext_lazy("What participants can still spend, on trainings only."),
    Kind.ESCROW: gettext_lazy("The price of trainings that were bought and are not proven yet."),
    Kind.INSTITUTION_PAYABLE: gettext_lazy("Earned by institutions with proven sessions and not paid to them yet."),
    Kind.INCENTIVE_COMMITTED: gettext_lazy("Incentives promised at acceptance and not sent yet."),
    Kind.SURVEY_COMMITTED: gettext_lazy("Pay for surveys promised at acceptance and not sent yet."),
    Kind.PAYOUT_IN_TRANSIT: gettext_lazy("Sent to payment partners, who have not answered yet."),
    Kind.PAYOUT_SETTLED: gettext_lazy("Received by participants in their own accounts."),
    Kind.INSTITUTION_SETTLED: gettext_lazy("Paid to institutions for proven sessions."),
    Kind.INCENTIVE_RECEIVABLE: gettext_lazy("Received in cash without a right to it; the participant owes it."),
    Kind.TRAINING_RECEIVABLE: gettext_lazy("Cost of trainings without a right to them; the participant owes it."),
}


class Page(NamedTuple):
    """Where an open item leads: a page, what its address asks for, and the part of the page."""

    name: str
    query: Mapping[str, str] = {}
    part: str = ""


# Kinds of open items, by how they begin, and the page of their room; those not named lead to whose money they are.
BEHIND = {
    "payout_in_transit": Page("console:runs"),
    "payout_waiting": Page("console:runs"),
    "payout_to_be_planned": Page("console:runs"),
    "payout_reversal_waiting": Page("console:runs", part="#reversals"),
    "payout_exception": Page("console:payout_exceptions"),
    "complaint": Page("console:complaints"),
    "payout_held": Page("console:alarms"),
    "institution_held": Page("console:alarms"),
    "institution_suspended": Page("console:suspensions"),
    "institution": Page("console:institutions"),
    "settlement_stop": Page("console:institutions"),
    "suspension": Page("console:suspensions"),
    "hold": Page("console:alarms"),
    "evidence_case": Page("console:evidence_cases"),
    "case_ruling": Page("console:evidence_cases"),
    "receivable": Page("console:clawbacks"),
    "clawback": Page("console:clawbacks"),
    "place_to_be_revoked": Page("console:people", {"stage": "to_be_revoked"}),
    "balance_to_be_ended": Page("console:lapsing_people", {"days": "0"}),
    "mass": Page("console:mass_runs"),
    "proof_waiting": Page("console:ledger", part="#proof"),
}
# The pages among them that know a past.
WITH_PAST = {"console:institutions", "console:people", "console:lapsing_people", "console:ledger"}


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind as the table shows it."""

    kind: Kind
    means: str
    into_rupiah: int
    out_rupiah: int
    rupiah: int


@dataclass(frozen=True, slots=True)
class Books:
    """Every kind, their sum (Rp0), and of when."""

    rows: tuple[KindRow, ...]
    transfer_count: int
    at: datetime

    @property
    def difference_rupiah(self) -> int:
        return sum(row.rupiah for row in self.rows)


def books(asked: AsOf, *, at: datetime) -> Books:
    """The books of now (`at`), or of the instant asked for."""
    found = totals_of(movements(as_of=asked.at))
    by_kind = {total.kind: total for total in found.kinds}
    totals = [by_kind.get(kind, KindTotal(kind, 0, 0)) for kind in Kind]
    rows = [
        KindRow(total.kind, str(MEANS[total.kind]), total.into_rupiah, total.out_rupiah, total.rupiah)
        for total in totals
    ]
    return Books(tuple(rows), found.transfer_count, asked.at or at)


def _count_open_items(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        found = open_items(cursor, as_of, at=as_of or at)
    return [asdict(item) | {"oldest_at": item.oldest_at.isoformat()} for item in found]


OPEN_ITEMS = Report("open_items", _count_open_items)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def ledger(request: HttpRequest) -> HttpResponseBase:
    """Totals of every kind, the last proof, the head of the digest chain, what is open; `?q=` finds a rupiah."""
    wanted = request.GET.get("q", "").strip()
    address = find_address(wanted) if wanted else None
    if address is not None:
        return redirect(address)
    at, asked = programme_now(), as_of(request)
    shown = books(asked, at=at)
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        return redirect(f"{request.path}?{urlencode({'as_of': asked.text})}") if asked.problem else _out(form, shown)
    proof = latest_proof_result()
    found = figures(OPEN_ITEMS, request, at=at, as_of=asked.at)
    context = {
        "at": at,
        "asked": asked,
        "books": shown,
        "proof": proof,
        "violations": [] if proof is None else violations_of(proof),
        "shown_rows": SHOWN_ROWS,
        "is_proved": proof is not None and proof.is_recent(at=at),
        "checks": checked_invariants(now=True),
        "proof_asked_at": proof_asked_at(),
        "digest": digest_head(),
        "figures": found,
        "open_items": _open_items(found.values or (), asked),
        "wanted": wanted,
    }
    return render(request, "console/ledger.html", context)


def _open_items(values: Iterable[Mapping[str, Any]], asked: AsOf) -> list[tuple[OpenItem, str]]:
    """Each with the page that leads on."""
    items = [OpenItem(**{**each, "oldest_at": datetime.fromisoformat(each["oldest_at"])}) for each in values]
    return [(item, _behind(item, asked)) for item in items]


def _behind(item: OpenItem, asked: AsOf) -> str:
    """Where an auditor goes on, as of the same instant: to the list of its own room, or to those whose money it is."""
    page = next((page for start, page in BEHIND.items() if item.kind.startswith(start)), None)
    if page is None and item.explains is not None:
        return resolve_url("console:ledger_kind", item.explains) + asked.query
    page = page or Page("console:ledger")
    query = dict(page.query) | ({"as_of": asked.text} if asked.at and page.name in WITH_PAST else {})
    return resolve_url(page.name) + (f"?{urlencode(query)}" if query else "") + page.part


def _out(form: str, shown: Books) -> HttpResponseBase:
    header = [_("Kind"), _("Into it"), _("Out of it"), _("Holds"), _("As of")]
    rows = [[row.kind.label, row.into_rupiah, row.out_rupiah, row.rupiah, shown.at] for row in shown.rows]
    if form == "csv":
        return csv_response(name="ledger", header=header, rows=rows)
    return xlsx_response(name="ledger", title=_("Ledger"), header=header, rows=rows, rupiah_columns=(1, 2, 3))


@open_to(Role.OFFICER)
@require_POST
def prove_now(request: HttpRequest) -> HttpResponseBase:
    """Ask the worker for a proof; asked again while one waits, it is the same request."""
    request_proof(requested_by_id=signed_in_id(request), at=programme_now())
    messages.info(request, _("The proof was asked for. The worker takes it next; this page shows its result."))
    return redirect("console:ledger")


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def ledger_kind(request: HttpRequest, kind: int) -> HttpResponseBase:
    """What one kind holds, of those accepted in a year or of all: the movements that made it, and whose it is; the file
    has the largest amounts first."""
    if kind not in Kind.values:
        raise Http404
    shown, asked, at = Kind(kind), as_of(request), programme_now()
    year, known_years = asked_year(request)
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        if asked.problem:
            return redirect(f"{request.path}?{urlencode({'as_of': asked.text})}")
        return _holders_out(form, shown, asked, year)
    text = request.GET.get("after", "")
    after_id = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
    found = holders_of_year(kind=shown, year=year, as_of=asked.at, limit=PAGE_SIZE, after_id=after_id)
    places = Participation.objects.select_related("participant", "wave")
    people = {row.pk: row for row in places.filter(pk__in=[each.owner_id for each in found.holdings]).order_by("pk")}
    lines = [
        {
            "owner_id": each.owner_id,
            "rupiah": each.rupiah,
            "place": people.get(each.owner_id),
            "name": mask_name(people[each.owner_id].participant.full_name) if each.owner_id in people else "",
        }
        for each in found.holdings
    ]
    moves = kind_moves(shown, as_of=asked.at, year=year)
    context = {
        "at": asked.at or at,
        "kind": shown,
        "means": MEANS[shown],
        "asked": asked,
        "year": year,
        "years": known_years,
        "query": query_of(asked, year),
        "moves": moves,
        "total": KindTotal(shown, sum(each.into_rupiah for each in moves), sum(each.out_rupiah for each in moves)),
        "lines": lines,
        "further": further(request, after_id, found.looked_until, is_full=len(lines) == PAGE_SIZE),
    }
    return render(request, "console/ledger_kind.html", context)


@dataclass(frozen=True, slots=True)
class KindMove:
    """One movement into a kind or out of it: why, from or to which other kind, and what it moved."""

    reason: Reason
    debit_kind: Kind
    credit_kind: Kind
    other: Kind
    transfer_count: int
    into_rupiah: int
    out_rupiah: int


def kind_moves(kind: Kind, *, as_of: datetime | None, year: int | None) -> list[KindMove]:
    """Every movement into one kind and out of it up to an instant, of those accepted in a year or of all: what came in
    first, the largest first."""
    found: dict[tuple[Reason, Kind, Kind], list[int]] = {}
    for each in movements(as_of=as_of, year=year):
        if kind in (each.debit_kind, each.credit_kind):
            counted = found.setdefault((each.reason, each.debit_kind, each.credit_kind), [0, 0])
            counted[0] += each.transfer_count
            counted[1] += each.rupiah
    moves = [
        KindMove(reason, debit, credit, debit, count, rupiah, 0)
        if credit == kind
        else KindMove(reason, debit, credit, credit, count, 0, rupiah)
        for (reason, debit, credit), (count, rupiah) in found.items()
    ]
    return sorted(moves, key=lambda move: (-move.into_rupiah, -move.out_rupiah))


def _holders_out(form: str, shown: Kind, asked: AsOf, year: int | None) -> HttpResponseBase:
    header = [_("Participation"), _("Rupiah"), _("Ledger of this person")]
    before, after = resolve_url("console:person_ledger", 0).split("0")  # made once, for hundreds of thousands of rows

    def rows() -> Iterator[list[object]]:
        for each in of_year(every_holder(kind=shown, as_of=asked.at), year):
            yield [each.owner_id, each.rupiah, f"{before}{each.owner_id}{after}{asked.query}"]

    name = f"ledger-kind-{shown.value}" if year is None else f"ledger-kind-{shown.value}-accepted-{year}"
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows())
    return xlsx_response(name=name, title=str(shown.label), header=header, rows=rows(), rupiah_columns=(1,))
