"""The institution desk: redeem a code that was handed over, record attendance and completion of one's own purchases.

No look-up: the desk lists only purchases whose code this institution has redeemed.
"""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.catalogue.models import Institution, InstitutionStaff
from bekal.core.refusal import Refusal
from bekal.holds.appeal_holds import Appeal, appeal_holds
from bekal.holds.models import Hold
from bekal.holds.queries import HoldLine, holds_of_institution
from bekal.ledger.clock import programme_day, programme_now
from bekal.purchases.certificates import certificates_of_purchases
from bekal.purchases.hold import payable_from_on
from bekal.purchases.models import Evidence, Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from bekal.ui.refusals import sentence

PAGE_SIZE = 20


def own_institution(request: HttpRequest) -> Institution:
    staff = InstitutionStaff.objects.select_related("institution").filter(user_id=signed_in_id(request)).first()
    if staff is None:
        raise PermissionDenied
    return staff.institution


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


@open_to(Role.INSTITUTION)
def desk(request: HttpRequest) -> HttpResponse:
    institution = own_institution(request)
    rows = (
        Purchase.objects.filter(training__institution=institution, redeemed_at__isnull=False)
        .select_related("training", "participation__participant", "settlement")
        .order_by(F("completed_at").desc(nulls_first=True), "-redeemed_at", "pk")
    )
    page = Paginator(rows, PAGE_SIZE).get_page(_number(request.GET.get("page", "1")) or 1)
    attended: dict[int, set[int]] = {}
    pieces = Evidence.objects.filter(purchase__in=[row.pk for row in page.object_list], piece="attendance")
    pieces = pieces.filter(source=Evidence.Source.INSTITUTION, holds=True)
    for purchase_id, sequence in pieces.order_by("purchase_id", "sequence").values_list("purchase_id", "sequence"):
        attended.setdefault(purchase_id, set()).add(sequence)
    certificates = certificates_of_purchases(purchase_ids=[row.pk for row in page.object_list if row.completed_at])
    lines = []
    for row in page.object_list:
        done = attended.get(row.pk, set())
        sessions = range(1, row.training.session_count + 1)
        following = next((number for number in sessions if number not in done), None)
        proven_at = row.reconciled_at or (None if row.ending == Purchase.Ending.REFUNDED else row.ended_at)
        lines.append(
            {
                "purchase": row,
                "certificate": certificates.get(row.pk),
                "attended": len(done),
                "sessions": len(sessions),
                "next": following,
                "payable_from_on": proven_at and payable_from_on(proven_at),
                "settled_at": row.settlement and row.settlement.settled_at,
            }
        )
    context = {"institution": institution, "page_obj": page, "lines": lines, "today": programme_day(programme_now())}
    context |= {"holds": _holds(institution.pk)}
    return render(request, "console/desk.html", context)


# What the institution may know: what is looked at, never how it was noticed.
HOLD_REASONS: dict[str, Promise] = {
    Hold.Reason.VOLUME: gettext_lazy("The office looks at why there was so much more than usual."),
    Hold.Reason.REDEMPTIONS: gettext_lazy("The office looks at when and how codes were redeemed."),
    Hold.Reason.TIMING: gettext_lazy("The office looks at whether the training was learned as it was recorded."),
    Hold.Reason.OWNERSHIP: gettext_lazy("The office looks at whether the buyer has to do with the institution."),
}


def _holds(institution_id: int) -> list[tuple[HoldLine, Promise | str]]:
    return [(line, HOLD_REASONS.get(line.reason, "")) for line in holds_of_institution(institution_id=institution_id)]


@open_to(Role.INSTITUTION)
@require_POST
def appeal(request: HttpRequest, hold_id: int) -> HttpResponse:
    """The institution says why a hold on its payment is wrong."""
    institution = own_institution(request)
    words = Appeal(hold_id, request.POST.get("text", ""), institution_id=institution.pk)
    (outcome,) = appeal_holds(appeals=[words], at=programme_now())
    return _answer(request, outcome.refusal, _("The objection has arrived. The programme office answers it."))


def _answer(request: HttpRequest, refusal: Refusal | None, done: str) -> HttpResponse:
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, done)
    return redirect("console:institution_desk")


@open_to(Role.INSTITUTION)
@require_POST
def redeem_code(request: HttpRequest) -> HttpResponse:
    institution = own_institution(request)
    code = request.POST.get("redeem_code", "")[:64]
    [outcome] = redeem(redemptions=[Redemption(institution.pk, code)], at=programme_now())
    return _answer(request, outcome.refusal, _("The code is redeemed. The participant can start."))


@open_to(Role.INSTITUTION)
@require_POST
def attendance(request: HttpRequest, purchase_id: int) -> HttpResponse:
    institution = own_institution(request)
    sequence = _number(request.POST.get("sequence", ""))
    if sequence is None or purchase_id >= 2**63:
        raise Http404
    [outcome] = record_attendance(attendances=[Attendance(institution.pk, purchase_id, sequence)], at=programme_now())
    said = (
        _("Attendance of session %(number)s was recorded before; nothing has changed.")
        if outcome.repeated
        else _("Attendance of session %(number)s is recorded.")
    )
    return _answer(request, outcome.refusal, said % {"number": sequence})


@open_to(Role.INSTITUTION)
@require_POST
def completion(request: HttpRequest, purchase_id: int) -> HttpResponse:
    institution = own_institution(request)
    if purchase_id >= 2**63:
        raise Http404
    [outcome] = record_completion(completions=[Completion(institution.pk, purchase_id)], at=programme_now())
    said = (
        _("Completion was recorded before; nothing has changed.")
        if outcome.repeated
        else _("Completion is recorded. The participant is asked for a rating and a review.")
    )
    return _answer(request, outcome.refusal, said)
