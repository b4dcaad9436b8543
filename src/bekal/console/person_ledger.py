"""The ledger of one person as of any instant: what every kind holds, and each transfer with the balance after it."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.as_of import as_of
from bekal.console.people import mask_name
from bekal.ledger.clock import programme_now
from bekal.ledger.queries import StatementLine, balances_after, statement_of
from bekal.participants.models import Participation
from bekal.ui.tables_out import csv_response, xlsx_response

MAX_ID = 2**63 - 1


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def person_ledger(request: HttpRequest, participation_id: int) -> HttpResponseBase:
    """Page, CSV and XLSX of one person's statement."""
    rows = Participation.objects.select_related("participant", "wave")
    place = get_object_or_404(rows, pk=min(participation_id, MAX_ID))
    asked = as_of(request)
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx") and asked.problem:
        return redirect(f"{request.path}?{urlencode({'as_of': asked.text})}")
    lines = statement_of(owner_id=place.pk, as_of=asked.at)
    if form in ("csv", "xlsx"):
        return _out(form, place.pk, lines)
    balances = balances_after(line.transfer for line in lines)
    context = {
        "at": asked.at or programme_now(),
        "asked": asked,
        "place": place,
        "name": mask_name(place.participant.full_name),
        "lines": lines,
        "balances": balances.items(),
        "difference": sum(balances.values()),
    }
    return render(request, "console/person_ledger.html", context)


def _out(form: str, owner_id: int, lines: tuple[StatementLine, ...]) -> HttpResponseBase:
    header = [_("Number"), _("When"), _("Why"), _("From"), _("To"), _("Rupiah"), _("Training balance after it")]
    header += [_("Received in cash after it"), _("Key")]

    def rows() -> Iterator[list[object]]:
        for line in lines:
            each = line.transfer
            kinds = [each.debit_kind.label, each.credit_kind.label]
            amounts = [each.amount_rupiah, line.training_rupiah, line.received_rupiah]
            yield [each.id, each.posted_at, each.reason.label, *kinds, *amounts, each.idempotency_key]

    name = f"ledger-{owner_id}"
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows())
    title = _("Ledger of participation %(number)s") % {"number": owner_id}
    return xlsx_response(name=name, title=title, header=header, rows=rows(), rupiah_columns=(5, 6, 7))
