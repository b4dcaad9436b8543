"""The key that a call names: in one statement, with its partner and the programme's instant."""

from datetime import timedelta
from typing import Any

import pytest

from bekal.ledger.clock import programme_now, set_programme_clock
from bekal.partners.models import Partner, PartnerKey
from bekal.partners.named_key import named_key
from tests import factories
from tests.conftest import PROGRAMME_INSTANT
from tests.factories.partners import key_of, live_partner, sandbox_partner

pytestmark = pytest.mark.django_db


def test_it_comes_with_its_partner_and_the_programmes_instant(assert_queries: Any) -> None:
    partner = live_partner(factories.institution())
    key = key_of(partner, is_sandbox=False, generation=2)
    set_programme_clock(at=PROGRAMME_INSTANT + timedelta(days=40))
    with assert_queries(1):
        named = named_key(client_code=key.client_code, generation=2)
        assert named is not None and named.key.partner.institution_id == partner.institution_id
    assert named.at == PROGRAMME_INSTANT + timedelta(days=40) == programme_now()
    stored = PartnerKey.objects.select_related("partner").get(pk=key.pk)
    for field in PartnerKey._meta.concrete_fields:
        assert getattr(named.key, field.attname) == getattr(stored, field.attname), field.attname
    for field in Partner._meta.concrete_fields:
        assert getattr(named.key.partner, field.attname) == getattr(stored.partner, field.attname), field.attname


@pytest.mark.parametrize("code", ["", "nobody", "\x00", "é", "x" * 61, "%s"])
def test_what_names_nobody_finds_nobody(code: str) -> None:
    key_of(sandbox_partner())
    assert named_key(client_code=code, generation=1) is None


def test_a_key_of_the_other_generation_is_not_named() -> None:
    key = key_of(sandbox_partner(), generation=1)
    assert named_key(client_code=key.client_code, generation=2) is None
    assert named_key(client_code=key.client_code, generation=1) is not None
