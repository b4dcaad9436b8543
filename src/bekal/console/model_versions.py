"""The model: its versions, how each was examined, and the two officers who put one into service or return to one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role, User
from bekal.console import model_report
from bekal.console.model_charts import calibration_chart, fairness_chart, quality_chart
from bekal.console.tables import Cell, Table, people, table_out, words
from bekal.ledger.clock import programme_now
from bekal.recommender.model_store import is_damaged
from bekal.recommender.promote_model import promote_model
from bekal.recommender.propose_model import propose_model
from bekal.recommender.refusals import ModelRefusedError
from bekal.recommender.roll_back_model import roll_back_model
from bekal.recommender.versions import (
    Service,
    Version,
    return_version_id,
    serving_history,
    serving_version_id,
    version,
    versions,
)
from bekal.ui.display import count, moment
from bekal.ui.refusals import sentence

PAGE_SIZE = 20
HISTORY_SIZE = 20
MAX_ID = 2**63 - 1
# What a version may be, by the address: its words, its tone and icon.
STATES: dict[str, tuple[Promise, str, str]] = {
    "serving": (gettext_lazy("in service"), "good", "check"),
    "damaged": (gettext_lazy("in service, but damaged"), "bad", "alert"),
    "proposed": (gettext_lazy("waits for a second officer"), "sun", "clock"),
    "passes": (gettext_lazy("may be proposed"), "accent", "done"),
    "blocked": (gettext_lazy("blocked"), "bad", "alert"),
    "unexamined": (gettext_lazy("not examined"), "", "help"),
    "unreadable": (gettext_lazy("of an older format"), "", "lock"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One version with the words of its state; fewer than ten people, or choices of theirs, are not told exactly."""

    line: Version
    state: str

    @property
    def label(self) -> str:
        return str(STATES[self.state][0])

    @property
    def tone(self) -> str:
        return STATES[self.state][1]

    @property
    def icon(self) -> str:
        return STATES[self.state][2]

    @property
    def people(self) -> Cell:
        return people(self.line.people_count)

    @property
    def choices(self) -> Cell:
        return people(self.line.choice_count)


def state_of(line: Version) -> str:
    """The one thing to know of a version."""
    if line.is_serving:
        return "damaged" if is_damaged(line.version_id, line.sha256) else "serving"
    if not line.is_readable:
        return "unreadable"
    if line.examination is None:
        return "unexamined"
    if not line.examination.passes:
        return "blocked"
    return "proposed" if line.proposal else "passes"


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def overview(request: HttpRequest) -> HttpResponseBase:
    """All versions, or those in one state; which one serves, and what served before it."""
    state = next((each for each in STATES if each == request.GET.get("state")), "")
    before = request.GET.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) <= 18 else None
    form, table = request.GET.get("form", ""), request.GET.get("table", "")
    if form in ("csv", "xlsx"):
        whole = history_table(serving_history()) if table == "history" else versions_table(_in_state(versions(), state))
        return table_out(form, whole, name=f"model-{whole.name}")
    found = versions(before_id=before_id, limit=None if state else PAGE_SIZE + 1)
    history = serving_history(limit=HISTORY_SIZE)
    shown = _in_state(found, state)
    has_more = not state and len(found) > PAGE_SIZE
    context = {
        "versions": shown[:PAGE_SIZE] if not state else shown,
        "next": f"?before={shown[PAGE_SIZE - 1].line.version_id}" if has_more else "",
        "state": state,
        "states": [(each, label) for each, (label, _tone, _icon) in STATES.items()],
        "query": f"?state={state}&" if state else "?",
        "history": history_table(history) if history else None,
        "serving": _serving(found),
        "return_id": return_version_id(),
    }
    return render(request, "console/model_versions.html", context)


def _serving(found: Sequence[Version]) -> Shown | None:
    """The version in service: on this page, or read by itself."""
    line = next((each for each in found if each.is_serving), None) or _in_service()
    return None if line is None else Shown(line, state_of(line))


def _in_service() -> Version | None:
    number = serving_version_id()
    return None if number is None else version(number)


def _in_state(found: Sequence[Version], state: str) -> list[Shown]:
    shown = [Shown(line, state_of(line)) for line in found]
    return [each for each in shown if not state or each.state == state]


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def model(request: HttpRequest, version_id: int) -> HttpResponseBase:
    """One version: what it was fitted on, its examination, and what an officer can do with it."""
    line = _or_404(version_id)
    report: Mapping[str, Any] = line.examination.report if line.examination else {}
    attribute, wanted = request.GET.get("attribute", ""), request.GET.get("verdict", "")
    comparisons = [
        each
        for each in report.get("fairness", ())
        if attribute in ("", each["attribute"]) and wanted in ("", each["verdict"])
    ]
    tables = _tables(report, comparisons)
    if request.GET.get("form", "") in ("csv", "xlsx") and request.GET.get("table", "") in tables:
        table = tables[request.GET["table"]]()
        return table_out(request.GET["form"], table, name=f"model-{version_id}-{table.name}")
    filters = "".join(f"{name}={text}&" for name, text in (("attribute", attribute), ("verdict", wanted)) if text)
    known = {each["attribute"] for each in report.get("fairness", ())}
    context = {
        "each": Shown(line, state_of(line)),
        "line": line,
        "report": report,
        "tried": people(report.get("quality", {}).get("people_count", 0)),
        "own": line.proposal is not None and line.proposal.officer_id == signed_in_id(request),
        "tables": {name: table for name, make in tables.items() if (table := make()).rows},
        "quality_chart": quality_chart(report),
        "calibration_chart": calibration_chart(report),
        "fairness_chart": fairness_chart(comparisons),
        "has_fairness": bool(report.get("fairness")),
        "query": f"?{filters if attribute in known | {''} else ''}",
        "attribute": attribute,
        "verdict": wanted,
        "attributes": [(name, model_report.attribute_name(name)) for name in sorted(known)],
        "verdicts": [(name, label) for name, (label, _tone, _icon) in model_report.VERDICTS.items()],
        "exposure_verdict": model_report.verdict(report["exposure"]["verdict"]) if report.get("exposure") else None,
        "attack_verdict": model_report.verdict(report["attack"]["verdict"]) if report.get("attack") else None,
    }
    return render(request, "console/model_version.html", context)


def _tables(report: Mapping[str, Any], comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Callable[[], Table]]:
    return {
        "quality": lambda: model_report.quality_table(report),
        "calibration": lambda: model_report.calibration_table(report),
        "fairness": lambda: model_report.fairness_table(comparisons),
        "groups": lambda: model_report.groups_table(comparisons),
        "flips": lambda: model_report.flips_table(report),
        "exposure": lambda: model_report.exposure_table(report),
        "attack": lambda: model_report.attack_table(report),
    }


@open_to(Role.OFFICER)
@require_POST
def propose(request: HttpRequest, version_id: int) -> HttpResponse:
    line = _or_404(version_id)
    done = _("Proposed. It serves when a second officer puts it into service.")
    return _told(request, line, done, lambda by: propose_model(version_id=version_id, by=by, at=programme_now()))


@open_to(Role.OFFICER)
@require_POST
def promote(request: HttpRequest, version_id: int) -> HttpResponse:
    line = _or_404(version_id)
    done = _("Model %(number)s is in service from now on.") % {"number": version_id}
    return _told(request, line, done, lambda by: promote_model(version_id=version_id, by=by, at=programme_now()))


@open_to(Role.OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def roll_back(request: HttpRequest, version_id: int) -> HttpResponse:
    """The page that names both versions; posted, the named one serves again."""
    line = _or_404(version_id)
    if request.method == "POST":
        done = _("Rolled back. Model %(number)s is in service from now on.") % {"number": version_id}
        return _told(
            request, line, done, lambda by: roll_back_model(at=programme_now(), by=by, to_version_id=version_id)
        )
    context = {"line": line, "each": Shown(line, state_of(line)), "now": _in_service()}
    return render(request, "console/model_roll_back.html", context)


def _told(request: HttpRequest, line: Version, done: str, act: Callable[[User], object]) -> HttpResponse:
    try:
        act(User.objects.get(pk=signed_in_id(request)))
    except ModelRefusedError as refused:
        messages.error(request, sentence(refused.refusal))
    else:
        messages.success(request, done)
    return redirect("console:model", version_id=line.version_id)


def _or_404(version_id: int) -> Version:
    found = version(min(version_id, MAX_ID))
    if found is None:
        raise Http404
    return found


def versions_table(shown: Sequence[Shown]) -> Table:
    """Every version, as a file has it."""
    header = [_("Version"), _("Fitted"), _("People"), _("Choices"), _("State"), _("Examined"), _("Proposed by")]
    header += [_("Put into service by"), _("Since"), _("SHA-256")]
    rows = [
        tuple(
            Cell("", value)
            for value in (
                each.line.version_id,
                each.line.fitted_at,
                each.people.value,
                each.choices.value,
                each.label,
                each.line.examination.examined_at if each.line.examination else None,
                each.line.proposal.officer_name if each.line.proposal else None,
                each.line.service.officer_name if each.line.service else None,
                each.line.service.since_at if each.line.service else None,
                each.line.sha256,
            )
        )
        for each in shown
    ]
    return Table("versions", _("Versions of the model"), tuple(header), tuple(rows), frozenset())


def history_table(history: Sequence[Service]) -> Table:
    """Which version came to serve when, newest first."""
    header = (_("Since"), _("Version"), _("How"), _("Proposed by"), _("Decided by"))
    rows = tuple(
        (
            Cell(moment(each.since_at), each.since_at),
            Cell(count(each.version_id), each.version_id),
            words(_("rolled back to it") if each.is_roll_back else _("put into service")),
            Cell(each.proposed_by_name or "–", each.proposed_by_name or None),
            words(each.officer_name or _("the command line")),
        )
        for each in history
    )
    return Table("history", _("What served when"), header, rows, frozenset({1}))
