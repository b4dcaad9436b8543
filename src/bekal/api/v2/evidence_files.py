"""`POST /evidence-files`: attendance, progress and completion as a CSV whose trailer says what is in it."""

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import EITHER, Declared, PartnerRequest, RawBody, endpoint
from bekal.api.v2.evidence_lines import LINE_PROBLEMS, line_problem, speaker_of
from bekal.api.v2.problems import Fault, Problem
from bekal.core.evidence_file import MAX_BYTES, MAX_FAULTS, read_evidence_file, trailer_of
from bekal.core.evidence_file import Fault as FileFault
from bekal.partners.evidence_files import take_evidence_file
from bekal.partners.scopes import Scope
from bekal.ui.evidence_file_faults import fault_sentence

CHUNK_BYTES = 64 * 1024
_LINES = (
    b"purchase,piece,sequence,percent,happened_at,holds,revision,reason\n"
    b"4711,attendance,1,,2020-11-19T10:00:00+07:00,true,,\n"
    b"4711,completion,,100,,true,,\n"
)
EXAMPLE = (_LINES + trailer_of(_LINES, row_count=2, purchase_sum=9422, percent_sum=100)).decode()


class FileAnswer(Output):
    """The whole file stands. `repeated`: it stood so before, and nothing changed."""

    row_count: int = Field(examples=[2])
    recorded_count: int = Field(examples=[2])
    repeated_count: int = Field(examples=[0])
    repeated: bool = Field(examples=[False])
    sha256: str = Field(description="Of the lines before the trailer.")


@endpoint(
    "POST",
    "/evidence-files",
    Declared(
        tag="evidence",
        summary=_("Send a file of evidence"),
        answer=FileAnswer,
        scope=Scope.EVIDENCE,
        kind=EITHER,
        problems=("file_refused",),
        line_problems=(*LINE_PROBLEMS, "session_out_of_range"),
        raw=RawBody("text/csv", MAX_BYTES, {"type": "string"}, EXAMPLE),
    ),
)
def send_evidence_file(request: PartnerRequest) -> FileAnswer:
    """UTF-8, LF, commas; a header, rows, and a trailer with the number of rows, the sum of the purchase numbers, the
    sum of the percents and the SHA-256 of everything before it. The file is taken as a whole or not at all: each thing
    that is wrong is named by line and column. docs/partners/evidence-files.md has every rule."""
    body: bytes = request.value
    read = read_evidence_file(body[begin : begin + CHUNK_BYTES] for begin in range(0, len(body), CHUNK_BYTES))
    if read.faults:
        raise _refused([_told(fault) for fault in read.faults])
    outcome = take_evidence_file(rows=read.rows, speaker=speaker_of(request.call), at=request.call.at)
    if outcome.refusals:
        found = []
        for each in outcome.refusals[:MAX_FAULTS]:
            problem = line_problem(request, each.row.purchase, each.refusal)
            place = {"line": each.row.line, "column": each.column}
            found.append(Fault(problem.code, problem.detail, value=each.value, **place))  # type: ignore[arg-type]
        raise _refused(found)
    return FileAnswer(
        row_count=len(read.rows),
        recorded_count=outcome.recorded_count,
        repeated_count=outcome.repeated_count,
        repeated=bool(read.rows) and not outcome.recorded_count,
        sha256=read.sha256,
    )


def _told(fault: FileFault) -> Fault:
    place = {"line": fault.line, "column": fault.column or None}
    return Fault(fault.code.value, fault_sentence(fault), value=fault.value or None, **place)  # type: ignore[arg-type]


def _refused(faults: list[Fault]) -> Problem:
    return Problem("file_refused", {"count": len(faults)}, faults=faults)
