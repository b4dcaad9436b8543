"""A file that was read under the wrong partner is read under its own, and what the mistake opened ends."""

import pytest
from django.db import connection

from bekal.incentives.models import PayoutException, PayoutFile
from bekal.proofs.check import prove_ledger
from tests.incentives.journey import SETTLED_AT, earners, exported, references
from tests.incentives.partner import answers
from tests.incentives.test_settle_payouts import lines, settle, troubles

pytestmark = pytest.mark.django_db


def test_a_file_that_was_read_under_the_wrong_partner_is_read_under_the_right_one() -> None:
    earners(2)
    run = exported()
    first, second = references(run.run_id)
    content = answers(run.files[0].content)
    wrong = settle(content, partner="ovo")
    assert (wrong.settled_count, troubles(wrong)) == (0, [("other_partner", first), ("other_partner", second)])
    right = settle(content)
    assert (right.settled_count, right.repeated, troubles(right)) == (2, False, [])
    ended = PayoutException.objects.order_by("id").values_list("partner", "resolution", "resolved_at")
    assert list(ended) == [("ovo", "answered", SETTLED_AT)] * 2
    assert settle(content).repeated and settle(content, partner="ovo").repeated
    assert PayoutFile.objects.filter(direction="back").count() == 2
    assert prove_ledger(connection).violations == ()


def test_what_another_file_of_the_wrong_partner_has_opened_stays_open() -> None:
    earners()
    run = exported()
    (first,) = references(run.run_id)
    settle(lines((first, 600_000, "settled", "")), partner="ovo")
    settle(lines((first, 600_000, "settled", ""), ("BKL9", 5, "settled", "")))
    assert PayoutException.objects.filter(resolved_at=None, partner="ovo").count() == 1
