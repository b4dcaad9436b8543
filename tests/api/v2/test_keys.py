"""Rotating: a second key, its secret once, the first revoked, never the last."""

from typing import Any

import pytest

from bekal.partners.models import KeyedAnswer, PartnerKey
from bekal.partners.scopes import ALL_SCOPES
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, problem

pytestmark = pytest.mark.django_db


def test_a_key_is_rotated() -> None:
    first = caller()
    issued = answer(first.post("/keys", {}), 201)
    assert issued["scopes"] == sorted(ALL_SCOPES)
    second = Caller(issued["key_id"], issued["secret"])
    listed = answer(second.get("/me"))["keys"]
    assert [(key["key_id"], key["is_this_key"]) for key in listed] == [(first.key_id, False), (second.key_id, True)]
    problem(first.post("/keys", {}), 409, "two_keys_live")
    answer(second.call("DELETE", f"/keys/{first.key_id}"))
    problem(first.get("/me"), 401, "key_revoked")
    problem(second.call("DELETE", f"/keys/{second.key_id}"), 409, "last_key")
    answer(second.get("/me"))
    assert answer(second.call("DELETE", f"/keys/{first.key_id}"))["key_id"] == first.key_id


def test_the_secret_is_shown_once() -> None:
    first = caller()
    issued = answer(first.post("/keys", {}, idempotency_key="once"), 201)
    again = answer(first.post("/keys", {}, idempotency_key="once"), 201)
    assert again == issued | {"secret": None}
    assert PartnerKey.objects.count() == 2
    kept = KeyedAnswer.objects.get()
    assert not kept.is_permanent


def test_a_key_gives_only_scopes_that_it_has() -> None:
    first = caller(scopes=["keys", "redeem"])
    members = problem(first.post("/keys", {"scopes": ["redeem", "refunds"]}), 422, "values_invalid")
    assert members["errors"] == [
        {
            "code": "scope_not_held",
            "detail": "Kunci ini sendiri tidak mempunyai cakupan itu; hapus.",
            "pointer": "/scopes/1",
            "value": "refunds",
        }
    ]
    issued = answer(first.post("/keys", {"scopes": ["redeem", "redeem"]}), 201)
    assert issued["scopes"] == ["redeem"]
    problem(Caller(issued["key_id"], issued["secret"]).post("/keys", {}), 403, "scope_missing")


@pytest.mark.parametrize("key_id", ["nobody", "x" * 100, "%00", "%F0%9F%98%80"])
def test_only_own_keys_of_this_world_are_revoked(key_id: str) -> None:
    institution = factories.institution()
    own = caller(institution)
    sandbox, stranger = caller(institution, is_sandbox=True), caller()
    for other in (key_id, sandbox.key_id, stranger.key_id):
        problem(own.call("DELETE", f"/keys/{other}"), 404, "key_not_found")
    assert PartnerKey.objects.filter(revoked_at=None).count() == 3


def test_two_keys_never_revoke_each_other(race: Any) -> None:
    institution = factories.institution()
    keys = [caller(institution).key_id for _ in range(2)]

    def revoke(by: str, other: str) -> int:
        return Caller(by).call("DELETE", f"/keys/{other}").status_code

    statuses = race(lambda: revoke(keys[0], keys[1]), lambda: revoke(keys[1], keys[0]))
    assert sorted(statuses)[0] == 200
    assert PartnerKey.objects.filter(revoked_at=None).count() == 1, statuses
