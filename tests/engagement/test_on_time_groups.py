"""Groups of instalments, measured and said, are what counting one by one gives."""

from collections import defaultdict
from datetime import date
from typing import Any

import pytest

from bekal.engagement.models import SurveyResponse
from bekal.engagement.on_time_groups import Choice, GroupedBy, OnTimeGroup, on_time_groups
from bekal.incentives.models import Entitlement, Payout
from bekal.incentives.on_time import OnTimeShare, on_time_share
from bekal.ledger.clock import programme_day
from bekal.participants.models import District, Participant, PayoutAccount
from tests.factories import jakarta
from tests.incentives.journey import earners, exported, references, settled

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 28)


@pytest.fixture
def world() -> tuple[int, ...]:
    """Six people in two districts and none, paid by two partners: in time, late, rejected, and not yet."""
    people = earners(6)
    districts = [District.objects.create(id=number, name=f"Kabupaten {number}", province=32) for number in (3201, 3202)]
    for place, person in enumerate(Participant.objects.order_by("id")):
        Participant.objects.filter(pk=person.pk).update(district=(*districts, None)[place % 3])
    PayoutAccount.objects.filter(participant__in=Participant.objects.order_by("id")[:2]).update(partner="ovo")
    run = exported()
    settled(run, {references(run.run_id)[5]: "AC04"}, at=jakarta(2020, 4, 27, 15))
    settled(exported(planned_for=date(2020, 5, 26), at=jakarta(2020, 5, 27)), at=jakarta(2020, 5, 27, 15))
    Payout.objects.filter(pk=Payout.objects.order_by("-pk")[0].pk).update(ended_at=AT)
    for place, person in enumerate(people[:4]):
        answers = {"on_time": "disagree" if place % 2 else "agree", "second": "yes"}
        SurveyResponse.objects.create(
            participation_id=person, survey_number=3, channel="dashboard", answered_at=AT, answers=answers
        )
    SurveyResponse.objects.create(
        participation_id=people[4], survey_number=1, channel="dashboard", answered_at=AT, answers={"helped": "yes"}
    )
    return people


def one_by_one(choice: Choice) -> dict[tuple[str, str], OnTimeGroup]:
    """The same, slowly, from the rows."""
    said = {
        row.participation_id: row.answers["on_time"]
        for row in SurveyResponse.objects.filter(survey_number=3).order_by("pk")
    }
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    today = programme_day(AT)
    for row in Entitlement.objects.select_related("participation__participant").order_by("pk"):
        person = row.participation.participant
        standing = row.payouts.filter(ended_at=None).first()
        status = standing and standing.statuses.filter(state="settled").first()
        settled_on = programme_day(status.recorded_at) if status else None
        last = row.payouts.order_by("attempt").last()
        partner = last.partner if last else ""
        place = person.district_id or -person.province
        if (row.payment_on >= today and settled_on is None) or row.kind != (choice.kind or row.kind):
            continue
        if choice.month_on not in (None, row.payment_on.replace(day=1)) or choice.partner not in (None, partner):
            continue
        if choice.place not in (None, place):
            continue
        facts = {"person": row.participation_id, "due": row.payment_on, "settled": settled_on}
        for key in (("all", ""), ("month", f"{row.payment_on:%Y-%m}"), ("partner", partner), ("place", str(place))):
            groups[key].append(facts)
    return {key: _group(key, facts, said, today) for key, facts in groups.items()}


def _group(key: tuple[str, str], facts: list[dict[str, Any]], said: dict[int, str], today: date) -> OnTimeGroup:
    people = {each["person"] for each in facts}
    late = [each for each in facts if each["settled"] is None or each["settled"] > each["due"]]
    paid_late = [each for each in late if each["settled"]]
    return OnTimeGroup(
        GroupedBy(key[0]),
        key[1],
        len(people),
        OnTimeShare(len(facts), len(facts) - len(late), len(paid_late)),
        sum(((each["settled"] or today) - each["due"]).days for each in late),
        sum(1 for person in people if person in said),
        sum(1 for person in people if said.get(person) == "disagree"),
    )


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(kind="incentive"),
        Choice(kind="survey"),
        Choice(month_on=date(2020, 4, 1)),
        Choice(month_on=date(2020, 5, 1), partner="bni"),
        Choice(partner="ovo"),
        Choice(partner=""),
        Choice(place=3201),
        Choice(place=-32),
    ],
    ids=str,
)
def test_the_groups_are_those_counted_one_by_one(world: tuple[int, ...], choice: Choice) -> None:
    found = {(group.by.value, group.key): group for group in on_time_groups(at=AT, choice=choice)}
    empty = OnTimeGroup(GroupedBy.ALL, "", 0, OnTimeShare(0, 0, 0), 0, 0, 0)
    assert found == (one_by_one(choice) or {("all", ""): empty})


def test_all_together_is_what_the_office_sees_first(world: tuple[int, ...]) -> None:
    everything = on_time_groups(at=AT, choice=Choice(kind="incentive"))[0]
    assert everything.by is GroupedBy.ALL and everything.share == on_time_share(at=AT)
    assert everything.share == OnTimeShare(12, 5, 6), "one of May came back"
    assert (everything.person_count, everything.answer_count, everything.said_late_count) == (6, 4, 2)
