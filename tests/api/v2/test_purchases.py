"""The purchases redeemed here, page by page: complete, stable, and nobody else's."""

import base64
import json
from typing import Any

import pytest
from django.test import Client

from bekal.api.v2.endpoint import ENDPOINTS, PLATFORM
from bekal.catalogue.models import Training
from bekal.partners.models import PartnerKey
from bekal.purchases.models import Purchase
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, partner_of, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def training() -> Training:
    return factories.training(session_count=2)


def redeemed(training: Training, number: int = 1) -> list[int]:
    return [factories.redeemed(each, training) for each in factories.accepted(number)]


def walked(institution: Caller, path: str, query: str = "", limit: int = 2) -> list[Any]:
    """Every item of a list, page by page."""
    items: list[Any] = []
    asked = f"{query}&limit={limit}".lstrip("&")
    while True:
        response = institution.get(path, asked)
        page = answer(response)
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            assert "Link" not in response.headers
            return items
        assert response.headers["Link"] == (
            f'<http://testserver/api/v2{path}?cursor={page["next"]}&limit={limit}>; rel="next"'
        )
        asked = f"cursor={page['next']}&limit={limit}"


def test_every_purchase_comes_once_whatever_the_page(training: Training, assert_queries: Any) -> None:
    other = factories.training(institution=training.institution)
    ids = redeemed(training, 3) + redeemed(other, 2)
    institution = caller(training.institution)
    for limit in (1, 2, 4, 200):
        assert [each["purchase"] for each in walked(institution, "/purchases", limit=limit)] == ids
    with assert_queries(4):
        institution.get("/purchases")
    only = walked(institution, "/purchases", f"training={other.code}")
    assert [each["purchase"] for each in only] == ids[3:]


def test_what_is_redeemed_meanwhile_moves_nothing(training: Training) -> None:
    institution = caller(training.institution)
    first = redeemed(training, 3)
    page = answer(institution.get("/purchases", "limit=2"))
    redeemed(training, 2)
    rest = answer(institution.get("/purchases", f"cursor={page['next']}&limit=200"))
    seen = [each["purchase"] for each in page["items"] + rest["items"]]
    assert len(seen) == len(set(seen))
    assert set(first) <= set(seen)


def partner_id(institution: Caller) -> int:
    return PartnerKey.objects.get(client_code=institution.key_id).partner_id


@pytest.mark.parametrize("change", ["cut", "flipped", "junk", "unsigned", "other list", "other partner", "empty"])
def test_only_our_own_cursors_are_taken(training: Training, change: str) -> None:
    redeemed(training, 2)
    institution = caller(training.institution)
    cursor = answer(institution.get("/purchases", "limit=1"))["next"]
    path = "/purchases"
    if change == "cut":
        cursor = cursor[:-3]
    elif change == "flipped":
        cursor = cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]
    elif change == "junk":
        cursor = "%C3%A9!"
    elif change == "unsigned":
        # What the cursor holds, written by somebody else.
        written = json.dumps([partner_id(institution), False, "purchases", {"training": ""}, [0, 0]])
        cursor = base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")
    elif change == "other list":
        path = "/statement"
    elif change == "other partner":
        stranger = factories.training()
        institution = caller(stranger.institution)
    else:
        problem(institution.get(path, "cursor="), 422, "values_invalid")
        return
    problem(institution.get(path, f"cursor={cursor}"), 400, "cursor_invalid")


def test_one_purchase_tells_how_far_it_has_come(training: Training, assert_queries: Any) -> None:
    institution = caller(training.institution)
    (participation_id,) = factories.accepted(full_name="Siti Rahayu")
    purchase_id = factories.reconciled(participation_id, training)
    with assert_queries(4):
        response = institution.get(f"/purchases/{purchase_id}")
    told = answer(response)
    assert (told["state"], told["attended"], told["participant"]) == ("proven", [1, 2], "S••• R•••")
    assert told["price_rupiah"] == 300_000
    assert told.keys() == {
        "purchase", "training", "participant", "state", "price_rupiah", "redeemed_at", "completed_at", "proven_at",
        "ended_at", "ending", "refunded_rupiah", "settled_at", "attended",
    }  # fmt: skip


def test_nobody_learns_of_anothers_purchase(training: Training) -> None:
    """Every operation that names a purchase, with every number there is: for another partner it is what it is for a
    number that nobody has, to the letter and in as many statements."""
    (theirs,) = redeemed(training)
    (bought_only,) = (factories.bought(each, training).purchase_id for each in factories.accepted())
    other = factories.training()
    redeemed(other)
    stranger = caller(other.institution)
    named = [
        (method, path)
        for path, methods in ENDPOINTS.items()
        for method, each in methods.items()
        if "{int:purchase}" in path and each.kind != PLATFORM
    ]
    assert len(named) >= 4
    for method, path in named:
        told = {}
        for number in (theirs, bought_only, 999_999_999, 2**63 - 1, 2**63, 10**30):
            address = path.replace("{int:purchase}", str(number))
            body = BODIES.get((method, path))
            response = stranger.call(method, address, body=body)
            members = problem(response, 404, "purchase_not_found")
            told[number] = members | {"detail": members["detail"].replace(str(number), "#")}
        assert len({str(sorted(each.items())) for each in told.values()}) == 1, told
    own = caller(training.institution)
    problem(own.get(f"/purchases/{bought_only}"), 404, "purchase_not_found")
    assert Purchase.objects.filter(ended_at=None).count() == 3


BODIES = {
    ("POST", "/purchases/{int:purchase}/cancellation"): {"reason": "Batal."},
    ("POST", "/purchases/{int:purchase}/certificate"): {"number": "LPK-1"},
}


def test_no_answer_takes_more_statements_for_anothers_purchase_than_for_none(
    training: Training, assert_queries: Any
) -> None:
    (theirs,) = redeemed(training)
    stranger = caller()
    for number in (theirs, 999_999_999):
        with assert_queries(4):
            stranger.get(f"/purchases/{number}")


def test_a_partner_without_purchases_has_an_empty_list() -> None:
    told = answer(caller().get("/purchases"))
    assert told == {"items": [], "next": None}


def test_another_partners_name_is_nowhere(training: Training) -> None:
    """Nothing of one institution in what another is told of the whole API."""
    redeemed(training)
    partner_of(training.institution)
    stranger = caller()
    for path in ("/me", "/purchases", "/trainings", "/statement"):
        told = stranger.get(path).content.decode()
        assert training.institution.code not in told and training.code not in told


def test_a_sign_in_opens_nothing() -> None:
    client = Client()
    client.force_login(factories.officer())
    assert client.get("/api/v2/purchases").status_code == 401
