"""What an institution owes: each missing piece of its purchases, since when and until when, with the button beside."""

from dataclasses import dataclass
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.institution import own_institution
from bekal.core.evidence import Piece, PieceState
from bekal.ledger.clock import programme_day, programme_now
from bekal.purchases.models import EvidenceReminder, Purchase
from bekal.purchases.owed_evidence import Owing, owed_by_institution

PAGE_SIZE = 30
MAX_ID_DIGITS = 18


@dataclass(frozen=True, slots=True)
class OwedLine:
    """One purchase with the pieces whose turn it is; `next_session`: the first that is not recorded."""

    owing: Owing
    title: str
    full_name: str
    sessions: tuple[PieceState, ...]
    completion: PieceState | None
    reminded_at: datetime | None

    @property
    def next_session(self) -> int | None:
        return self.sessions[0].sequence if self.sessions else None

    @property
    def since_on(self) -> date | None:
        return min((each.since_on for each in self._pieces if each.since_on), default=None)

    @property
    def due_on(self) -> date | None:
        return min((each.due_on for each in self._pieces if each.due_on), default=None)

    @property
    def _pieces(self) -> tuple[PieceState, ...]:
        return (*self.sessions, *((self.completion,) if self.completion else ()))


@open_to(Role.INSTITUTION)
@require_safe
def owed(request: HttpRequest) -> HttpResponse:
    """One training after the other, as far as something is owed now."""
    institution = own_institution(request)
    found = owed_by_institution(
        institution_id=institution.pk, after=_after(request.GET.get("after", "")), limit=PAGE_SIZE + 1
    )
    last = found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None
    lines = _lines(found[:PAGE_SIZE])
    context = {
        "lines": [line for line in lines if line.since_on is not None],
        "next": f"?after={last.training_id}_{last.purchase_id}" if last else "",
        "is_first": "after" not in request.GET,
        "today": programme_day(programme_now()),
    }
    return render(request, "console/owed.html", context)


def _lines(found: tuple[Owing, ...]) -> list[OwedLine]:
    ids = [each.purchase_id for each in found]
    rows = Purchase.objects.filter(pk__in=ids).order_by("pk")
    names = {
        number: (title, full_name)
        for number, title, full_name in rows.values_list(
            "pk", "training__title", "participation__participant__full_name"
        )
    }
    reminders = EvidenceReminder.objects.filter(purchase__in=ids, owed_by="institution").order_by("reminded_at")
    reminded = dict(reminders.values_list("purchase_id", "reminded_at"))
    return [
        OwedLine(
            each,
            *names[each.purchase_id],
            tuple(piece for piece in each.pieces if piece.piece is Piece.ATTENDANCE and piece.since_on),
            next((piece for piece in each.pieces if piece.piece is Piece.COMPLETION and piece.since_on), None),
            reminded.get(each.purchase_id),
        )
        for each in found
    ]


def _after(text: str) -> tuple[int, int]:
    parts = text.split("_")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= MAX_ID_DIGITS for part in parts):
        return 0, 0
    return int(parts[0]), int(parts[1])
