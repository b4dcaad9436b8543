"""With a sandbox key the same calls stand on the sandbox's books; keys, budgets and misses stay the programme's."""

from typing import Any

import pytest
from django.db import connections

from bekal.catalogue.models import Institution
from bekal.partners.models import CallBudget, CallCounter, KeyedAnswer, Partner, PartnerKey
from bekal.partners.world import world_of_partner
from bekal.purchases.models import Purchase
from tests import factories
from tests.api.v2.calling import Caller, answer, key_of, problem

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sandbox")]


@pytest.fixture
def partner() -> Partner:
    """Not tied to an institution: it has the sandbox only."""
    return Partner.objects.create(
        code="lembaga-coba", name="Coba", kind=Partner.Kind.INSTITUTION, registered_at=factories.jakarta(2020, 1, 2)
    )


def handed(partner: Partner) -> str:
    """A code of the sandbox, for a training of the partner's institution there."""
    with world_of_partner(partner, is_sandbox=True) as world:
        training = factories.training(institution=Institution.objects.get(pk=world.institution_id))
        code = factories.bought(factories.accepted()[0], training).redeem_code
    assert code
    return code


def test_a_sandbox_code_is_redeemed_in_the_sandbox(partner: Partner) -> None:
    code, institution = handed(partner), Caller(key_of(partner, is_sandbox=True).client_code)
    first = institution.post("/redemptions", {"redeem_code": code}, idempotency_key="once")
    assert answer(first, 201)["state"] == "redeemed"
    again = institution.post("/redemptions", {"redeem_code": code}, idempotency_key="once")
    assert (answer(again, 201), again.headers["Idempotency-Replayed"]) == (answer(first, 201), "true")
    assert not Purchase.objects.exists() and not KeyedAnswer.objects.exists()
    assert CallBudget.objects.count() == 1
    counted = CallCounter.objects.order_by("outcome").values_list("outcome", "call_count")
    assert dict(counted) == {"answered": 1, "repeated": 1}
    with world_of_partner(partner, is_sandbox=True):
        assert KeyedAnswer.objects.get().is_sandbox
        assert not CallCounter.objects.exists()


def test_a_miss_in_the_sandbox_costs_the_keys_budget(partner: Partner) -> None:
    key = key_of(partner, is_sandbox=True)
    problem(Caller(key.client_code).post("/redemptions", {"redeem_code": "B" * 16}), 404, "code_not_found")
    assert PartnerKey.objects.get(pk=key.pk).miss_count == 1


def test_keys_are_rotated_in_the_programmes_books(partner: Partner) -> None:
    first = Caller(key_of(partner, is_sandbox=True).client_code)
    issued = answer(first.post("/keys", {}), 201)
    second = Caller(issued["key_id"], issued["secret"])
    assert answer(second.get("/me"))["world"] == "sandbox"
    assert PartnerKey.objects.get(client_code=issued["key_id"]).is_sandbox
    assert answer(second.get("/purchases")) == {"items": [], "next": None}
    answer(second.call("DELETE", f"/keys/{first.key_id}"))
    problem(first.get("/me"), 401, "key_revoked")


def test_one_idempotency_key_is_two_in_two_worlds(partner: Partner) -> None:
    code = handed(partner)
    institution = factories.institution()
    Partner.objects.filter(pk=partner.pk).update(institution=institution)
    live = Caller(key_of(partner).client_code)
    sandbox = Caller(key_of(partner, is_sandbox=True).client_code)
    problem(live.post("/redemptions", {"redeem_code": code}, idempotency_key="k"), 404, "code_not_found")
    answer(sandbox.post("/redemptions", {"redeem_code": code}, idempotency_key="k"), 201)


def test_a_sandbox_that_is_away_is_a_problem(partner: Partner, settings: Any) -> None:
    institution = Caller(key_of(partner, is_sandbox=True).client_code)
    nowhere = {"NAME": "no_such_database"}
    settings.SANDBOX_DATABASE = {"beside": connections.settings["default"]["NAME"], "default": nowhere}
    response = institution.get("/purchases")
    problem(response, 503, "sandbox_away")
    assert response.headers["Retry-After"] == "60"
    assert answer(institution.get("/me"))["world"] == "sandbox"
