"""The books as of any instant: what every kind holds, whose it is, and the last proof that it is right."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
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
from bekal.console.people import mask_name
from bekal.ledger.clock import programme_now
from bekal.ledger.movements import Kind
from bekal.ledger.proof_results import StoredProof, latest_proof_result, request_proof
from bekal.ledger.queries import (
    KindTotal,
    digest_head,
    estimated_transfer_count,
    every_holder,
    holders,
    ledger_totals,
    proof_asked_at,
)
from bekal.participants.models import Participation
from bekal.proofs.exceptions import OpenItem, open_items
from bekal.ui.tables_out import csv_response, xlsx_response

PAGE_SIZE = 50
MAX_PAGE = 20_000
# Counting a million transfers and what is open among them takes some 400 ms. Beyond that the page shows what the last
# proof counted, with its instant, and counts when asked to.
COUNTED_AT_ONCE = 1_000_000
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
    """Every kind, their sum (Rp0), and of when. `is_counted`: just now, not by the last proof."""

    rows: tuple[KindRow, ...]
    transfer_count: int
    at: datetime
    is_counted: bool

    @property
    def difference_rupiah(self) -> int:
        return sum(row.rupiah for row in self.rows)


def books(asked: AsOf, proof: StoredProof | None, *, at: datetime) -> Books:
    """Counted now; where nothing is asked for and the ledger is large, what the last proof counted."""
    stored = proof.kind_totals if proof is not None else ()
    if asked.at is None and stored and proof is not None and estimated_transfer_count() > COUNTED_AT_ONCE:
        return Books(_rows(stored), proof.transfer_count, proof.proved_at, is_counted=False)
    found = ledger_totals(as_of=asked.at)
    return Books(_rows(found.kinds), found.transfer_count, asked.at or at, is_counted=True)


def _rows(totals: tuple[KindTotal, ...]) -> tuple[KindRow, ...]:
    by_kind = {total.kind: total for total in totals}
    found = [by_kind.get(kind, KindTotal(kind, 0, 0)) for kind in Kind]
    return tuple(
        KindRow(total.kind, str(MEANS[total.kind]), total.into_rupiah, total.out_rupiah, total.rupiah)
        for total in found
    )


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def ledger(request: HttpRequest) -> HttpResponseBase:
    """Totals of every kind, the last proof, the head of the digest chain, what is open; `?q=` finds a rupiah."""
    wanted = request.GET.get("q", "").strip()
    address = find_address(wanted) if wanted else None
    if address is not None:
        return redirect(address)
    at, asked = programme_now(), as_of(request)
    proof = latest_proof_result()
    shown = books(asked, proof, at=at)
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        return redirect(f"{request.path}?{urlencode({'as_of': asked.text})}") if asked.problem else _out(form, shown)
    context = {
        "at": at,
        "asked": asked,
        "books": shown,
        "proof": proof,
        "is_proved": proof is not None and proof.is_recent(at=at),
        "proof_asked_at": proof_asked_at(),
        "digest": digest_head(),
        "open_items": _open_items(request, asked, at),
        "wanted": wanted,
    }
    return render(request, "console/ledger.html", context)


def _open_items(request: HttpRequest, asked: AsOf, at: datetime) -> list[OpenItem] | None:
    """What waits for whom; None where the ledger is so large that it is only counted when asked for."""
    if estimated_transfer_count() > COUNTED_AT_ONCE and "open" not in request.GET:
        return None
    with connection.cursor() as cursor:
        return open_items(cursor, asked.at, at=asked.at or at)


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
    """Whose money one kind holds, the largest amounts first."""
    if kind not in Kind.values:
        raise Http404
    shown, asked, at = Kind(kind), as_of(request), programme_now()
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        if asked.problem:
            return redirect(f"{request.path}?{urlencode({'as_of': asked.text})}")
        return _holders_out(form, shown, asked)
    text = request.GET.get("page", "1")
    page = min(max(int(text), 1), MAX_PAGE) if text.isascii() and text.isdigit() and len(text) <= 6 else 1
    found = holders(kind=shown, as_of=asked.at, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
    places = Participation.objects.select_related("participant", "wave")
    people = {row.pk: row for row in places.filter(pk__in=[each.owner_id for each in found]).order_by("pk")}
    lines = [
        {
            "owner_id": each.owner_id,
            "rupiah": each.rupiah,
            "place": people.get(each.owner_id),
            "name": mask_name(people[each.owner_id].participant.full_name) if each.owner_id in people else "",
        }
        for each in found[:PAGE_SIZE]
    ]

    def address(number: int) -> str:
        return "?" + urlencode({"as_of": asked.text, "page": number} if asked.at else {"page": number})

    context = {
        "at": asked.at or at,
        "kind": shown,
        "means": MEANS[shown],
        "asked": asked,
        "lines": lines,
        "page": page,
        "before": address(page - 1) if page > 1 else "",
        "after": address(page + 1) if len(found) > PAGE_SIZE and page < MAX_PAGE else "",
    }
    return render(request, "console/ledger_kind.html", context)


def _holders_out(form: str, shown: Kind, asked: AsOf) -> HttpResponseBase:
    header = [_("Participation"), _("Rupiah"), _("Ledger of this person")]
    before, after = resolve_url("console:person_ledger", 0).split("0")  # made once, for hundreds of thousands of rows

    def rows() -> Iterator[list[object]]:
        for each in every_holder(kind=shown, as_of=asked.at):
            yield [each.owner_id, each.rupiah, f"{before}{each.owner_id}{after}{asked.query}"]

    name = f"ledger-kind-{shown.value}"
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows())
    return xlsx_response(name=name, title=str(shown.label), header=header, rows=rows(), rupiah_columns=(1,))
