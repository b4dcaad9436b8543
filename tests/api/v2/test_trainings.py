"""The institution's trainings, and the dates of their sessions."""

from typing import Any

import pytest

from bekal.catalogue.models import Session, SessionChange
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from tests import factories
from tests.api.v2.calling import answer, caller, problem
from tests.api.v2.test_purchases import walked

pytestmark = pytest.mark.django_db
FIRST = {"sequence": 1, "starts_at": "2020-12-01T09:00:00+07:00", "ends_at": "2020-12-01T12:00:00+07:00"}
SECOND = {"sequence": 2, "starts_at": "2020-12-02T02:00:00Z", "place": "Balai Latihan Kerja"}


def test_trainings_come_page_by_page_with_their_sessions(assert_queries: Any) -> None:
    institution = factories.institution()
    codes = [factories.training(institution=institution, seat_count=10).code for _ in range(3)]
    factories.training()
    own = caller(institution)
    assert [each["code"] for each in walked(own, "/trainings")] == codes
    with assert_queries(5):
        own.get("/trainings")
    told = answer(own.get(f"/trainings/{codes[0]}"))
    assert (told["seat_count"], told["seats_left"], told["sessions"]) == (10, 10, [])


def test_sessions_get_their_dates_and_change_them(assert_queries: Any) -> None:
    training = factories.training(session_count=2)
    own, path = caller(training.institution), f"/trainings/{training.code}/sessions"
    with assert_queries(10):
        response = own.call("PATCH", path, body={"sessions": [FIRST, SECOND]})
    told = answer(response)
    assert (told["added_count"], told["changed_count"], told["unchanged_count"]) == (2, 0, 0)
    assert told["training"]["sessions"][1] == {
        "sequence": 2,
        "starts_at": "2020-12-02T09:00:00+07:00",
        "ends_at": None,
        "place": "Balai Latihan Kerja",
    }
    told = answer(own.call("PATCH", path, body={"sessions": [FIRST | {"place": "Aula"}]}))
    assert (told["added_count"], told["changed_count"], told["unchanged_count"]) == (0, 1, 0)


def test_whoever_bought_is_told_of_a_session_that_moves_and_nobody_of_one_that_is_over() -> None:
    training = factories.training(session_count=2)
    buyer, done = factories.accepted(2)
    factories.bought(buyer, training)
    factories.completed(done, training)
    own, path = caller(training.institution), f"/trainings/{training.code}/sessions"
    own.call("PATCH", path, body={"sessions": [FIRST, SECOND]})
    assert moves(buyer) == []
    moved = [FIRST | {"place": "Aula"}, SECOND | {"starts_at": "2020-12-03T02:00:00Z"}]
    for _ in range(2):
        answer(own.call("PATCH", path, body={"sessions": moved}))
    (body,) = moves(buyer)
    assert body.startswith("Sesi 2 dari") and "03-12-2020 09.00 WIB" in body
    assert moves(done) == []
    change = SessionChange.objects.get()
    assert (change.sequence, change.told_count, change.reason, change.changed_by_id) == (2, 1, "", None)
    past = [FIRST | {"starts_at": f"2019-12-0{day}T09:00:00+07:00", "ends_at": None} for day in (1, 2)]
    for line in past:
        answer(own.call("PATCH", path, body={"sessions": [line]}))
    assert len(moves(buyer)) == 2, "into the past it is told, within the past it is not"


def moves(person: int) -> list[str]:
    holder_id = Participation.objects.get(pk=person).participant_id
    return [line.body for line in messages_to(holder_id=holder_id) if line.template == "session_moved"]


@pytest.mark.parametrize(
    ("sessions", "pointer", "code"),
    [
        ([FIRST | {"sequence": 3}], "/sessions/0/sequence", "session_unknown"),
        ([FIRST | {"ends_at": FIRST["starts_at"]}], "/sessions/0/ends_at", "session_ends_before_start"),
        ([FIRST, SECOND | {"starts_at": "2020-11-30T09:00:00Z"}], "/sessions/1/starts_at", "session_out_of_order"),
        ([FIRST, FIRST], "/sessions/0/sequence", "twice"),
        ([FIRST | {"starts_at": "2020-12-01T09:00:00"}], "/sessions/0/starts_at", "not_an_instant"),
        ([FIRST | {"starts_at": "2020-02-30T09:00:00Z"}], "/sessions/0/starts_at", "not_an_instant"),
        ([FIRST | {"starts_at": 1606788000}], "/sessions/0/starts_at", "not_an_instant"),
        ([FIRST | {"starts_at": "9999-12-31T23:59:59-23:59"}], "/sessions/0/starts_at", "not_an_instant"),
        ([FIRST | {"place": "a\u0007b"}], "/sessions/0/place", "not_readable"),
        ([FIRST | {"sequence": True}], "/sessions/0/sequence", "int_type"),
        ([FIRST | {"sequence": 1.0}], "/sessions/0/sequence", "int_type"),
        ([FIRST | {"sequence": "1"}], "/sessions/0/sequence", "int_type"),
        ([], "/sessions", "too_short"),
        ([FIRST] * 31, "/sessions", "too_long"),
    ],
)
def test_all_sessions_are_set_or_none(sessions: list[Any], pointer: str, code: str) -> None:
    training = factories.training(session_count=2)
    own = caller(training.institution)
    response = own.call("PATCH", f"/trainings/{training.code}/sessions", body={"sessions": sessions})
    members = problem(response, 422, "values_invalid")
    assert (members["errors"][0]["pointer"], members["errors"][0]["code"]) == (pointer, code)
    assert not Session.objects.exists()


def test_another_institutions_training_is_none() -> None:
    training = factories.training()
    stranger = caller()
    told = []
    for code in (training.code, "none-at-all", "a%00b", "%F0%9F%98%80"):
        problem(stranger.get(f"/trainings/{code}"), 404, "training_not_found")
        response = stranger.call("PATCH", f"/trainings/{code}/sessions", body={"sessions": [FIRST]})
        told.append(problem(response, 404, "training_not_found")["title"])
    assert len(set(told)) == 1
    assert not Session.objects.exists()
