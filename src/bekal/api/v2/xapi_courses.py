"""`POST /xapi/courses`: register the cmi5 course structure of a training."""

from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import EITHER, Declared, PartnerRequest, RawBody, endpoint
from bekal.api.v2.problems import Problem
from bekal.catalogue.models import Training
from bekal.core.text import shown
from bekal.core.xapi import MoveOn
from bekal.partners.cmi5_course import MAX_XML_BYTES, NewCourse, register_courses
from bekal.partners.scopes import Scope
from bekal.ui.refusals import sentence

EXAMPLE = (
    '<courseStructure xmlns="https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd">'
    '<course id="https://lembaga.example/kursus/barista"/>'
    '<au id="https://lembaga.example/kursus/barista/sesi-1" moveOn="CompletedOrPassed"/>'
    "</courseStructure>"
)


class UnitAnswer(Output):
    """One unit, which is the session of its place. `is_evidence`: false where its moveOn is NotApplicable."""

    sequence: int
    id: str
    move_on: str = Field(json_schema_extra={"enum": list(MoveOn)})
    is_evidence: bool


class CourseAnswer(Output):
    """The course as it counts from now on."""

    training: str
    course: str
    units: list[UnitAnswer]
    repeated: bool


@endpoint(
    "POST",
    "/xapi/courses",
    Declared(
        tag="evidence",
        summary=_("Register a cmi5 course"),
        answer=CourseAnswer,
        scope=Scope.EVIDENCE,
        kind=EITHER,
        problems=("training_not_found", "course_refused"),
        raw=RawBody("application/xml", MAX_XML_BYTES, {"type": "string"}, EXAMPLE),
    ),
)
def register_course(
    request: PartnerRequest, training: Annotated[str, Field(max_length=60, description="The training's code.")]
) -> CourseAnswer:
    """The cmi5.xml of a training: its units in their order are the sessions, and each says by `moveOn` when it is done;
    cmi5 takes NotApplicable where it does not, and that is no evidence. The newest counts. No DTD, no entities."""
    call = request.call
    own = Training.objects.filter(code=training)
    if call.institution_id is not None:
        own = own.filter(institution=call.institution_id)
    else:
        own = own.filter(platform=call.platform)
    found = own.first()
    if found is None:
        raise Problem("training_not_found", {"training": shown(training)})
    (outcome,) = register_courses(courses=[NewCourse(found.pk, call.partner_id, request.value)], at=call.at)
    if outcome.refusal is not None or outcome.course is None:
        assert outcome.refusal is not None
        raise Problem("course_refused", detail=sentence(outcome.refusal), more={"reason": str(outcome.refusal.code)})
    units = [
        UnitAnswer(
            sequence=number,
            id=unit.unit_id,
            move_on=unit.move_on.value,
            is_evidence=unit.move_on is not MoveOn.NOT_APPLICABLE,
        )
        for number, unit in enumerate(outcome.course.units, start=1)
    ]
    return CourseAnswer(training=found.code, course=outcome.course.course_id, units=units, repeated=outcome.repeated)
