"""A small programme that walked exactly as the published shares say: 102 accepted, 90 bought, 72 paid, 2 in between."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import chain, repeat

from bekal.engagement.models import SurveyResponse
from bekal.incentives.entitle import AnsweredSurvey, entitle, entitle_surveys
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.purchases.redeem import Redemption, redeem
from tests import factories
from tests.factories import RECONCILED_AT, REDEEMED_AT, jakarta
from tests.incentives.journey import exported, learned, settled

ACCEPTED_COUNT, BOUGHT_COUNT, PAID_COUNT, WAITING_COUNT, SECOND_COUNT, ANSWER_COUNT = 102, 90, 72, 2, 39, 99
SURVEY_1_AT, SURVEY_3_AT = jakarta(2020, 5, 25), jakarta(2021, 5, 10)
# Options and how many of 99 chose each: 80.8 / 12.1 / 7.1 %, and so on down to the reasons of the 45 who said no.
SURVEY_1 = {
    "employment": {"unemployed": 80, "employee": 12, "business": 7},
    "effective": {"yes": 69, "no": 6},
    "helped": {"yes": 95, "no": 4},
}
SURVEY_3 = {
    "on_time": {"agree": 83, "disagree": 16},
    "second": {"no": 45, "yes": 54},
    "reason": {
        "no_time": 13,
        "enough": 7,
        "reuse_unknown": 5,
        "want_no_more": 4,
        "second_unknown": 3,
        "nothing_suits": 6,
        "other": 7,
    },
}

# What every figure must then be: shares in percent, everything else in its unit.
RUNNING = {
    "S1.granted_median": 1_000_000,
    "S1.granted_lowest": 1_000_000,
    "S1.granted_highest": 1_000_000,
    "S1.latest_purchase": date(2020, 5, 2),
    "S1.left_after_the_end": 0,
    "S1.cash": 0,
    "S1.movements_to_cash": 0,
    "S1.returned": 0,
    "S5.envelope_lowest": 3_550_000,
    "S5.envelope_highest": 3_550_000,
    "S5.incentives_most": 4,
    "S5.incentive_lowest": 600_000,
    "S5.incentive_highest": 600_000,
    "S5.surveys_most": 1,
    "S5.survey_lowest": 50_000,
    "S5.survey_highest": 50_000,
    "S6.waiting": Fraction(200, 90),
    "S8.accepted": 102,
    "S8.bought": 90,
    "S8.not_bought": 12,
    "S8.paid": 72,
    "S8.bought_share": Fraction(9000, 102),
    "S8.not_bought_share": Fraction(1200, 102),
    "S8.paid_share_of_buyers": 80,
    "S8.paid_share": Fraction(7200, 102),
    "S9.per_person": 3_550_000,
    "S9.of_180000": 639_000_000_000,
    "S9.of_189436": 672_497_800_000,
    "S9.printed": 10,
    "S9.revoked_share": Fraction(1200, 102),
    "S11.on_time": Fraction(8300, 99),
    "S11.on_time_measured": 25,  # one of four instalments was paid; the others were promised, too
    "S11.second": Fraction(5400, 99),
    "S11.second_measured": Fraction(3900, 72),
    "S11.no_second": Fraction(4500, 99),
    "S11.no_time": Fraction(1300, 45),
    "S11.enough": Fraction(700, 45),
    "S11.reuse_unknown": Fraction(500, 45),
    "S11.want_no_more": Fraction(400, 45),
    "S11.second_unknown": Fraction(300, 45),
    "S11.other_reasons": Fraction(1300, 45),
    "S11.unemployed": Fraction(8000, 99),
    "S11.employees": Fraction(1200, 99),
    "S11.business": Fraction(700, 99),
    "S11.effective": 92,
    "S11.helped": Fraction(9500, 99),
}


@dataclass(frozen=True, slots=True)
class World:
    """The participations by what became of them."""

    paid: tuple[int, ...]
    waiting: tuple[int, ...]
    bought: tuple[int, ...]
    revoked: tuple[int, ...]


def build_world() -> World:
    """Every step is its verb but the answers, which are written as given (the verb would ask who may answer)."""
    ids = factories.accepted(ACCEPTED_COUNT)
    paid, others, revoked = ids[:PAID_COUNT], ids[PAID_COUNT:BOUGHT_COUNT], ids[BOUGHT_COUNT:]
    training = factories.training()
    learned(paid, training)
    entitle(at=RECONCILED_AT + timedelta(hours=1))
    settled(exported())
    orders = factories.bought_all(others, training)
    redeemed = redeem(
        redemptions=[Redemption(training.institution_id, each.redeem_code or "") for each in orders[:WAITING_COUNT]],
        at=REDEEMED_AT,
    )
    factories.complete(*(each.purchase_id for each in redeemed if each.purchase_id is not None))
    factories.bought_all(paid[:SECOND_COUNT], factories.training(), at=jakarta(2020, 5, 2))
    assert revoke(at=jakarta(2020, 5, 21)).participation_count == len(revoked)
    answer(1, SURVEY_1, ids)
    answer(3, SURVEY_3, ids)
    entitle_surveys(answers=[AnsweredSurvey(each, 1, SURVEY_1_AT) for each in paid])
    end_balances(at=jakarta(2020, 12, 16, 6))
    return World(paid, others[:WAITING_COUNT], ids[:BOUGHT_COUNT], revoked)


def answer(number: int, options: dict[str, dict[str, int]], ids: tuple[int, ...]) -> None:
    """The first of these people answer as the counts say; whoever has no option left was not asked."""
    columns = {
        question: list(chain.from_iterable(repeat(option, count) for option, count in counts.items()))
        for question, counts in options.items()
    }
    SurveyResponse.objects.bulk_create(
        SurveyResponse(
            participation_id=person,
            survey_number=number,
            channel="telephone",
            answered_at=SURVEY_1_AT if number == 1 else SURVEY_3_AT,
            answers={question: chosen[place] for question, chosen in columns.items() if place < len(chosen)},
        )
        for place, person in enumerate(ids[:ANSWER_COUNT])
    )
