"""`register_courses`: which units a training has, and when each is done, from its cmi5 course structure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from django.db import transaction

from bekal.catalogue.models import Training
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown
from bekal.core.xapi import MAX_IRI_CHARACTERS, MoveOn
from bekal.ledger.clock import programme_day
from bekal.partners.models import CourseStructure
from bekal.partners.xapi_refusals import XapiRefusal

MAX_XML_BYTES = 256 * 1024
NAMESPACE = "{https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd}"


@dataclass(frozen=True, slots=True)
class Unit:
    """An assignable unit. cmi5 takes NotApplicable where the course does not say `moveOn`."""

    unit_id: str
    move_on: MoveOn


@dataclass(frozen=True, slots=True)
class Course:
    """A course structure as it was read."""

    course_id: str
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class NewCourse:
    """A course structure (`xml`) for a training, sent by a partner."""

    training_id: int
    partner_id: int
    xml: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CourseOutcome:
    """`repeated`: the same file counts already. A refusal changed nothing."""

    course: Course | None = None
    refusal: Refusal | None = None
    repeated: bool = False


def read_course(xml: bytes) -> Course | Refusal:
    """The course of a cmi5.xml. No DTD, no entities, nothing external; never raises."""
    if len(xml) > MAX_XML_BYTES:
        return Refusal(XapiRefusal.XML_UNREADABLE)
    try:
        root = fromstring(xml, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        return Refusal(XapiRefusal.XML_UNREADABLE)
    course = root.find(f"{NAMESPACE}course")
    if root.tag != f"{NAMESPACE}courseStructure" or course is None:
        return Refusal(XapiRefusal.NOT_A_COURSE, {"value": shown(str(root.tag))})
    course_id, units = course.get("id", "").strip(), []
    seen = {course_id}
    if not _is_id(course_id):
        return Refusal(XapiRefusal.UNIT_ID_WRONG, {"value": shown(course_id)})
    for element in root.iter(f"{NAMESPACE}au"):
        unit_id, move_on = element.get("id", "").strip(), element.get("moveOn", MoveOn.NOT_APPLICABLE.value)
        if not _is_id(unit_id):
            return Refusal(XapiRefusal.UNIT_ID_WRONG, {"value": shown(unit_id)})
        if unit_id in seen:
            return Refusal(XapiRefusal.UNIT_TWICE, {"value": shown(unit_id)})
        if move_on not in set(MoveOn):
            return Refusal(XapiRefusal.MOVE_ON_UNKNOWN, {"value": shown(move_on)})
        seen.add(unit_id)
        units.append(Unit(unit_id, MoveOn(move_on)))
    return Course(course_id, tuple(units))


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_IRI_CHARACTERS and ":" in text and is_readable(text) and " " not in text


def register_courses(*, courses: Sequence[NewCourse], at: datetime) -> tuple[CourseOutcome, ...]:
    """Take each course for its training; outcomes in the order given. The newest of a training counts from now on; what
    was proven stays. Refused: what is no course, and one whose units are not as many as the training's sessions."""
    programme_day(at)  # refuses a naive instant
    outcomes = []
    with transaction.atomic():
        for new in courses:
            training = Training.objects.select_for_update(no_key=True).get(pk=new.training_id)
            course = read_course(new.xml)
            if isinstance(course, Refusal):
                outcomes.append(CourseOutcome(refusal=course))
                continue
            if len(course.units) != training.session_count:
                values: dict[str, int | str | date | None] = {
                    "value": str(len(course.units)),
                    "session_count": training.session_count,
                }
                outcomes.append(CourseOutcome(refusal=Refusal(XapiRefusal.UNIT_COUNT, values)))
                continue
            sha256 = hashlib.sha256(new.xml).digest()
            newest = CourseStructure.objects.filter(training=training).order_by("-pk").first()
            is_known = newest is not None and bytes(newest.sha256) == sha256
            if not is_known:
                CourseStructure.objects.create(
                    training=training,
                    partner_id=new.partner_id,
                    course_id=course.course_id,
                    units=[{"id": unit.unit_id, "move_on": unit.move_on.value} for unit in course.units],
                    sha256=sha256,
                    registered_at=at,
                )
            outcomes.append(CourseOutcome(course, repeated=is_known))
    return tuple(outcomes)
