"""The institution's desk for files of evidence: sent whole, each fault named by its line, nothing half taken."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.institution import own_institution
from bekal.core.evidence import Source
from bekal.core.evidence_file import COLUMNS, MAX_FAULTS, EvidenceFile, Row, read_evidence_file
from bekal.ledger.clock import programme_now
from bekal.partners.evidence_files import FileOutcome, take_evidence_file
from bekal.purchases.record_evidence import Speaker
from bekal.purchases.refusals import PurchaseRefusal
from bekal.ui.evidence_file_faults import fault_sentence
from bekal.ui.refusals import sentence


@dataclass(frozen=True, slots=True)
class FaultLine:
    """One thing that is wrong, as the page shows it."""

    line: int
    column: str
    says: str


@open_to(Role.INSTITUTION)
@require_http_methods(["GET", "HEAD", "POST"])
def evidence_file(request: HttpRequest) -> HttpResponse:
    """A form for one file; sent, it says what was taken, or every fault (the first fifty)."""
    institution = own_institution(request)
    read: EvidenceFile | None = None
    outcome: FileOutcome | None = None
    faults: list[FaultLine] = []
    if request.method == "POST":
        file = request.FILES.get("file")
        if file is None:
            faults = [FaultLine(0, "", _("Choose a file first."))]
        else:
            read = read_evidence_file(file.chunks())
            faults = [FaultLine(fault.line, fault.column, fault_sentence(fault)) for fault in read.faults]
    if read is not None and not faults:
        speaker = Speaker(Source.INSTITUTION, institution.pk)
        outcome = take_evidence_file(rows=read.rows, speaker=speaker, at=programme_now())
        faults = [
            FaultLine(each.row.line, each.column, _said(each.row, sentence(each.refusal), each.refusal.code))
            for each in outcome.refusals[:MAX_FAULTS]
        ]
    context = {
        "institution": institution,
        "columns": ",".join(COLUMNS),
        "faults": faults,
        "outcome": outcome if outcome and not faults else None,
        "sha256": read.sha256 if read else "",
    }
    return render(request, "console/evidence_file.html", context, status=422 if faults else 200)


def _said(row: Row, says: str, code: object) -> str:
    """A purchase that was not redeemed here is as good as none, whatever else it is."""
    if code in (PurchaseRefusal.UNKNOWN_PURCHASE, PurchaseRefusal.NOT_REDEEMED):
        return _("No purchase %(number)s was redeemed here. Check the number.") % {"number": row.purchase}
    return says
