"""Pelatihanku: every training bought, what proves that it was learned, and who still owes which piece."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.catalogue.queries import suspension_of
from bekal.core.evidence import EvidenceState, Piece, PieceState, Source
from bekal.core.refusal import Refusal
from bekal.incentives.entitle import entitle
from bekal.partners.tasks import tasks_of
from bekal.purchases.certificates import certificates_of
from bekal.purchases.confirm_attendance import Confirmation, confirm_attendance
from bekal.purchases.queries import PurchaseLine, purchases_of
from bekal.purchases.reconcile import reconcile
from bekal.purchases.redeem_codes import grouped
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_queries import can_be_edited, own_review
from bekal.purchases.write_review import NewReview, write_review
from bekal.ui.refusals import sentence
from bekal.web.forms import ReviewForm, posted
from bekal.web.holds import held_payments
from bekal.web.reader import Reader, reader_of


class Stage(StrEnum):
    """How far one purchase has come."""

    TO_REDEEM = "to_redeem"
    LEARNING = "learning"
    TO_REVIEW = "to_review"  # completed; rating and review are missing
    CHECKING = "checking"  # all evidence is there; the programme office agrees it shortly
    DONE = "done"
    CONTESTED = "contested"  # somebody of the programme looks at what does not agree
    ENDED = "ended"  # it will not be proven any more


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the checklist: a piece that one side owes, or sessions of it that stand alike. `state` speaks for all
    of them; `sessions` are those that are missing or contested."""

    state: PieceState
    sessions: tuple[int, ...]

    @property
    def is_mine(self) -> bool:
        return self.state.owed_by is Source.PARTICIPANT


@dataclass(frozen=True, slots=True)
class Answer:
    """One session as the participant can speak of it: `was_there` is None where nothing is said yet."""

    number: int
    was_there: bool | None
    is_recorded: bool
    ahead_on: date | None  # the session's day, where that is still to come: nothing can be said of it yet


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase with its stage and its checklist on that day; of what has ended nothing is checked any more."""

    line: PurchaseLine
    stage: Stage
    pieces: tuple[Line, ...]
    today: date

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The sessions of which the participant can say whether they were there."""
        if self.line.redeemed_at is None or self.line.ended_at is not None:
            return ()
        said = self.line.evidence
        ahead = {
            piece.sequence: piece.since_on
            for piece in said.pieces
            if piece.piece is Piece.ATTENDANCE and not piece.is_present and (piece.since_on or self.today) > self.today
        }
        return tuple(
            Answer(
                number,
                True if number in said.confirmed else False if number in said.denied else None,
                number in said.attended,
                ahead.get(number),
            )
            for number in range(1, self.line.session_count + 1)
        )

    @property
    def asks_for_sessions(self) -> bool:
        """Whether the incentive waits for an answer of the participant about a session that was held."""
        return any(
            line.is_mine and line.state.piece is Piece.ATTENDANCE and (line.state.since_on or self.today) <= self.today
            for line in self.awaited
        )

    @property
    def is_open_for_answers(self) -> bool:
        """Whether an answer about a session may still change what is missing."""
        return self.asks_for_sessions or self.stage in (Stage.LEARNING, Stage.CONTESTED)

    @property
    def awaited(self) -> tuple[Line, ...]:
        """What is missing or contested and somebody's turn, or will be on a day that is known; the reader's own
        first."""
        waiting = [line for line in self.pieces if not line.state.is_present and line.state.since_on]
        return tuple(sorted(waiting, key=lambda line: not line.is_mine))

    @property
    def redeem_code(self) -> str:
        """For reading aloud; empty where the purchase was brought in from elsewhere without it."""
        return grouped(self.line.redeem_code or "")

    @property
    def done_count(self) -> int:
        return sum(piece.state.is_present for piece in self.pieces)


def bought_of(reader: Reader) -> tuple[Bought, ...]:
    """The reader's purchases, newest first."""
    if reader.participation is None:
        return ()
    lines = purchases_of(participation_id=reader.participation.pk)
    return tuple(_bought(line, reader.today) for line in sorted(lines, key=lambda line: -line.ordinal))


def _bought(line: PurchaseLine, today: date) -> Bought:
    return Bought(line, _stage(line), () if line.ended_at else _checklist(line.evidence), today)


def _checklist(evidence: EvidenceState) -> tuple[Line, ...]:
    """The pieces in order; sessions that stand alike in one line."""
    alike: dict[PieceState, list[PieceState]] = {}
    for piece in evidence.pieces:
        # A session that is there has its own day, which nobody has to know.
        key = replace(piece, sequence=1, since_on=None if piece.is_present else piece.since_on)
        alike.setdefault(key, []).append(piece)
    # Attendance that is there in part is no line of its own: its number stands in the heading.
    open_needs = {(key.piece, key.owed_by) for key in alike if not key.is_present}
    return tuple(
        Line(pieces[0], () if key.is_present else tuple(each.sequence for each in pieces))
        for key, pieces in alike.items()
        if not (key.is_present and (key.piece, key.owed_by) in open_needs)
    )


def _stage(line: PurchaseLine) -> Stage:
    if line.ended_at is not None:
        return Stage.ENDED
    if line.reconciled_at:
        return Stage.DONE
    if line.redeemed_at is None:
        return Stage.TO_REDEEM
    if line.evidence.conflict:
        return Stage.CONTESTED
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
            _reconcile(reader.at, purchase_id, reader.participation.pk)
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
        "tasks": tasks_of(purchase_id=purchase_id),
        "suspension": suspension_of(bought.line.training_id),
        "held_payments": [each for each in held_payments(reader) if each.line.purchase_id == purchase_id],
    }
    return render(request, "web/purchase.html", context, status=422 if form.errors else 200)


@open_to(Role.PARTICIPANT)
@require_POST
def session(request: HttpRequest, purchase_id: int, sequence: int) -> HttpResponse:
    """The participant says whether they were at one session; the same answer twice is one."""
    reader = reader_of(request)
    answer = {"yes": True, "no": False}.get(request.POST.get("was_there", ""))
    bought = next((each for each in bought_of(reader) if each.line.purchase_id == purchase_id), None)
    if bought is None or reader.participation is None or answer is None:
        raise Http404
    confirmation = Confirmation(reader.participation.pk, purchase_id, sequence, answer)
    (outcome,) = confirm_attendance(confirmations=[confirmation], at=reader.at)
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    else:
        _reconcile(reader.at, purchase_id, reader.participation.pk)
        said = gettext("Your answer about session %(number)s is saved.") % {"number": sequence}
        messages.success(request, said)
    return redirect(f"{reverse('web:purchase', args=[purchase_id])}#sessions")


def _reconcile(at: datetime, purchase_id: int, participation_id: int) -> None:
    """It may have been the last piece of evidence: the incentive need not wait for the night's `manage daily`."""
    if reconcile(at=at, purchase_ids=[purchase_id]).purchase_ids:
        entitle(at=at, participation_ids=[participation_id])


def _field_of(refusal: Refusal) -> str | None:
    if refusal.code == PurchaseRefusal.RATING_OUT_OF_RANGE:
        return "rating"
    about_text = {PurchaseRefusal.REVIEW_EMPTY, PurchaseRefusal.REVIEW_TOO_LONG, PurchaseRefusal.REVIEW_UNREADABLE}
    return "text" if refusal.code in about_text else None
