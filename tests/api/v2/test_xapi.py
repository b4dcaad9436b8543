"""xAPI statements end in the same evidence: by what the course says is done, and never by NotApplicable."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.catalogue.models import Training
from bekal.core.refusal import Refusal
from bekal.core.xapi import PROGRESS_EXTENSION, Verb
from bekal.partners.cmi5_course import MAX_XML_BYTES, Course, read_course
from bekal.partners.models import StatementTaken
from bekal.purchases.models import Evidence, Purchase
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, problem
from tests.core.test_xapi import statement

NAMESPACE = "https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd"
BASE = "https://lembaga.example/kursus"


def course_xml(*move_ons: str | None, course_id: str = BASE) -> bytes:
    units = "".join(
        f'<au id="{BASE}/{number}"' + (f' moveOn="{move_on}"' if move_on else "") + "><url>x</url></au>"
        for number, move_on in enumerate(move_ons, start=1)
    )
    course = f'<course id="{course_id}"/><block id="b:1">{units}</block>'
    return f'<courseStructure xmlns="{NAMESPACE}">{course}</courseStructure>'.encode()


@pytest.fixture
def training(db: None) -> Training:
    return factories.training(session_count=2)


@pytest.fixture
def institution(training: Training) -> Caller:
    return caller(training.institution)


@pytest.fixture
def number(training: Training) -> int:
    return factories.redeemed(factories.accepted()[0], training)


def register(institution: Caller, training: Training, xml: bytes) -> Any:
    headers = {"Content-Type": "application/xml"}
    return institution.call("POST", "/xapi/courses", query=f"training={training.code}", raw=xml, **headers)


def said(number: int, verb: Verb, place: str, **changed: Any) -> dict[str, Any]:
    account = {"homePage": "http://testserver", "name": str(number)}
    happened_at = factories.BOUGHT_AT.isoformat()
    return (
        statement(verb)
        | {"id": str(uuid4()), "actor": {"account": account}, "object": {"id": place}, "timestamp": happened_at}
        | changed
    )


def outcomes(institution: Caller, *statements: Any) -> list[str]:
    told = answer(institution.post("/xapi/statements", list(statements)))["statements"]
    return [
        each["problem"]["code"] if each["problem"] else "+".join(each["pieces"]) or each["outcome"] for each in told
    ]


def test_a_course_is_attended_unit_by_unit_and_satisfied(institution: Caller, training: Training, number: int) -> None:
    told = answer(register(institution, training, course_xml("Completed", "CompletedAndPassed")))
    assert [(unit["sequence"], unit["is_evidence"]) for unit in told["units"]] == [(1, True), (2, True)]
    assert answer(register(institution, training, course_xml("Completed", "CompletedAndPassed")))["repeated"]
    statements = [
        said(number, Verb.LAUNCHED, f"{BASE}/1"),
        said(number, Verb.PASSED, f"{BASE}/1"),
        said(number, Verb.COMPLETED, f"{BASE}/1"),
        said(number, Verb.PASSED, f"{BASE}/2"),
        said(number, Verb.PROGRESSED, BASE, result={"extensions": {PROGRESS_EXTENSION: 80}}),
    ]
    assert outcomes(institution, *statements) == ["noted", "noted", "attendance", "noted", "progress"]
    assert outcomes(institution, *statements) == ["repeated"] * 5
    assert outcomes(institution, said(number, Verb.COMPLETED, f"{BASE}/2")) == ["attendance"]
    assert outcomes(institution, said(number, Verb.COMPLETED, f"{BASE}/2", context={})) == ["noted"]
    assert outcomes(institution, said(number, Verb.SATISFIED, BASE)) == ["completion"]
    assert Purchase.objects.get(pk=number).completed_at is not None
    assert set(Evidence.objects.order_by("pk").values_list("door", flat=True)) == {"xapi"}


@pytest.mark.parametrize("move_on", ["NotApplicable", None])
def test_not_applicable_is_no_evidence(
    move_on: str | None, institution: Caller, training: Training, number: int
) -> None:
    """Said, or left out: cmi5 takes it where a course says nothing. A course that rests on one such unit is none."""
    told = answer(register(institution, training, course_xml("Completed", move_on)))
    assert [unit["is_evidence"] for unit in told["units"]] == [True, False]
    statements = [said(number, verb, place) for verb in (Verb.COMPLETED, Verb.PASSED) for place in (f"{BASE}/2", BASE)]
    assert outcomes(institution, *statements, said(number, Verb.SATISFIED, BASE)) == ["move_on_not_applicable"] * 5
    assert not Evidence.objects.exists() and not StatementTaken.objects.exists()


def test_without_a_course_the_contract_names_the_addresses(
    institution: Caller, training: Training, number: int
) -> None:
    whole = f"http://testserver/xapi/{training.code}"
    statements = [said(number, Verb.COMPLETED, f"{whole}/sesi/{session}") for session in (1, 2)]
    assert outcomes(institution, *statements, said(number, Verb.PASSED, whole)) == ["attendance"] * 2 + ["completion"]
    assert Purchase.objects.get(pk=number).completed_at is not None


def test_what_is_not_ones_own_is_as_good_as_none(institution: Caller, training: Training, number: int) -> None:
    place = f"http://testserver/xapi/{training.code}"
    theirs = factories.redeemed(factories.accepted()[0], factories.training())
    unused = factories.bought(factories.accepted()[0], training).purchase_id
    assert unused is not None
    numbers = (theirs, unused, 999_999_999)
    assert outcomes(institution, *(said(each, Verb.LAUNCHED, place) for each in numbers)) == ["purchase_not_found"] * 3
    assert outcomes(institution, said(number, Verb.PASSED, "https://x.example/y")) == ["xapi_object_unknown"]
    assert outcomes(institution, said(number, Verb.WAIVED, place)) == ["xapi_waived"]
    problem(register(institution, factories.training(), course_xml("Passed")), 404, "training_not_found")


def test_an_id_says_one_thing(institution: Caller, training: Training, number: int) -> None:
    first = said(number, Verb.COMPLETED, f"http://testserver/xapi/{training.code}/sesi/1")
    other = first | {"object": {"id": f"http://testserver/xapi/{training.code}/sesi/2"}}
    assert outcomes(institution, first, first, other) == ["attendance", "repeated", "statement_changed"]
    assert outcomes(institution, other) == ["statement_changed"]


def test_an_id_says_one_thing_of_all_purchases(institution: Caller, training: Training, number: int) -> None:
    """Of all that this partner speaks of; what others say under it is theirs."""
    first = said(number, Verb.COMPLETED, f"http://testserver/xapi/{training.code}/sesi/1")
    second = factories.redeemed(factories.accepted()[0], training)
    other = first | {"actor": {"account": {"homePage": "http://testserver", "name": str(second)}}}
    assert outcomes(institution, first, other) == ["attendance", "statement_changed"]
    assert outcomes(institution, other) == ["statement_changed"]
    elsewhere = factories.training()
    theirs = factories.redeemed(factories.accepted()[0], elsewhere)
    same = said(theirs, Verb.COMPLETED, f"http://testserver/xapi/{elsewhere.code}/sesi/1", id=first["id"])
    assert outcomes(caller(elsewhere.institution), same) == ["attendance"]


def voiding(number: int, target: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return said(number, Verb.VOIDED, "x", object={"objectType": "StatementRef", "id": target["id"]}, **changed)


def standing(number: int) -> list[tuple[str, int, bool, int | None]]:
    """The highest revision of each piece, and what it says."""
    rows = Evidence.objects.filter(purchase=number).order_by("piece", "sequence", "-revision")
    return list(rows.distinct("piece", "sequence").values_list("piece", "sequence", "holds", "percent"))


def test_what_is_voided_is_taken_back(institution: Caller, training: Training, number: int) -> None:
    whole = f"http://testserver/xapi/{training.code}"
    done = [said(number, Verb.COMPLETED, f"{whole}/sesi/{session}") for session in (1, 2)]
    finished = said(number, Verb.SATISFIED, whole)
    assert outcomes(institution, *done, finished) == ["attendance", "attendance", "completion"]
    back = voiding(number, done[1])
    assert outcomes(institution, back) == ["attendance"]
    assert outcomes(institution, back, voiding(number, finished)) == ["repeated", "completion"]
    assert standing(number) == [
        ("attendance", 1, True, None),
        ("attendance", 2, False, None),
        ("completion", 1, False, None),
    ]
    assert answer(institution.get(f"/purchases/{number}"))["attended"] == [1]
    assert outcomes(institution, said(number, Verb.PASSED, f"{whole}/sesi/2")) == ["attendance"]
    assert answer(institution.get(f"/purchases/{number}"))["attended"] == [1, 2]


def test_voided_before_it_came_it_proves_nothing(institution: Caller, training: Training, number: int) -> None:
    first = said(number, Verb.COMPLETED, f"http://testserver/xapi/{training.code}/sesi/1")
    assert outcomes(institution, voiding(number, first)) == ["noted"]
    assert outcomes(institution, first) == ["attendance"]
    assert standing(number) == [("attendance", 1, False, None)]


def test_nobody_voids_what_another_said(institution: Caller, training: Training, number: int) -> None:
    first = said(number, Verb.COMPLETED, f"http://testserver/xapi/{training.code}/sesi/1")
    second = factories.redeemed(factories.accepted()[0], training)
    assert outcomes(institution, first, voiding(second, first)) == ["attendance", "noted"]
    elsewhere = factories.training()
    theirs = factories.redeemed(factories.accepted()[0], elsewhere)
    other = caller(elsewhere.institution)
    assert outcomes(other, voiding(theirs, first), voiding(number, first)) == ["noted", "purchase_not_found"]
    assert standing(number) == [("attendance", 1, True, None)]


def test_what_is_only_noted_has_happened_too(institution: Caller, training: Training, number: int) -> None:
    """Else a later statement would rest on one of the future."""
    place = f"http://testserver/xapi/{training.code}/sesi/1"
    late, early = "2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
    future = said(number, Verb.LAUNCHED, place, timestamp=late)
    assert outcomes(institution, future, future, said(number, Verb.LAUNCHED, place, timestamp=early)) == [
        *["happened_in_future"] * 2,
        "happened_before_purchase",
    ]
    assert not StatementTaken.objects.exists()


def test_a_malformed_statement_refuses_the_batch(institution: Caller, number: int) -> None:
    good = said(number, Verb.LAUNCHED, BASE)
    members = problem(institution.post("/xapi/statements", [good, good | {"id": "x"}]), 422, "values_invalid")
    assert members["errors"][0]["pointer"] == "/1/id"
    for body in ([], [good] * 101):
        problem(institution.post("/xapi/statements", body), 422, "values_invalid")
    answer(institution.post("/xapi/statements", good))


BOMB = b'<!DOCTYPE x [<!ENTITY a "aa">]><x>&a;</x>'
XXE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (BOMB, "course_xml_unreadable"),
        (XXE, "course_xml_unreadable"),
        (b"<x", "course_xml_unreadable"),
        (b"<?xml version='1.0' encoding='x-nope'?><x/>", "course_xml_unreadable"),
        (b"<x/>", "course_not_cmi5"),
        (course_xml("Completed"), "course_unit_count"),
        (course_xml("Completed", "Maybe"), "course_move_on_unknown"),
        (course_xml("Completed", "Passed", course_id=f"{BASE}/1"), "course_unit_twice"),
        (course_xml("Completed", "Passed", course_id="kein iri"), "course_unit_id_wrong"),
    ],
)
def test_what_is_no_course_is_refused(xml: bytes, reason: str, institution: Caller, training: Training) -> None:
    assert problem(register(institution, training, xml), 422, "course_refused")["reason"] == reason


def test_a_course_is_bounded(institution: Caller, training: Training) -> None:
    problem(register(institution, training, b" " * (MAX_XML_BYTES + 1)), 413, "body_too_large")


@given(xml=st.binary(max_size=200))
def test_whatever_the_xml_is_there_is_an_answer(xml: bytes) -> None:
    assert isinstance(read_course(xml), Course | Refusal)
    good = course_xml("Passed")
    cut = len(xml) % len(good)
    assert isinstance(read_course(good[:cut] + xml + good[cut:]), Course | Refusal)
