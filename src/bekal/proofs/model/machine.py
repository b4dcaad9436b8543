"""The two machines: one takes uniform small steps, the other goes whole ways with a clock that mostly creeps.

Each has one rule, so that every kind of step stays possible in every example (Hypothesis leaves rules out at random).
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bekal.proofs.model.days import JAKARTA, day_of
from bekal.proofs.model.end_steps import EndSteps
from bekal.proofs.model.memory import BALANCE, DONE, PAID, SETTLED, Place, Purchase
from bekal.proofs.model.world import OFFERS

# Under which rules an example begins: 2020, days whose payments are brought forward, the end of 2022 with other rules a
# few days later, and 2023.
STARTS = st.sampled_from(
    [
        datetime(*day, 9, tzinfo=JAKARTA)
        for day in ((2020, 11, 16), (2020, 4, 20), (2021, 9, 22), (2022, 12, 29), (2023, 1, 9))
    ]
)
WANDERS = st.sampled_from([False] * 7 + [True])
# The first training more often: it is the one that leaves Rp50.
PEOPLE, TRAININGS = st.integers(0, 3), st.sampled_from([0, *range(len(OFFERS))])
NUMBERS = st.sampled_from(range(120))
ANSWERS = st.lists(st.sampled_from(["settled", "settled", "rejected", ""]), max_size=5).map(tuple)
CAUSES = ("ineligible", "false_evidence", "identity")
SPANS = (
    timedelta(seconds=1),
    timedelta(minutes=11),
    timedelta(hours=1),
    timedelta(hours=25),
    timedelta(days=8),
    timedelta(days=31),
)
Step = Callable[[], object]


class SmallSteps(EndSteps):
    """One verb at a time: all that make sense now are as likely, between them calls that must be refused."""

    @initialize(start=STARTS, wanders=WANDERS, people=st.integers(0, 3))
    def begin(self, start: datetime, wanders: bool, people: int) -> None:
        self.start(start, wanders=wanders)
        for person in range(people):
            self.accept(person)

    @rule(
        kind=st.sampled_from(["sense"] * 11 + ["nonsense", "nonsense", "clock", "clock", "day", "again"]),
        number=NUMBERS,
        person=PEOPLE,
        training=TRAININGS,
        answers=ANSWERS,
    )
    def step_by_step(self, kind: str, number: int, person: int, training: int, answers: tuple[str, ...]) -> None:
        if kind == "sense":
            steps = self.steps_with_sense(training, number % 2, answers)
            steps[number % len(steps)]()
        elif kind == "nonsense":
            steps = self.steps_without_sense(person, training, number)
            steps[number % len(steps)]()
        elif kind == "clock":
            span = SPANS[number % len(SPANS)]
            self.move_clock(span, back=number % 4 < 2 and span < timedelta(days=1))
        elif kind == "day":
            self.go_to_next_date(number // 2 % 3, end_of_day=number % 2 == 0)
        else:
            self.again()

    def steps_with_sense(self, training: int, officer: int, answers: tuple[str, ...]) -> list[Step]:
        """What the programme would do next, for everybody it could do it for."""
        today = day_of(self.at)
        steps: list[Step] = [partial(self.go_to_next_date, officer, end_of_day=False)]
        if self.days_of_payment() and not self.memory.due(today):
            steps += [self.go_to_next_payment] * 4
        steps += [self.reconcile] * 4 if any(self.is_proven(one) for one in self.memory.every_purchase()) else []
        for person, place in enumerate(self.memory.places):
            if place is None:
                steps += [partial(self.accept, person), partial(self.take_over, person)]
                continue
            steps += self.next_of(person, place, training, today)
        if self.memory.due(today):
            steps += [partial(self.plan, officer)] * 8
        for number, run in enumerate(reversed(self.memory.runs)):
            ways = {
                "planned": partial(self.approve, number, 1 - run.planner),
                "approved": partial(self.export, number),
            }
            if run.state == "exported":
                is_answered = all(run.told.values())
                steps += [partial(self.settle, number, answers)] * (1 if is_answered else 8)
                steps += [partial(self.send_back, number, training), partial(self.reverse, number, training)]
            elif run.state in ways:
                steps += [ways[run.state]] * 8
        for number, clawback in enumerate(reversed(self.memory.clawbacks)):
            if not clawback.approved_at:
                steps += [partial(self.approve_clawback, number, 1 - clawback.officer)] * 3
            elif not clawback.withdrawn_at:
                steps += [partial(self.repay, number, 2), partial(self.repay, number, 0)]
        if any(self.memory.is_held_out(purchase, self.at) for purchase in self.memory.every_purchase()):
            steps += [self.settle_institutions] * 2
        if any(place.terms.earning_ends_on < today for _, place in self.memory.those()):
            steps.append(self.close)
        return steps

    @staticmethod
    def is_proven(purchase: Purchase) -> bool:
        return purchase.reconciled_at is None and purchase.review is not None

    def next_of(self, person: int, place: Place, training: int, today: date) -> list[Step]:
        """What can be done for one person."""
        steps: list[Step] = []
        if self.memory.refusal_to_buy(person, training, self.at) is None:
            steps += [partial(self.buy, person, training)] * 2
        for bought, purchase in place.purchases.items():
            steps += self.next_for(person, bought, purchase) * 10
            if purchase.is_open:
                steps.append(partial(self.end_purchase, person, bought))
        if place.purchases and 1 + training % 3 not in place.answers:
            steps.append(partial(self.answer, person, 1 + training % 3))
        earns = place.paid_before_count or any(purchase.reconciled_at for purchase in place.purchases.values())
        if earns and not any(kind == "incentive" for kind, _ in place.earned):
            steps += [self.entitle] * 4
        if today > place.terms.due_on and not place.purchases and not place.revoked_at:
            steps.append(self.revoke)
        if today > place.terms.ends_on and place.purchases and not place.ended_at:
            steps.append(self.end_balances)
        return steps

    def next_for(self, person: int, training: int, purchase: Purchase) -> list[Step]:
        if purchase.redeemed_at is None:
            return [partial(self.redeem, person, training)]
        missing = set(range(1, OFFERS[training].session_count + 1)) - purchase.attended
        if missing:
            return [partial(self.attend, person, training, min(missing))]
        if purchase.completed_at is None:
            return [partial(self.complete, person, training)]
        return [partial(self.review, person, training)] if purchase.review is None else []

    def steps_without_sense(self, person: int, training: int, number: int) -> list[Step]:
        """Wrong codes, prices, institutions, sessions, ratings, officers, keys: refused, and nothing changes."""
        return [
            partial(self.accept, person),
            partial(self.buy, person, training, "wrong code"),
            partial(self.buy, person, training, "wrong price"),
            partial(self.redeem, person, training, wrong=True),
            partial(self.attend, person, training, number % 9),
            partial(self.attend, person, training, 1, wrong=True),
            partial(self.complete, person, training, wrong=number % 2 == 0),
            partial(self.review, person, training, number % 7),
            partial(self.answer, person, number % 5, other=True),
            *[partial(self.plan, number % 2, days) for days in (0, 15)],
            partial(self.approve, number % 3, number % 2),
            partial(self.cancel, number % 3, number % 2),
            partial(self.export, number % 3),
            partial(self.settle, number % 3, ("rejected", "settled")),
            *[partial(self.spend_directly, person, how) for how in ("too much", "again", "other")],
            *[self.reconcile, self.entitle, self.revoke, self.end_balances, self.settle_institutions, self.close],
            partial(self.end_purchase, person, training),
            partial(self.stop_or_resume, number % 2),
            partial(self.reverse, number % 3, number),
            partial(self.decide, person, CAUSES[number % 3], number % 2),
            partial(self.approve_clawback, number % 2, number % 2),
            partial(self.repay, number % 2, 1),
            partial(self.withdraw, number % 2, number % 2),
        ]


class Journeys(EndSteps):
    """Whole ways: a training learned, a run paid, a last day passed; between them the clock creeps, even back."""

    @initialize(start=STARTS, wanders=WANDERS, people=st.integers(0, 2))
    def begin(self, start: datetime, wanders: bool, people: int) -> None:
        self.start(start, wanders=wanders)
        for person in range(people):
            self.accept(person)

    @rule(
        way=st.sampled_from(
            ["learn"] * 5
            + ["give up"] * 4
            + ["pay", "creep", "last day"] * 3
            + ["institutions", "refused", "answer", "claw back", "back"] * 2
            + ["come over", "again"]
        ),
        number=NUMBERS,
        person=PEOPLE,
        training=TRAININGS,
        answers=ANSWERS,
    )
    def go(self, way: str, number: int, person: int, training: int, answers: tuple[str, ...]) -> None:
        ways: dict[str, Step] = {
            "learn": partial(self.learn, person, training, 1 if number % 6 == 0 else 9),
            "give up": partial(self.give_up, person, training, number, ends=number % 3 > 0),
            "pay": partial(self.pay, number, answers),
            "back": partial(self.bring_back, number),
            "last day": partial(self.pass_a_last_day, number // 4, person, training, late=number % 4 > 0),
            "creep": partial(self.creep, number),
            "refused": partial(self.try_what_must_be_refused, person),
            "institutions": partial(self.pay_institutions, number),
            "claw back": partial(self.claw_back_and_settle, person, number),
            "come over": partial(self.come_over, person, number),
            "answer": partial(self.answer_what_is_open, number),
            "again": self.again,
        }
        with self.together():
            ways[way]()

    def something(self, person: int, training: int) -> int:
        """The training drawn, or the next one that this person can buy."""
        others = [(training + step) % len(OFFERS) for step in range(len(OFFERS))]
        return next((each for each in others if self.memory.refusal_to_buy(person, each, self.at) is None), training)

    def somebody(self, person: int) -> int:
        """The person drawn, or the next one who has something left to do here: to come, or to buy."""
        for each in [(person + step) % len(self.memory.places) for step in range(len(self.memory.places))]:
            training = self.something(each, 0)
            comes = self.memory.places[each] is None and not self.memory.is_full
            if comes or self.memory.refusal_to_buy(each, training, self.at) is None:
                return each
        return person

    def learn(self, person: int, training: int, session_count: int) -> None:
        """Accepted, bought, redeemed, attended, completed, reviewed, reconciled and entitled, as far as it goes."""
        person = self.somebody(person)
        if self.memory.places[person] is None:
            self.accept(person)
        training = self.something(person, training)
        if self.buy(person, training) != DONE or self.redeem(person, training) != DONE:
            return
        for session in range(1, min(session_count, OFFERS[training].session_count) + 1):
            self.attend(person, training, session)
        if self.complete(person, training) == DONE:
            self.review(person, training)
        if self.reconcile():
            self.entitle()

    def give_up(self, person: int, training: int, number: int, ends: bool) -> None:
        """Buys, redeems or not, comes to some sessions, none or all, and no more; the purchase may stay open."""
        person = self.somebody(person)
        if self.memory.places[person] is None:
            self.accept(person)
        training = self.something(person, training)
        session_count = number % (OFFERS[training].session_count + 1)
        if self.buy(person, training) == DONE and (session_count or number % 4):
            self.redeem(person, training)
            for session in range(1, session_count + 1):
                self.attend(person, training, session)
        if ends:
            self.end_purchase(person, training)

    def pay(self, number: int, answers: tuple[str, ...]) -> None:
        """The next day of payment comes, one officer plans, the other approves what was planned by now, the partner
        answers, and the bank may send some of it back."""
        if number % 5 and not self.memory.due(day_of(self.at)):
            self.go_to_next_payment()
        if self.memory.due(day_of(self.at)) or number % 5 == 0:
            self.plan(number % 2)
        for place, run in enumerate(reversed(self.memory.runs)):
            if run.state in ("planned", "approved"):
                self.approve(place, 1 - run.planner)
                self.export(place)
                self.settle(place, answers)
        if number % 4 == 1:
            self.bring_back(number // 4)

    def bring_back(self, number: int) -> None:
        """Of the newest run that has paid something the bank sends a payment back, or the programme takes it back; it
        is due again with the next list. Where nothing was paid, that is refused."""
        runs = list(reversed(self.memory.runs))
        paid = [place for place, run in enumerate(runs) if ["settled"] in run.told.values()]
        run = paid[0] if paid and number % 5 else number % 3
        self.reverse(run, number) if number % 2 else self.send_back(run, number)
        self.plan(number // 2 % 2)

    def pass_a_last_day(self, number: int, person: int, training: int, late: bool) -> None:
        """A minute before its end everything can still be done, a second after it nothing more."""
        days = {self.memory.next_last_day(place) for _, place in self.memory.those() if not place.closed_at}
        ahead = sorted(day for day in days if day >= day_of(self.at))
        if not ahead:
            return
        self.go_to(datetime.combine(ahead[0 if number % 3 else -1], time(23, 59), tzinfo=JAKARTA))
        for end in (self.revoke, self.end_balances, self.close):
            end()
        for each, _ in self.memory.those():
            if self.memory.refusal_to_buy(each, bought := self.something(each, training), self.at) is None:
                self.buy(each, bought)
        if late:
            self.move_clock(timedelta(minutes=1))
            still_open = [
                (each, bought)
                for each, place in self.memory.those()
                for bought, purchase in place.purchases.items()
                if purchase.is_open
            ]
            for each, bought in still_open[:2] or [(person, training)]:
                self.end_purchase(each, bought)
            for end in (self.end_balances, self.revoke, self.close):
                end()

    def creep(self, number: int) -> None:
        """Seconds to days; a clock that is set back is set back by less than a day (and only where it wanders)."""
        span = SPANS[number % 4]
        self.move_clock(span, back=number % 5 < 2 and span < timedelta(days=1))

    def try_what_must_be_refused(self, person: int) -> None:
        """What must be refused: the cheapest training that is too dear, and postings past every verb."""
        place = self.memory.places[person]
        if place is None:
            self.accept(person)
            place = self.memory.places[person]
        held_rupiah = place.held[BALANCE] if place else 0
        too_dear = [(offer.price_rupiah, n) for n, offer in enumerate(OFFERS) if offer.price_rupiah > held_rupiah]
        if too_dear:
            self.buy(person, min(too_dear)[1])
        for how in ("too much", "again", "other"):
            self.spend_directly(person, how)

    def come_over(self, person: int, number: int) -> None:
        """From another system, where a first instalment was paid: the others are earned at once. Who then buys nothing
        loses the place, and keeps what was earned."""
        free = [each for each, place in enumerate(self.memory.places) if place is None]
        person = free[person % len(free)] if free else person
        self.take_over(person)
        self.entitle()
        place = self.memory.places[person]
        if place is not None and place.opened_at and number % 2:
            self.go_to(datetime.combine(place.terms.due_on, time(23, 59), tzinfo=JAKARTA))
            self.move_clock(timedelta(minutes=1))
            self.revoke()

    def pay_institutions(self, number: int) -> None:
        """The last minute of a hold, and the first one after it; one of the institutions may be stopped meanwhile."""
        if number % 3 == 0:
            self.stop_or_resume(number // 3 % 2)
        proven = [self.memory.proven_at(each) for each in self.memory.every_purchase() if not each.is_settled]
        held_until = [day_of(at) + timedelta(days=6) for at in proven if at is not None]
        ahead = sorted(day for day in held_until if day >= day_of(self.at))
        if ahead and number % 4:
            self.go_to(datetime.combine(ahead[0], time(23, 59), tzinfo=JAKARTA))
            self.settle_institutions()
            self.move_clock(timedelta(minutes=1))
        self.settle_institutions()

    def claw_back_and_settle(self, person: int, number: int) -> None:
        """Decided by one, approved by the other; then paid back in parts, one rupiah too much among them, or let go."""
        if number % 4:
            received = [(place.held[PAID] + place.held[SETTLED], each) for each, place in self.memory.those()]
            person = max(received, default=(0, person))[1]
        self.claw_back(person, CAUSES[number % 3], number % 2)
        self.repay(0, 1)
        self.repay(0, 2)
        self.repay(0, 0) if number % 5 == 0 else self.withdraw(0, 1 - number % 2)

    def answer_what_is_open(self, number: int) -> None:
        """Everybody answers every survey they have; the first one's day may come for it."""
        waiting = [place for _, place in self.memory.those() if place.purchases and not place.answers]
        opens_on = min((place.terms.accepted_on + timedelta(days=30) for place in waiting), default=date.min)
        if number % 3 and opens_on > day_of(self.at):
            self.go_to(datetime.combine(opens_on, time(9), tzinfo=JAKARTA))
        for person, place in self.memory.those():
            for survey in range(1, place.terms.survey_count + 1):
                self.answer(person, survey, other=number % 5 == 0 and survey in place.answers)
