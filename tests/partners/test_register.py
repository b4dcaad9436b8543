"""`register_partners`, `tie_partner`, `suspend_partner`, `lift_partner`, and the addresses people are sent back to."""

from collections.abc import Callable
from typing import Any

import pytest

from bekal.partners.models import Partner, RedirectUri
from bekal.partners.register import (
    NewPartner,
    PartnerOutcome,
    lift_partner,
    register_partners,
    register_redirect,
    remove_redirect,
    suspend_partner,
    tie_partner,
)
from tests import factories
from tests.factories.partners import live_partner, sandbox_partner
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
AT = factories.BOUGHT_AT


def told(outcome: PartnerOutcome) -> str:
    return str(outcome.refusal.code) if outcome.refusal else "repeated" if outcome.repeated else ""


def test_what_is_wrong_with_each_is_told_and_the_others_are_registered() -> None:
    wanted = [
        NewPartner("lembaga-satu", "  Lembaga Satu ", "institution"),
        NewPartner("lembaga-satu", "Lembaga Dua", "institution"),
        *(NewPartner(code, "X", "platform") for code in ("ab", "Lembaga", "1abc", "a" * 41, "a_b", "lembaga\n", "é-é")),
        NewPartner("lembaga-tiga", " ", "institution"),
        NewPartner("lembaga-tiga", "x" * 201, "institution"),
        NewPartner("lembaga-tiga", "a\0b", "institution"),
        NewPartner("lembaga-tiga", "Lembaga", "school"),
        NewPartner("platform-satu", "Platform", "platform"),
    ]
    assert [told(outcome) for outcome in register_partners(partners=wanted, at=AT)] == [
        *("", "partner_code_taken"),
        *["partner_code_malformed"] * 7,
        *("partner_name_empty", "partner_name_too_long", "partner_name_unreadable", "partner_kind_unknown", ""),
    ]
    assert dict(Partner.objects.order_by("pk").values_list("code", "name")) == {
        "lembaga-satu": "Lembaga Satu",
        "platform-satu": "Platform",
    }


def test_a_partner_is_tied_once_to_an_owner_of_its_kind_that_nobody_has() -> None:
    institution, other = factories.institution(), factories.institution()
    partner, rival = sandbox_partner("satu"), sandbox_partner("dua")
    platform = sandbox_partner("tiga", kind="platform")
    with nothing_changes():
        assert told(tie_partner(partner_id=0, owner_id=institution.pk)) == "unknown_partner"
        assert told(tie_partner(partner_id=partner.pk, owner_id=0)) == "partner_owner_unknown"
        assert told(tie_partner(partner_id=platform.pk, owner_id=institution.pk)) == "partner_owner_unknown"
    assert told(tie_partner(partner_id=partner.pk, owner_id=institution.pk)) == ""
    with nothing_changes():
        assert told(tie_partner(partner_id=rival.pk, owner_id=institution.pk)) == "partner_owner_taken"
        assert told(tie_partner(partner_id=partner.pk, owner_id=other.pk)) == "partner_tied"
    partner.refresh_from_db()
    assert partner.institution_id == institution.pk


@pytest.mark.django_db(transaction=True)
def test_of_rivals_for_one_institution_one_gets_it(race: Callable[..., list[Any]]) -> None:
    institution = factories.institution()
    numbers = [sandbox_partner(f"lembaga-{number}").pk for number in range(4)]
    answers = race(
        *[lambda number=number: told(tie_partner(partner_id=number, owner_id=institution.pk)) for number in numbers]
    )
    assert sorted(answers) == ["", *["partner_owner_taken"] * 3]


def test_a_suspension_has_a_reason_and_is_lifted() -> None:
    partner = live_partner(factories.institution())
    for reason, code in (
        ("", "suspension_reason_empty"),
        ("x" * 301, "suspension_reason_too_long"),
        ("a\0b", "suspension_reason_unreadable"),
    ):
        with nothing_changes():
            assert told(suspend_partner(partner_id=partner.pk, reason=reason, at=AT)) == code
    assert told(suspend_partner(partner_id=0, reason="x", at=AT)) == "unknown_partner"
    answers = [told(suspend_partner(partner_id=partner.pk, reason=why, at=AT)) for why in ("satu", "satu", "dua")]
    assert answers == ["", "repeated", ""]
    partner.refresh_from_db()
    assert (partner.suspended_at, partner.suspension_reason) == (AT, "dua")
    assert [told(lift_partner(partner_id=number)) for number in (partner.pk, partner.pk, 0)] == [
        *("", "repeated"),
        "unknown_partner",
    ]


@pytest.mark.parametrize(
    ("uri", "live", "sandbox"),
    [
        ("https://lembaga.id/kembali?kelas=7&x=%20", True, True),
        ("https://lembaga.id:8443/", True, True),
        ("http://localhost:3000/kembali", False, True),
        ("http://127.0.0.1/", False, True),
        ("http://lembaga.id/", False, False),
        ("https://lembaga.id/#akhir", False, False),
        ("https://siapa@lembaga.id/", False, False),
        ("https:///kembali", False, False),
        ("https://lembaga.id:0/", False, False),
        ("https://lembaga.id:99999/", False, False),
        ("https://lembaga.id\\@jahat.id/", False, False),
        ("https://[::1/", False, False),
        ("https://lémbaga.id/", False, False),
        ("https://lembaga.id/a b", False, False),
        ("https://lembaga.id/\n", False, False),
        ("javascript:alert(1)", False, False),
        ("https://lembaga.id/" + "x" * 482, False, False),
        ("", False, False),
    ],
)
def test_people_are_sent_back_to_plain_addresses_only(uri: str, live: bool, sandbox: bool) -> None:
    partner = sandbox_partner("lembaga")
    for is_sandbox, is_taken in ((False, live), (True, sandbox)):
        outcome = register_redirect(partner_id=partner.pk, uri=uri, is_sandbox=is_sandbox, at=AT)
        assert told(outcome) == ("" if is_taken else "redirect_malformed")
    assert RedirectUri.objects.count() == live + sandbox


def test_an_address_is_registered_once_for_each_world_and_removed_by_its_owner_alone() -> None:
    partner, other, uri = sandbox_partner("satu"), sandbox_partner("dua"), "https://lembaga.id/"
    answers = [
        told(register_redirect(partner_id=number, uri=uri, is_sandbox=is_sandbox, at=AT))
        for number, is_sandbox in ((partner.pk, False), (partner.pk, False), (partner.pk, True), (0, False))
    ]
    assert answers == ["", "repeated", "", "unknown_partner"]
    row = RedirectUri.objects.filter(is_sandbox=False).get()
    assert told(remove_redirect(partner_id=other.pk, redirect_id=row.pk)) == "unknown_redirect"
    assert told(remove_redirect(partner_id=partner.pk, redirect_id=row.pk)) == ""
    assert told(remove_redirect(partner_id=partner.pk, redirect_id=row.pk)) == "unknown_redirect"
    assert RedirectUri.objects.get().is_sandbox
