"""A file of evidence over v2: taken whole or not at all, and the same again changes nothing."""

import pytest
from django.http import HttpResponse

from bekal.catalogue.models import Training
from bekal.core.evidence_file import MAX_BYTES
from bekal.purchases.models import Evidence, Purchase
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, problem
from tests.core.test_evidence_file import sealed

pytestmark = pytest.mark.django_db
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def training() -> Training:
    return factories.training(session_count=2)


def send(institution: Caller, data: bytes, **options: str) -> HttpResponse:
    headers = CSV | {name: value for name, value in options.items() if name == "Content-Type"}
    return institution.call("POST", "/evidence-files", raw=data, **headers)


def test_a_file_completes_and_the_same_again_changes_nothing(training: Training) -> None:
    (person,) = factories.accepted()
    number = factories.redeemed(person, training)
    institution = caller(training.institution)
    data = sealed(
        f"{number},completion,,100,,true,,", f"{number},attendance,1,,,true,,", f"{number},attendance,2,,,true,,"
    )
    told = answer(send(institution, data))
    assert (told["row_count"], told["recorded_count"], told["repeated"]) == (3, 3, False)
    assert Purchase.objects.get(pk=number).completed_at is not None
    assert set(Evidence.objects.order_by("pk").values_list("door", "source")) == {("csv", "institution")}
    told = answer(send(institution, data))
    assert (told["recorded_count"], told["repeated_count"], told["repeated"]) == (0, 3, True)


def test_one_refused_row_refuses_the_file(training: Training) -> None:
    mine, theirs = (
        factories.redeemed(factories.accepted()[0], each) for each in (training, factories.training(session_count=2))
    )
    institution = caller(training.institution)
    data = sealed(f"{mine},attendance,1,,,true,,", f"{theirs},attendance,1,,,true,,", f"{mine},attendance,3,,,true,,")
    members = problem(send(institution, data), 422, "file_refused")
    assert not Evidence.objects.exists()
    told = [(each["line"], each["column"], each["value"], each["code"]) for each in members["errors"]]
    assert told == [
        (3, "purchase", str(theirs), "purchase_not_found"),
        (4, "sequence", "3", "session_out_of_range"),
    ]
    data = sealed(f"{mine},attendance,1,,2099-01-01T00:00:00Z,true,,")
    (error,) = problem(send(institution, data), 422, "file_refused")["errors"]
    told = error["column"], error["value"], error["code"]
    assert told == ("happened_at", "2099-01-01T00:00:00+00:00", "happened_in_future")


def test_what_is_wrong_is_named_by_line_and_column(training: Training) -> None:
    institution = caller(training.institution)
    data = sealed("1,attendance,1,,,ya,,", "1,progress,,,,true,,")
    members = problem(send(institution, data), 422, "file_refused")
    assert [(each["line"], each["column"], each["code"]) for each in members["errors"]] == [
        (2, "holds", "file_holds_wrong"),
        (3, "percent", "file_percent_missing"),
    ]
    assert members["errors"][0]["detail"] == "Selnya “ya”. Tulis true atau false."
    members = problem(send(institution, data[:-20]), 422, "file_refused")
    assert members["errors"][-1]["code"] == "file_last_line_open"


def test_another_type_and_too_much_are_refused(training: Training) -> None:
    institution = caller(training.institution)
    problem(send(institution, b"{}", **{"Content-Type": "application/json"}), 415, "content_type_unsupported")
    problem(send(institution, b"x" * (MAX_BYTES + 1)), 413, "body_too_large")


def test_more_than_a_megabyte_is_a_file(training: Training) -> None:
    institution = caller(training.institution)
    rows = [f"{number},attendance,1,,,true,,{'x' * 300}" for number in range(1, 8_000)]
    members = problem(send(institution, sealed(*rows)), 422, "file_refused")
    assert members["errors"][0]["code"] == "purchase_not_found"


def test_the_same_key_with_another_file_is_told(training: Training) -> None:
    number = factories.redeemed(factories.accepted()[0], training)
    institution = caller(training.institution)
    first, other = (sealed(f"{number},attendance,{session},,,true,,") for session in (1, 2))
    told = answer(institution.call("POST", "/evidence-files", raw=first, idempotency_key="a", **CSV))
    again = institution.call("POST", "/evidence-files", raw=first, idempotency_key="a", **CSV)
    assert answer(again) == told and again.headers["Idempotency-Replayed"] == "true"
    response = institution.call("POST", "/evidence-files", raw=other, idempotency_key="a", **CSV)
    assert problem(response, 422, "idempotency_key_reused")["differing"] == ["/body/sha256"]
