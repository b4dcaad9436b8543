"""Whoever's money did not arrive is told once, why and what helps."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils.translation import override

from bekal.incentives.models import Payout, PayoutStatus
from bekal.incentives.partners import snap_bi
from bekal.incentives.reasons import NOT_THE_ACCOUNT, TEMPLATE, sentence_of, tell_of_failures
from bekal.incentives.settle_payouts import settle_payouts
from bekal.messaging.models import OutboxMessage
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from tests import factories
from tests.factories import jakarta
from tests.incentives.journey import SETTLED_AT, earners, exported, references, settled
from tests.incentives.partner import status_file
from tests.incentives.test_statements import MONDAY, booked, statement


def told(person: int) -> list[str]:
    holder_id = Participation.objects.get(pk=person).participant_id
    return [line.body for line in messages_to(holder_id=holder_id) if line.template == TEMPLATE]


def test_every_code_a_rail_answers_with_has_its_sentence_in_both_languages() -> None:
    codes = {*snap_bi._REJECTED.values(), "AC01", "AC04", "AC06", "AM04", "AM05", "AM14", "BE01", "NARR"}
    for code in codes | NOT_THE_ACCOUNT:
        with override("id"):
            indonesian = str(sentence_of(code))
        with override("en"):
            english = str(sentence_of(code))
        assert indonesian != english and code not in english, code
    assert str(sentence_of("XX99")).endswith("XX99")


@pytest.mark.django_db
def test_a_rejection_is_told_with_its_reason_and_only_to_whom_it_happened() -> None:
    paid, refused = earners(2)
    run = exported()
    settled(run, {references(run.run_id)[1]: "AM14"})
    account = Payout.objects.get(reference=references(run.run_id)[1]).masked_account
    assert told(paid) == []
    assert told(refused) == [
        f"Rp600.000 belum bisa dibayar ke BNI {account}. Dompetmu penuh: kosongkan, atau pilih rekening lain. "
        "Uangmu tidak hilang: akan dibayar lagi."
    ]


@pytest.mark.django_db
def test_what_came_back_is_told_once_however_often_the_bank_says_it() -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    settled(run)
    assert told(person) == []
    for name, at in (("a.csv", jakarta(2020, 4, 30)), ("b.csv", jakarta(2020, 5, 1))):
        lines = [(reference, 600_000, "returned", "AC04")]
        settle_payouts(partner="bni", name=name, content=status_file(lines), at=at)
    (body,) = told(person)
    assert body.startswith("Rp600.000 dikembalikan dari BNI") and "sudah ditutup" in body


@pytest.mark.django_db
def test_each_line_that_failed_is_one_message_over_files_statements_and_attempts() -> None:
    refused, back, paid = earners(3)
    first, second, third = references(exported().run_id)
    lines = [(first, 600_000, "rejected", "AM14"), (third, 600_000, "settled", "")]
    for name in ("a.csv", "b.csv"):
        content = status_file([*lines, (second, 600_000, "settled", "")] if name == "b.csv" else lines)
        settle_payouts(partner="bni", name=name, content=content, at=SETTLED_AT)
    shown = [booked(second, returned=MONDAY), booked(third)]
    for form in ("mt940", "camt.053"):
        settle_payouts(partner="bni", name=form, content=statement(lines=shown, form=form), at=SETTLED_AT)
    returned = status_file([(second, 600_000, "returned", "AC04")])
    settle_payouts(partner="bni", name="c.csv", content=returned, at=SETTLED_AT)
    again = exported()
    settled(again, {reference: "AC06" for reference in references(again.run_id) if reference[:-2] == first[:-2]})
    assert [len(told(person)) for person in (refused, back, paid)] == [2, 1, 0]
    failed = PayoutStatus.objects.filter(state__in=["rejected", "returned"]).count()
    assert OutboxMessage.objects.filter(template=TEMPLATE).count() == failed == 3


@pytest.mark.django_db
def test_each_reads_the_reason_in_the_language_they_chose() -> None:
    (person,) = earners()
    reader = factories.signed_in_participant(person)
    reader.language = "en"
    reader.save()
    run = exported()
    settled(run, {references(run.run_id)[0]: "AC04"})
    assert "The account is closed." in told(person)[0]


@pytest.mark.django_db
def test_many_are_told_in_no_more_statements_than_one(assert_queries: Callable[..., Any]) -> None:
    earners(5)
    run = exported()
    settled(run)
    numbers = list(Payout.objects.order_by("pk").values_list("pk", flat=True))
    OutboxMessage.objects.all().delete()
    for some in (numbers[:1], numbers):
        with assert_queries(4):
            assert tell_of_failures(failed=dict.fromkeys(some, ("rejected", "AC04")), at=SETTLED_AT) == len(some)
