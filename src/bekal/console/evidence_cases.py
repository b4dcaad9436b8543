"""Cases of contested evidence: which wait, what each side said, and the decision, which takes two officers: one by
one, or many alike on a sealed list. The auditor reads all of it and decides nothing."""

from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.people import mask_name
from bekal.core.evidence import EvidenceState
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day, programme_now
from bekal.purchases.case_queries import (
    CaseChoice,
    chosen_case_ids,
    chosen_cases,
    open_rulings,
    ruling_lines,
    rulings_of,
    said_of,
)
from bekal.purchases.case_queries import ruling as ruling_of
from bekal.purchases.decide_cases import (
    CASES_LIMIT,
    confirm_ruling,
    drop_ruling,
    preview_ruling,
    propose_ruling,
    take_cases,
)
from bekal.purchases.evidence_states import evidence_states
from bekal.purchases.models import CaseRuling, Evidence, EvidenceCase
from bekal.purchases.record_evidence import REASON_LIMIT_COUNT
from bekal.purchases.refusals import CaseRefusal
from bekal.ui.display import count
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
RULINGS_LIMIT = 20
MAX_ID_DIGITS = 18
Words = Promise | str
KINDS: dict[str, Words] = dict(EvidenceCase.Kind.choices)
RESOLUTIONS: dict[str, Words] = dict(EvidenceCase.Resolution.choices)
PIECES: dict[str, Words] = dict(Evidence.Piece.choices)
SOURCES: dict[str, Words] = dict(Evidence.Source.choices)
DOORS: dict[str, Words] = dict(Evidence.Door.choices)
VERDICTS: dict[str, Words] = dict(CaseRuling.Verdict.choices)


class RulingForm(forms.Form):
    verdict = forms.ChoiceField(
        label=gettext_lazy("What is right"), choices=CaseRuling.Verdict.choices, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=REASON_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Both sides read it; write nothing personal."),
    )


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def cases(request: HttpRequest) -> HttpResponse:
    """The open cases, the most urgent first, and the decisions that wait for a second officer."""
    today = programme_day(programme_now())
    choice, query = _choice(request, request.GET, today)
    lines = chosen_cases(choice, after=_after(request.GET.get("after", "")), limit=PAGE_SIZE + 1)
    last = lines[PAGE_SIZE - 1] if len(lines) > PAGE_SIZE else None
    context = {
        "lines": [(line, mask_name(line.full_name), KINDS[line.kind]) for line in lines[:PAGE_SIZE]],
        "next": f"?{urlencode({**query, 'after': f'{last.due_on}_{last.case_id}'})}" if last else "",
        "today": today,
        "choice": choice,
        "query": query,
        "kinds": list(KINDS.items()),
        "rulings": [(each, VERDICTS[each.verdict]) for each in open_rulings(limit=RULINGS_LIMIT)],
        "cases_limit": CASES_LIMIT,
        "is_officer": _is_officer(request),
        "form": RulingForm(),
    }
    return render(request, "console/evidence_cases.html", context)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """One case: what each side said and when, how the pieces stand, and what was proposed and decided."""
    found = chosen_cases(CaseChoice(case_id=case_id), limit=1)
    if not found:
        raise Http404
    (line,) = found
    state = evidence_states(purchase_ids=[line.purchase_id])[line.purchase_id]
    context = {
        "line": line,
        "name": mask_name(line.full_name),
        "kind": KINDS[line.kind],
        "resolution": RESOLUTIONS.get(line.resolution, ""),
        "today": programme_day(programme_now()),
        "said": [
            (each, SOURCES[each.source], PIECES[each.piece], DOORS[each.door])
            for each in said_of(purchase_id=line.purchase_id)
        ],
        "pieces": _pieces(state),
        "rulings": [(each, VERDICTS[each.verdict]) for each in rulings_of(case_id=case_id)],
        "is_officer": _is_officer(request),
        "is_own": line.officer_id == request.user.pk,
        "form": RulingForm(),
    }
    return render(request, "console/evidence_case.html", context)


def _pieces(state: EvidenceState) -> list[tuple[Any, Words, Words]]:
    return [(each, PIECES[each.piece.value], SOURCES[each.owed_by.value]) for each in state.pieces]


@open_to(Role.OFFICER)
@require_POST
def take(request: HttpRequest, case_id: int) -> HttpResponse:
    """The officer answers for the case from now on."""
    if take_cases(case_ids=[case_id], officer_id=signed_in_id(request), at=programme_now()):
        messages.success(request, _("You answer for this case now."))
    else:
        messages.error(request, sentence(Refusal(CaseRefusal.CASE_CLOSED)))
    return redirect("console:evidence_case", case_id)


@open_to(Role.OFFICER)
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The dry run: how many cases, of what kinds and for how much, and the seal that the proposal carries."""
    choice, query = _choice(request, request.POST, programme_day(programme_now()))
    form = RulingForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say which side is right, and why."))
        return _back(query)
    verdict, reason = form.cleaned_data["verdict"], form.cleaned_data["reason"]
    case_ids = chosen_case_ids(choice, limit=CASES_LIMIT)
    found = preview_ruling(case_ids=case_ids, verdict=verdict, reason=reason)
    if not found.lines:
        messages.error(request, sentence(Refusal(CaseRefusal.CASES_NONE)))
        return _back(query)
    context = {
        "preview": found,
        "seen": found.list_sha256.hex(),
        "kinds": [(KINDS[kind], number) for kind, number in found.kind_counts.items()],
        "lines": [(line, KINDS[line.kind]) for line in found.lines],
        "is_full": len(case_ids) == CASES_LIMIT,
        "cases_limit": CASES_LIMIT,
        "verdict": verdict,
        "verdict_label": VERDICTS[verdict],
        "reason": reason,
        "query": query,
    }
    return render(request, "console/case_ruling_preview.html", context)


@open_to(Role.OFFICER)
@require_POST
def propose(request: HttpRequest) -> HttpResponse:
    """Exactly the list of the dry run waits for a second officer."""
    choice, query = _choice(request, request.POST, programme_day(programme_now()))
    outcome = propose_ruling(
        case_ids=chosen_case_ids(choice, limit=CASES_LIMIT),
        verdict=request.POST.get("verdict", ""),
        reason=request.POST.get("reason", ""),
        seen_sha256=_sha256(request),
        officer_id=signed_in_id(request),
        at=programme_now(),
    )
    if outcome.ruling_id is None:
        if outcome.refusal is not None:
            messages.error(request, sentence(outcome.refusal))
        return _back(query)
    messages.success(request, _("The decision is proposed. Another officer has to confirm it."))
    return redirect("console:case_ruling", outcome.ruling_id)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def case_ruling(request: HttpRequest, ruling_id: int) -> HttpResponse:
    """One decision with its sealed list, and what became of each case on it."""
    found = ruling_of(ruling_id=ruling_id)
    if found is None:
        raise Http404
    rows = ruling_lines(ruling_id=ruling_id)
    context = {
        "ruling": found,
        "verdict_label": VERDICTS[found.verdict],
        "seen": bytes(found.list_sha256).hex(),
        "lines": [(row, KINDS[row.kind], _why(row.refusal)) for row in rows],  # type: ignore[attr-defined]
        "refused_count": sum(bool(row.refusal) for row in rows),
        "is_open": found.confirmed_at is None and found.dropped_at is None,
        "is_officer": _is_officer(request),
        "is_own": found.proposed_by_id == request.user.pk,
    }
    return render(request, "console/case_ruling.html", context)


def _why(code: str) -> str:
    if not code:
        return ""
    known = next((each for each in CaseRefusal if each.value == code), None)
    return sentence(Refusal(known)) if known is not None else code


@open_to(Role.OFFICER)
@require_POST
def confirm(request: HttpRequest, ruling_id: int) -> HttpResponse:
    """A second officer agrees to exactly what was shown."""
    outcome = confirm_ruling(
        ruling_id=ruling_id, officer_id=signed_in_id(request), seen_sha256=_sha256(request), at=programme_now()
    )
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    else:
        text = ngettext("%(shown)s case is decided.", "%(shown)s cases are decided.", outcome.decided_count)
        messages.success(request, text % {"shown": count(outcome.decided_count)})
        if outcome.refused_count:
            text = ngettext("%(shown)s was left out.", "%(shown)s were left out.", outcome.refused_count)
            messages.warning(request, text % {"shown": count(outcome.refused_count)})
    return redirect("console:case_ruling", ruling_id)


@open_to(Role.OFFICER)
@require_POST
def drop(request: HttpRequest, ruling_id: int) -> HttpResponse:
    """The proposal is let go."""
    refusal = drop_ruling(ruling_id=ruling_id, officer_id=signed_in_id(request), at=programme_now())
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, _("The decision is dropped. Nothing was said by it."))
    return redirect("console:case_ruling", ruling_id)


def _is_officer(request: HttpRequest) -> bool:
    return request.user.role == Role.OFFICER  # type: ignore[union-attr]


def _choice(request: HttpRequest, data: Any, today: date) -> tuple[CaseChoice, dict[str, str]]:
    """What an officer asks for, and as an address says it; what is no choice is left out."""
    case_id, institution_id = _number(data.get("case", "")), _number(data.get("institution", ""))
    kind = data.get("kind", "")
    choice = CaseChoice(kind=kind if kind in KINDS else None, institution_id=institution_id, case_id=case_id)
    query = {"kind": choice.kind or "", "institution": str(institution_id or ""), "case": str(case_id or "")}
    if data.get("mine") == "1":
        choice, query["mine"] = replace(choice, officer_id=request.user.pk), "1"
    if data.get("overdue") == "1":
        choice, query["overdue"] = replace(choice, overdue_on=today), "1"
    return choice, {name: text for name, text in query.items() if text}


def _back(query: dict[str, str]) -> HttpResponse:
    if "case" in query:
        return redirect("console:evidence_case", query["case"])
    response = redirect("console:evidence_cases")
    response["Location"] += f"?{urlencode(query)}" if query else ""
    return response


def _sha256(request: HttpRequest) -> bytes:
    try:
        return bytes.fromhex(request.POST.get("seen", "")[:64])
    except ValueError:
        return b""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS else None


def _after(text: str) -> tuple[date, int] | None:
    day, _sign, number = text.partition("_")
    try:
        on = date.fromisoformat(day)
    except ValueError:
        return None
    found = _number(number)
    return None if found is None else (on, found)
