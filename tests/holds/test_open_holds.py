"""`open_holds`: payments wait, everything else goes on, the same finding holds once, and who waits is told."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from bekal.accounts.models import User
from bekal.holds.decide_holds import lift_holds
from bekal.holds.models import Hold, HoldEvent
from bekal.holds.open_holds import OpenedHold, open_holds
from bekal.incentives.plan_payout_run import LeftOut, LeftOutReason, plan_payout_run
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from bekal.purchases.settle_institutions import settle_institutions, settleable_ids
from tests import factories
from tests.factories import RECONCILED_AT, jakarta
from tests.factories.holding import held, held_institution, new_hold
from tests.incentives import journey

pytestmark = pytest.mark.django_db
LATER = RECONCILED_AT + timedelta(days=30)


def test_held_incentives_are_left_out_of_the_list_and_counted() -> None:
    _free, waiting = journey.earners(2)
    held(waiting)
    officer = factories.officer()
    planned = plan_payout_run(planned_for=journey.FIRST_PAY_ON, officer_id=officer.pk, at=journey.PLANNED_AT)
    assert planned.payout_count == 1
    assert planned.left_out == (LeftOut(LeftOutReason.HELD, 1),)


def test_lifted_incentives_are_on_the_next_list() -> None:
    (person,) = journey.earners()
    hold_id, officer = held(person), factories.officer()
    lift_holds(hold_ids=[hold_id], officer_id=officer.pk, reason="Keluarga satu rumah.", at=journey.PLANNED_AT)
    planned = plan_payout_run(planned_for=journey.FIRST_PAY_ON, officer_id=officer.pk, at=journey.PLANNED_AT)
    assert (planned.payout_count, planned.left_out) == (1, ())


def test_buying_and_learning_go_on() -> None:
    (person,) = factories.accepted()
    held(person, at=factories.ACCEPTED_AT)
    assert factories.reconciled(person, factories.training())


@pytest.mark.parametrize("subject", ["purchase", "settlement"])
def test_what_an_institution_is_owed_waits(subject: str) -> None:
    (person,), training = factories.accepted(), factories.training()
    purchase_id = factories.reconciled(person, training)
    assert settleable_ids(at=LATER) == [purchase_id]
    if subject == "settlement":
        hold_id = held_institution(training.institution_id)
    else:
        hold_id = held(
            person, subject=Hold.Subject.PURCHASE, purchase_id=purchase_id, institution_id=training.institution_id
        )
    assert settleable_ids(at=LATER) == []
    assert settle_institutions(purchase_ids=[purchase_id], at=LATER).left_out_count == 1
    lift_holds(hold_ids=[hold_id], officer_id=factories.officer().pk, reason="Benar.", at=LATER)
    assert settle_institutions(purchase_ids=[purchase_id], at=LATER).purchase_count == 1


def test_the_same_finding_holds_once_also_after_it_was_lifted() -> None:
    (person,) = factories.accepted()
    hold_id = held(person)
    again = new_hold(participation_id=person)
    assert open_holds(holds=[again, again], at=LATER) == (OpenedHold(None), OpenedHold(None))
    lift_holds(hold_ids=[hold_id], officer_id=factories.officer().pk, reason="Keluarga.", at=LATER)
    assert open_holds(holds=[again], at=LATER) == (OpenedHold(None),)
    (other,) = open_holds(holds=[new_hold(participation_id=person, found="another device")], at=LATER)
    assert other.hold_id is not None


def test_a_hold_has_a_day_by_the_rule_an_event_and_a_message() -> None:
    (person,) = factories.accepted()
    hold_id = held(person, at=jakarta(2020, 5, 1))
    hold = Hold.objects.get(pk=hold_id)
    assert hold.due_on == date(2020, 5, 15)
    (event,) = HoldEvent.objects.filter(hold=hold)
    assert (event.kind, event.due_on, event.by) == ("opened", hold.due_on, None)
    participant_id = Participation.objects.get(pk=person).participant_id
    (message,) = messages_to(holder_id=participant_id)
    assert "15-05-2020" in message.body and "200" not in message.body


@pytest.mark.parametrize(("language", "words"), [("id", "menunggu pemeriksaan"), ("en", "waits for a check")])
def test_who_waits_reads_it_in_their_language(language: str, words: str) -> None:
    (person,) = factories.accepted()
    user = factories.signed_in_participant(person)
    User.objects.filter(pk=user.pk).update(language=language)
    hold_id = held(person)
    lift_holds(hold_ids=[hold_id], officer_id=factories.officer().pk, reason="Keluarga.", at=LATER)
    lifted, opened = messages_to(holder_id=Participation.objects.get(pk=person).participant_id)
    assert words in opened.body
    assert {"id": "tidak ditahan lagi", "en": "not withheld any more"}[language] in lifted.body


def test_a_hold_names_its_subject() -> None:
    with pytest.raises(IntegrityError, match="holds_hold_names_its_subject"), transaction.atomic():
        open_holds(holds=[new_hold()], at=LATER)
