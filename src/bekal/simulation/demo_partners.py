"""What the demo shows of partners: its institution's own system with a key and three misses, a platform's not tied."""

from datetime import datetime

from bekal.catalogue.models import InstitutionStaff
from bekal.ledger.clock import machine_now
from bekal.partners.count_call import count_call
from bekal.partners.keys import KeyOrder, issue_keys
from bekal.partners.misses import record_miss
from bekal.partners.models import Partner
from bekal.partners.register import NewPartner, register_partners, register_redirect, tie_partner

STATUS = "payment/redeem-code/status"
# What its calls of today ended in.
ENDED = ("answered",) * 7 + ("repeated", "signature_wrong") + ("code_not_found",) * 3


def make_demo_partners(*, institution_login: str, at: datetime) -> None:
    """By the verbs. Nobody knows the key's secret: who wants to call issues another."""
    staff = InstitutionStaff.objects.select_related("institution").get(user__login_name=institution_login)
    own = NewPartner("sistem-lembaga", f"Sistem {staff.institution.name}"[:200], Partner.Kind.INSTITUTION)
    platform = NewPartner("platform-baru", "Platform Baru", Partner.Kind.PLATFORM)
    partner_id, _ = (outcome.partner_id for outcome in register_partners(partners=[own, platform], at=at))
    assert partner_id is not None
    tie_partner(partner_id=partner_id, owner_id=staff.institution_id)
    register_redirect(partner_id=partner_id, uri="https://lembaga.example/kembali", is_sandbox=False, at=at)
    (issued,) = issue_keys(orders=[KeyOrder(partner_id, 1, is_sandbox=False)], at=at)
    assert issued.key_id is not None
    for outcome in ENDED:
        count_call(key_id=issued.key_id, operation=STATUS, outcome=outcome, at=machine_now())
        if outcome == "code_not_found":
            record_miss(key_id=issued.key_id, at=at)
