"""What institutions have earned, hold, were paid; the statement of one, and the switch that stops its settlement."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import connection
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.catalogue.models import Institution
from bekal.catalogue.stop_settlement import REASON_LIMIT_COUNT, resume_settlement, stop_settlement
from bekal.console.as_of import AsOf, as_of
from bekal.console.institution import own_institution
from bekal.console.institution_accounts import AccountForm
from bekal.console.tally import Report, figures
from bekal.incentives.institution_payments import institution_accounts, institution_settlements
from bekal.ledger.clock import programme_now
from bekal.lifecycle.tallies import Parameters
from bekal.purchases.hold import PROVEN_AT_SQL, held_out_sql
from bekal.purchases.models import Purchase
from bekal.purchases.settlement_models import PAID_AT_SQL
from bekal.purchases.statement import InstitutionStatement, StatementLine, institution_statement
from bekal.ui.refusals import sentence
from bekal.ui.tables_out import csv_response, xlsx_response

PAGE_SIZE = 50
FILE_LINES = 2_000  # read at a time for a file
MAX_ID = 2**63 - 1
AFTER = re.compile(r"(\d{1,18})-(\d{1,18})", flags=re.ASCII)
ENDINGS = dict(Purchase.Ending.choices)


@dataclass(frozen=True, slots=True)
class InstitutionDues:
    """One institution at an instant: `owed` is proven and unpaid; of it `held` still waits for the days after the
    proof."""

    institution_id: int
    name: str
    stopped_at: datetime | None
    stop_reason: str
    purchase_count: int
    escrow_rupiah: int
    owed_rupiah: int
    held_rupiah: int
    paid_rupiah: int

    @property
    def due_rupiah(self) -> int:
        """What can be settled now, were it not stopped."""
        return self.owed_rupiah - self.held_rupiah


# What happened after the instant has not happened.
KNOWN_SQL = f"""
SELECT purchase.id, purchase.training_id, purchase.price_rupiah AS price,
       CASE WHEN purchase.reconciled_at <= %(as_of)s THEN purchase.reconciled_at END AS reconciled_at,
       CASE WHEN purchase.ended_at <= %(as_of)s THEN purchase.ended_at END AS ended_at,
       CASE WHEN purchase.ended_at <= %(as_of)s THEN purchase.ending ELSE '' END AS ending,
       CASE WHEN purchase.ended_at <= %(as_of)s THEN purchase.refunded_rupiah ELSE 0 END AS refunded,
       ({PAID_AT_SQL}) IS NOT NULL AS is_settled
FROM purchases_purchase purchase
LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id
WHERE purchase.bought_at <= %(as_of)s
"""
DUES_SQL = """
SELECT institution.id, institution.name, institution.stopped_at,
       CASE WHEN institution.stopped_at IS NULL THEN '' ELSE institution.settlement_stop_reason END,
       count(sums.id), coalesce(sum(escrow), 0)::bigint, coalesce(sum(owed), 0)::bigint,
       coalesce(sum(owed) FILTER (WHERE NOT is_out), 0)::bigint, coalesce(sum(paid), 0)::bigint
FROM (SELECT *, CASE WHEN settlement_stopped_at <= %(as_of)s THEN settlement_stopped_at END AS stopped_at
      FROM catalogue_institution) institution
{joined} JOIN (
    SELECT training.institution_id, purchase.id, {held_out} AS is_out,
           CASE WHEN {proven_at} IS NULL AND purchase.ended_at IS NULL THEN price ELSE 0 END AS escrow,
           CASE WHEN {proven_at} IS NOT NULL AND NOT is_settled THEN price - refunded ELSE 0 END AS owed,
           CASE WHEN is_settled THEN price - refunded ELSE 0 END AS paid
    FROM ({known}) purchase
    JOIN catalogue_training training ON training.id = purchase.training_id
) sums ON sums.institution_id = institution.id
GROUP BY institution.id, institution.name, institution.stopped_at, institution.settlement_stop_reason
ORDER BY (institution.stopped_at IS NULL), coalesce(sum(owed), 0) DESC, institution.id
"""


def institution_dues(*, at: datetime, as_of: datetime | None = None) -> tuple[InstitutionDues, ...]:
    """Every institution as it stands now (`at`), or those with a purchase as they stood at an earlier instant: those
    stopped first, then by what they are owed. Of a stop that was lifted nothing is known any more."""
    held_out, values = held_out_sql(as_of or at)
    joined = "LEFT" if as_of is None else "INNER"
    sql = DUES_SQL.format(held_out=held_out, proven_at=PROVEN_AT_SQL, known=KNOWN_SQL, joined=joined)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**values, "as_of": as_of or "infinity"})
        return tuple(InstitutionDues(*row) for row in cursor.fetchall())


def _count(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> list[dict[str, Any]]:
    return [
        asdict(each) | {"stopped_at": each.stopped_at and each.stopped_at.isoformat()}
        for each in institution_dues(at=at, as_of=as_of)
    ]


def _dues_from(row: dict[str, Any]) -> InstitutionDues:
    stopped_at = row["stopped_at"]
    return InstitutionDues(**{**row, "stopped_at": stopped_at and datetime.fromisoformat(stopped_at)})


DUES = Report("institutions", _count)


class StopForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why is it stopped?"),
        max_length=REASON_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("At most 300 characters. The institution reads it on its statement."),
    )


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def institutions(request: HttpRequest) -> HttpResponseBase:
    """Every institution with what it is owed, now or as of an instant."""
    asked, form = as_of(request), request.GET.get("form", "")
    if form in ("csv", "xlsx") and asked.problem:
        return redirect(f"{request.path}?{urlencode({'as_of': asked.text})}")
    found = figures(DUES, request, at=programme_now(), as_of=asked.at)
    dues = None if found.values is None else tuple(_dues_from(row) for row in found.values)
    if form in ("csv", "xlsx") and dues is not None:
        return _dues_out(form, dues)
    context: dict[str, Any] = {"asked": asked, "figures": found, "page_obj": None}
    if dues is not None:
        context |= _dues_context(request, dues)
    return render(request, "console/institutions.html", context)


def _dues_context(request: HttpRequest, dues: tuple[InstitutionDues, ...]) -> dict[str, Any]:
    text = request.GET.get("page", "1")
    page = Paginator(dues, PAGE_SIZE).get_page(int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1)
    sums = {name: sum(getattr(each, name) for each in dues) for name in ("escrow_rupiah", "owed_rupiah")}
    sums |= {name: sum(getattr(each, name) for each in dues) for name in ("held_rupiah", "paid_rupiah")}
    stopped_count = sum(each.stopped_at is not None for each in dues)
    return {"page_obj": page, "sums": sums, "stopped_count": stopped_count}


def _dues_out(form: str, dues: tuple[InstitutionDues, ...]) -> HttpResponseBase:
    header = [_("Institution"), _("Number"), _("Purchases"), _("Not proven yet"), _("Owed"), _("Of it in the hold")]
    header += [_("Paid"), _("Stopped"), _("Reason")]
    rows = [
        [
            each.name,
            each.institution_id,
            each.purchase_count,
            each.escrow_rupiah,
            each.owed_rupiah,
            each.held_rupiah,
            each.paid_rupiah,
            each.stopped_at,
            each.stop_reason,
        ]
        for each in dues
    ]
    if form == "csv":
        return csv_response(name="institutions", header=header, rows=rows)
    title = _("Institutions")
    return xlsx_response(name="institutions", title=title, header=header, rows=rows, rupiah_columns=(3, 4, 5, 6))


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def statement(request: HttpRequest, institution_id: int) -> HttpResponseBase:
    return _statement(request, institution_id, is_own=False)


@open_to(Role.INSTITUTION)
@require_safe
def own_statement(request: HttpRequest) -> HttpResponseBase:
    """The same statement, of the institution that is signed in."""
    return _statement(request, own_institution(request).pk, is_own=True)


def _statement(
    request: HttpRequest, institution_id: int, *, is_own: bool, form: StopForm | None = None
) -> HttpResponseBase:
    asked = as_of(request)
    wanted = request.GET.get("form", "")
    if wanted in ("csv", "xlsx"):
        if asked.problem:
            return redirect(f"{request.path}?{urlencode({'as_of': asked.text})}")
        return _statement_out(wanted, institution_id, asked, is_own=is_own)
    match = AFTER.fullmatch(request.GET.get("after", ""))
    after = (int(match[1]), int(match[2])) if match else (0, 0)
    found = institution_statement(
        institution_id=min(institution_id, MAX_ID), as_of=asked.at, after=after, limit=PAGE_SIZE + 1
    )
    if found is None:
        raise Http404
    lines = found.lines[:PAGE_SIZE]
    following = {"as_of": asked.text} if asked.at else {}
    accounts = institution_accounts(institution_id=found.institution_id)
    context = {
        "at": asked.at or programme_now(),
        "asked": asked,
        "statement": found,
        "lines": [(line, ENDINGS.get(line.ending, "")) for line in lines],
        "next": "?" + urlencode(following | {"after": f"{lines[-1].training_id}-{lines[-1].purchase_id}"})
        if len(found.lines) > PAGE_SIZE
        else "",
        "is_own": is_own,
        "settlements": institution_settlements(institution_id=found.institution_id, as_of=asked.at),
        "accounts": accounts,
        "waiting_hash": bytes(accounts.waiting.account_hash).hex() if accounts.waiting else "",
        "account_form": AccountForm(),
        "form": form or StopForm(),
    }
    return render(request, "console/institution_statement.html", context, status=422 if form else 200)


def _statement_out(form: str, institution_id: int, asked: AsOf, *, is_own: bool) -> HttpResponseBase:
    first = _statement_page(institution_id, asked, (0, 0))
    header = [_("Purchase"), _("Training"), _("Bought on"), _("Price"), _("Proven"), _("Ended"), _("Can be paid from")]
    header += [_("Paid on"), _("Not proven yet"), _("Owed"), _("Paid"), _("Refunded")]
    # Who learned is the programme's to know; at its desk the institution sees the names of those whose code it has.
    header += [] if is_own else [_("Participation")]
    name = f"institution-{institution_id}"
    rows = _statement_rows(first, asked, is_own=is_own)
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows)
    return xlsx_response(name=name, title=first.name, header=header, rows=rows, rupiah_columns=(3, 8, 9, 10, 11))


def _statement_page(institution_id: int, asked: AsOf, after: tuple[int, int]) -> InstitutionStatement:
    found = institution_statement(
        institution_id=min(institution_id, MAX_ID), as_of=asked.at, after=after, limit=FILE_LINES
    )
    if found is None:
        raise Http404
    return found


def _statement_rows(page: InstitutionStatement, asked: AsOf, *, is_own: bool) -> Iterator[list[object]]:
    """Every line, page by page, so that memory does not grow with the institution."""
    while page.lines:
        for line in page.lines:
            yield _cells(line) + ([] if is_own else [line.participation_id])
        last = page.lines[-1]
        page = _statement_page(page.institution_id, asked, (last.training_id, last.purchase_id))


def _cells(line: StatementLine) -> list[object]:
    amounts = [line.escrow_rupiah, line.owed_rupiah, line.paid_rupiah, line.refunded_rupiah]
    days = [line.proven_at, line.ended_at, line.payable_from_on, line.settled_at]
    return [line.purchase_id, line.title, line.bought_at, line.price_rupiah, *days, *amounts]


def _known(institution_id: int) -> int:
    if not Institution.objects.filter(pk=min(institution_id, MAX_ID)).exists():
        raise Http404
    return institution_id


@open_to(Role.OFFICER)
@require_POST
def stop(request: HttpRequest, institution_id: int) -> HttpResponseBase:
    """Nothing is settled to this institution until somebody lets it go on."""
    form = StopForm(request.POST)
    if form.is_valid():
        outcome = stop_settlement(
            institution_id=_known(institution_id), reason=form.cleaned_data["reason"], at=programme_now()
        )
        if outcome.refusal is None:
            messages.success(request, _("Stopped. Nothing is paid to this institution until you let it go on."))
            return redirect("console:institution_statement", institution_id)
        form.add_error("reason", sentence(outcome.refusal))
    return _statement(request, institution_id, is_own=False, form=form)


@open_to(Role.OFFICER)
@require_POST
def resume(request: HttpRequest, institution_id: int) -> HttpResponseBase:
    """What is owed is settled again with the next run."""
    outcome = resume_settlement(institution_id=_known(institution_id), at=programme_now())
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    else:
        messages.success(request, _("It goes on: what is owed is paid with the next settlement run."))
    return redirect("console:institution_statement", institution_id)
