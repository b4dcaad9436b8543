"""Attendance, progress, completion and the institution's own certificate, line by line; and what is still owed."""

import re
from typing import Any

import pytest

from bekal.catalogue.models import Training
from bekal.purchases.models import Evidence, Purchase
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, problem
from tests.api.v2.test_purchases import walked

pytestmark = pytest.mark.django_db


@pytest.fixture
def training() -> Training:
    return factories.training(session_count=2)


def redeemed(training: Training, number: int = 1) -> list[int]:
    return [factories.redeemed(each, training) for each in factories.accepted(number)]


def outcomes(told: dict[str, Any]) -> list[str]:
    return [line["problem"]["code"] if line["problem"] else line["outcome"] for line in told["lines"]]


def test_sessions_then_completion_complete_a_purchase(training: Training, assert_queries: Any) -> None:
    purchase_id, other_id = redeemed(training, 2)
    institution = caller(training.institution)
    lines = [{"purchase": each, "sequence": n} for each in (purchase_id, other_id) for n in (1, 2)]
    with assert_queries(7):
        response = institution.post("/attendance", {"lines": lines})
    assert answer(response)["recorded_count"] == 4
    assert outcomes(answer(institution.post("/attendance", {"lines": lines[:1]}))) == ["repeated"]
    told = answer(institution.post("/completions", {"lines": [{"purchase": purchase_id}]}))
    assert outcomes(told) == ["recorded"]
    assert Purchase.objects.get(pk=purchase_id).completed_at is not None
    assert Purchase.objects.get(pk=other_id).completed_at is None
    assert set(Evidence.objects.order_by("pk").values_list("door", "source")) == {("v2", "institution")}


def test_each_line_has_its_own_outcome(training: Training) -> None:
    """What is refused leaves the rest; another's purchase, one not redeemed and none at all are the same."""
    (mine,) = redeemed(training)
    (theirs,) = redeemed(factories.training())
    not_redeemed = factories.bought(factories.accepted()[0], training).purchase_id
    institution = caller(training.institution)
    lines = [
        {"purchase": mine, "sequence": 1},
        {"purchase": theirs, "sequence": 1},
        {"purchase": not_redeemed, "sequence": 1},
        {"purchase": 999_999_999, "sequence": 1},
        {"purchase": mine, "sequence": 3},
        {"purchase": mine, "sequence": 2, "happened_at": "2020-11-20T00:00:00Z"},
        {"purchase": mine, "sequence": 2, "happened_at": "2020-04-01T00:00:00Z"},
        {"purchase": mine, "sequence": 1},
        {"purchase": 2**63 - 1, "sequence": 1},
    ]
    told = answer(institution.post("/attendance", {"lines": lines}))
    assert outcomes(told) == [
        "recorded",
        *["purchase_not_found"] * 3,
        "session_out_of_range",
        "happened_in_future",
        "happened_before_purchase",
        "repeated",
        "purchase_not_found",
    ]
    assert (told["recorded_count"], told["repeated_count"], told["refused_count"]) == (1, 1, 7)
    shown = [re.sub(rf"\b{line['purchase']}\b", "#", str(line["problem"])) for line in told["lines"][1:4]]
    assert len(set(shown)) == 1


def test_a_correction_has_a_higher_revision(training: Training) -> None:
    (purchase_id,) = redeemed(training)
    institution = caller(training.institution)
    line = {"purchase": purchase_id, "sequence": 1}
    answer(institution.post("/attendance", {"lines": [line]}))
    denied = line | {"attended": False, "revision": 2, "reason": "Salah orang."}
    answer(institution.post("/attendance", {"lines": [denied]}))
    assert answer(institution.get(f"/purchases/{purchase_id}"))["attended"] == []
    answer(institution.post("/attendance", {"lines": [line | {"revision": 3}]}))
    assert answer(institution.get(f"/purchases/{purchase_id}"))["attended"] == [1]


def test_a_partial_completion_says_why_and_completes_nothing(training: Training) -> None:
    (purchase_id,) = redeemed(training)
    institution = caller(training.institution)
    sessions = [{"purchase": purchase_id, "sequence": n} for n in (1, 2)]
    answer(institution.post("/attendance", {"lines": sessions}))
    members = problem(
        institution.post("/completions", {"lines": [{"purchase": purchase_id, "percent": 60}]}), 422, "values_invalid"
    )
    assert members["errors"][0]["code"] == "reason_missing"
    partial = {"purchase": purchase_id, "percent": 60, "reason": "Sakit pada hari kedua."}
    assert outcomes(answer(institution.post("/completions", {"lines": [partial]}))) == ["recorded"]
    assert Purchase.objects.get(pk=purchase_id).completed_at is None


def test_progress_has_a_figure(training: Training) -> None:
    (purchase_id,) = redeemed(training)
    institution = caller(training.institution)
    told = answer(institution.post("/progress", {"lines": [{"purchase": purchase_id, "percent": 40}]}))
    assert outcomes(told) == ["recorded"]
    assert Evidence.objects.get().percent == 40
    for percent in (-1, 101, 40.5, "40", True, None):
        response = institution.post("/progress", {"lines": [{"purchase": purchase_id, "percent": percent}]})
        assert problem(response, 422, "values_invalid")["errors"][0]["pointer"] == "/lines/0/percent"


@pytest.mark.parametrize("path", ["/attendance", "/progress", "/completions"])
def test_a_batch_has_1_to_500_lines(path: str, training: Training) -> None:
    institution = caller(training.institution)
    line: dict[str, Any] = {"purchase": 1, "sequence": 1} if path == "/attendance" else {"purchase": 1, "percent": 100}
    for count, status in ((0, 422), (500, 200), (501, 422)):
        assert institution.post(path, {"lines": [line] * count}).status_code == status


def test_the_institutions_own_certificate_is_a_piece_of_evidence(training: Training) -> None:
    (purchase_id,) = redeemed(training)
    institution = caller(training.institution)
    path = f"/purchases/{purchase_id}/certificate"
    body = {"number": "LPK-2020/0017", "address": "https://lembaga.example/s/17"}
    assert answer(institution.post(path, body)) == {"purchase": purchase_id, "repeated": False}
    assert answer(institution.post(path, body))["repeated"]
    assert Evidence.objects.get().reason == "LPK-2020/0017 https://lembaga.example/s/17"
    for wrong in ({"number": ""}, {"number": "a b"}, {"number": "x", "address": "http://a.example"}):
        problem(institution.post(path, wrong), 422, "values_invalid")


def test_the_programmes_certificate_is_shown_without_a_name(training: Training) -> None:
    (participation_id,) = factories.accepted(full_name="Siti Nurhaliza")
    purchase_id = factories.redeemed(participation_id, training)
    institution = caller(training.institution)
    path = f"/purchases/{purchase_id}/certificate"
    assert answer(institution.get(path))["state"] == "none"
    factories.complete(purchase_id)
    response = institution.get(path)
    told = answer(response)
    assert told["state"] == "valid"
    assert told["address"] == f"http://testserver/sertifikat/{told['number']}/"
    assert "Siti" not in response.content.decode()


def test_what_is_owed_is_named_with_its_days(training: Training, assert_queries: Any) -> None:
    first, second = redeemed(training, 2)
    institution = caller(training.institution)
    with assert_queries(6):
        response = institution.get("/evidence/owed")
    (told, _) = answer(response)["items"]
    assert [(each["piece"], each["sequence"]) for each in told["pieces"]] == [
        ("attendance", 1),
        ("attendance", 2),
        ("completion", 1),
    ]
    assert told["pieces"][0]["since_on"] == "2020-04-22"
    assert told["pieces"][0]["due_on"] > told["pieces"][0]["since_on"]
    assert told["pieces"][2]["since_on"] is None
    factories.complete(first)
    (rest,) = answer(institution.get("/evidence/owed"))["items"]
    assert rest["purchase"] == second
    assert [each["purchase"] for each in walked(institution, "/evidence/owed", limit=1)] == [second]
    assert answer(caller().get("/evidence/owed")) == {"items": [], "next": None}


def test_of_what_has_ended_nothing_is_recorded_or_owed(training: Training) -> None:
    (purchase_id,) = redeemed(training)
    institution = caller(training.institution)
    answer(institution.post(f"/purchases/{purchase_id}/cancellation", {"reason": "Batal."}))
    told = answer(institution.post("/attendance", {"lines": [{"purchase": purchase_id, "sequence": 1}]}))
    assert outcomes(told) == ["purchase_ended"]
    problem(institution.post(f"/purchases/{purchase_id}/certificate", {"number": "x"}), 409, "purchase_ended")
    assert answer(institution.get("/evidence/owed"))["items"] == []


def test_the_same_batch_at_once_is_recorded_once(race: Any) -> None:
    training = factories.training()
    (purchase_id,) = redeemed(training)
    key_id = caller(training.institution).key_id
    lines = {"lines": [{"purchase": purchase_id, "sequence": 1}]}

    def send() -> list[str]:
        return outcomes(answer(Caller(key_id).post("/attendance", lines)))

    assert sorted(race(send, send)) == [["recorded"], ["repeated"]]
