"""A sandbox partner's keys and codes: any number of times, each time with codes nobody was shown."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bekal.accounts.privacy import decrypt
from bekal.partners.keys import suspend_keys
from bekal.partners.models import Partner, PartnerKey, RedirectUri
from bekal.partners.world import world_of
from bekal.purchases.redeem import Redemption, redeem
from tests import factories
from tests.databases import TestDatabase

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"]),
    pytest.mark.usefixtures("sandbox"),
]


def printed(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("sandbox-keys", "--json", *arguments, stdout=out)
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


def test_an_institution_gets_everything_its_system_needs() -> None:
    said = printed()
    partner = Partner.objects.get(code=said["partner"])
    v1, v2 = (partner.keys.get(generation=generation) for generation in (1, 2))
    assert (said["client_code"], said["key"]) == (v1.client_code, decrypt(v1.secret_encrypted))
    assert (said["key_id"], said["secret"]) == (v2.client_code, decrypt(v2.secret_encrypted))
    assert v1.is_sandbox and v2.is_sandbox
    assert RedirectUri.objects.get(partner=partner, is_sandbox=True).uri == said["redirect_uri"]
    assert said["codes"]["self_paced"]["redeem_code"] == said["redeem_code"]
    assert {"used", "cancelled", "ended", "elsewhere", "later", "webinar", "on_site"} < set(said["codes"])
    with world_of(v1) as world:
        assert world.institution_id is not None
        (outcome,) = redeem(redemptions=[Redemption(world.institution_id, said["redeem_code"])], at=world.at)
        assert outcome.refusal is None


def test_again_the_keys_are_the_same_and_the_code_is_another() -> None:
    first, second, third = printed(), printed(), printed("--partner", "uji-lembaga")
    assert len({said["redeem_code"] for said in (first, second, third)}) == 3
    for name in ("client_code", "key", "key_id", "secret", "partner"):
        assert first[name] == second[name] == third[name]
    assert first["codes"]["used"] == third["codes"]["used"]


def test_a_key_whose_misses_are_spent_is_lifted() -> None:
    said = printed()
    key = PartnerKey.objects.get(client_code=said["client_code"])
    suspend_keys(key_ids=[key.pk], at=factories.BOUGHT_AT)
    assert printed()["client_code"] == said["client_code"]
    key.refresh_from_db()
    assert key.suspended_at is None


def test_a_platform_has_keys_of_the_second_generation_alone(sandbox: TestDatabase) -> None:
    said = printed("--kind", "platform")
    assert said["kind"] == "platform"
    assert "client_code" not in said
    assert said["key_id"].startswith("uji-platform-")
    assert "redeem_code" not in said and "redirect_uri" not in said
    assert set(said["start_codes"]) == {"covered", "not_covered", "withdrawn", "elsewhere"}
    again = printed("--platform")
    assert (again["key_id"], again["secret"]) == (said["key_id"], said["secret"])
    assert again["start_code"] == again["start_codes"]["covered"]["start_code"] != said["start_code"]


def test_a_partner_of_the_programme_keeps_its_live_keys_to_itself() -> None:
    institution = factories.institution(code="belajar", name="Belajar")
    partner = Partner.objects.create(
        code="belajar", name="Belajar", kind="institution", institution=institution, registered_at=factories.ACCEPTED_AT
    )
    printed("--partner", "belajar")
    assert not partner.keys.filter(is_sandbox=False).exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--partner", "a b"], "--partner is"),
        (["--redirect-uri", "javascript:alert(1)"], "https"),
        (["--partner", "uji-lembaga", "--kind", "platform"], "partner of the kind institution"),
    ],
)
def test_what_cannot_be_is_said(arguments: list[str], said: str) -> None:
    Partner.objects.create(code="uji-lembaga", name="Lembaga", kind="institution", registered_at=factories.ACCEPTED_AT)
    with pytest.raises(CommandError, match=said):
        call_command("sandbox-keys", *arguments, stdout=StringIO())
