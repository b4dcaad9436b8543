"""Pelatihanku: every training bought, what proves that it was learned, and who still owes which piece."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.catalogue.queries import suspension_of
from bekal.core.entitlement import EvidenceKind, Party, evidence_required
from bekal.core.refusal import Refusal
from bekal.core.rules import Scheme
from bekal.incentives.entitle import entitle
from bekal.purchases.certificates import certificates_of
from bekal.purchases.queries import PurchaseLine, purchases_of
from bekal.purchases.reconcile import reconcile
from bekal.purchases.redeem_codes import grouped
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_queries import can_be_edited, own_review
from bekal.purchases.write_review import NewReview, write_review
from bekal.ui.refusals import sentence
from bekal.web.forms import ReviewForm, posted
from bekal.web.reader import Reader, reader_of


class Stage(StrEnum):
    """How far one purchase has come."""

    TO_REDEEM = "to_redeem"
    LEARNING = "learning"
    TO_REVIEW = "to_review"  # completed; rating and review are missing
    CHECKING = "checking"  # all evidence is there; the programme office agrees it shortly
    DONE = "done"
    ENDED = "ended"  # it will not be proven any more


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence as the checklist shows it. `since_on`: since when it is owed (None: not its turn yet)."""

    kind: EvidenceKind
    is_done: bool
    is_mine: bool
    since_on: date | None


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase with its stage and its checklist; of what has ended nothing is checked any more."""

    line: PurchaseLine
    stage: Stage
    pieces: tuple[Piece, ...]

    @property
    def redeem_code(self) -> str:
        """For reading aloud; empty where the purchase was brought in from elsewhere without it."""
        return grouped(self.line.redeem_code or "")

    @property
    def done_count(self) -> int:
        return sum(piece.is_done for piece in self.pieces)


def bought_of(reader: Reader) -> tuple[Bought, ...]:
    """The reader's purchases, newest first."""
    if reader.participation is None or reader.scheme is None:
        return ()
    lines = purchases_of(participation_id=reader.participation.pk)
    return tuple(_bought(line, reader.scheme) for line in sorted(lines, key=lambda line: -line.ordinal))


def _bought(line: PurchaseLine, scheme: Scheme) -> Bought:
    if line.ended_at is not None:
        return Bought(line, Stage.ENDED, ())
    owed = {EvidenceKind(each.piece): each for each in line.owed}
    pieces = tuple(
        Piece(
            kind=kind,
            is_done=kind not in owed,
            is_mine=kind in owed and owed[kind].party == Party.PARTICIPANT,
            since_on=owed[kind].since_on if kind in owed else None,
        )
        for kind in evidence_required(scheme)
    )
    return Bought(line, _stage(line, pieces), pieces)


def _stage(line: PurchaseLine, pieces: tuple[Piece, ...]) -> Stage:
    if line.reconciled_at:
        return Stage.DONE
    if line.redeemed_at is None:
        return Stage.TO_REDEEM
    if line.completed_at is None:
        return Stage.LEARNING
    return Stage.TO_REVIEW if line.rating is None else Stage.CHECKING


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def purchases(request: HttpRequest) -> HttpResponse:
    reader = reader_of(request)
    bought = bought_of(reader)
    certificates = certificates_of(participation_id=reader.participation.pk) if reader.participation else ()
    certified = {line.purchase_id for line in certificates}
    context = {
        "reader": reader,
        "purchases": bought,
        "certificates": certificates,
        # Completed before there were certificates, or long before it was known here.
        "uncertified": [e for e in bought if e.line.completed_at and e.line.purchase_id not in certified],
    }
    return render(request, "web/purchases.html", context)


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def purchase(request: HttpRequest, purchase_id: int) -> HttpResponse:
    """One purchase: its receipt, its redeem code, its checklist, and the review form once it is completed."""
    reader = reader_of(request)
    bought = next((each for each in bought_of(reader) if each.line.purchase_id == purchase_id), None)
    if bought is None or reader.participation is None:
        raise Http404
    form = ReviewForm(posted(request))
    if request.method == "POST" and form.is_valid():
        review = NewReview(reader.participation.pk, purchase_id, form.cleaned_data["rating"], form.cleaned_data["text"])
        (outcome,) = write_review(reviews=[review], at=reader.at)
        if outcome.refusal is None:
            # The review is the last piece of evidence: the incentive need not wait for the night's `manage daily`.
            if reconcile(at=reader.at, purchase_ids=[purchase_id]).purchase_ids:
                entitle(at=reader.at, participation_ids=[reader.participation.pk])
            messages.success(request, gettext("Thank you. Your rating and review are saved."))
            return redirect("web:purchase", purchase_id)
        form.add_error(_field_of(outcome.refusal), sentence(outcome.refusal))
    own = own_review(participation_id=reader.participation.pk, purchase_id=purchase_id) if bought.line.rating else None
    may_edit = own is not None and can_be_edited(own, reader.at)
    context = {
        "reader": reader,
        "bought": bought,
        "form": form,
        "own_review": own,
        "may_edit": may_edit,
        "suspension": suspension_of(bought.line.training_id),
    }
    return render(request, "web/purchase.html", context, status=422 if form.errors else 200)


def _field_of(refusal: Refusal) -> str | None:
    if refusal.code == PurchaseRefusal.RATING_OUT_OF_RANGE:
        return "rating"
    about_text = {PurchaseRefusal.REVIEW_EMPTY, PurchaseRefusal.REVIEW_TOO_LONG, PurchaseRefusal.REVIEW_UNREADABLE}
    return "text" if refusal.code in about_text else None
