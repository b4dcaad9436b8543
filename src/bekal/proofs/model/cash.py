"""The second part of the plain model: what is earned and paid in cash."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bekal.proofs.model.days import day_of, pay_on
from bekal.proofs.model.memory import (
    COMMITTED,
    DONE,
    PAID,
    REPEATED,
    TRANSIT,
    Earned,
    Memory,
    Offer,
    Place,
)

PLAN_AHEAD_DAYS = 14
# A payout in one of these states is over, and what it was for is due again.
OVER = ("rejected", "returned", "reversed")
Instalment = tuple[int, str, int]


@dataclass(slots=True)
class Run:
    """A payout run: who planned it, how far it is, and what was said of each instalment on its list."""

    planner: int
    told: dict[Instalment, list[str]]
    state: str = "planned"
    files: set[tuple[tuple[Instalment, str], ...]] = field(default_factory=set)
    # Of which the partner has said the contrary of what it said before: nobody clears that up here.
    in_question: set[Instalment] = field(default_factory=set)

    def is_live(self, one: Instalment) -> bool:
        return self.state != "cancelled" and one in self.told and not any(each in OVER for each in self.told[one])


class Cash(Memory):
    """Instalments, surveys and payout runs."""

    def __init__(self, offers: tuple[Offer, ...], accounts: tuple[bool, ...], quota_count: int) -> None:
        super().__init__(offers, len(accounts), quota_count)
        self.accounts = accounts
        self.runs: list[Run] = []

    # Earned

    def entitle(self, at: datetime) -> int:
        """Who has proven a first training earns every instalment that is left; how many people."""
        return sum(self.entitle_one(place, at) for _, place in self.those())

    def entitle_one(self, place: Place, at: datetime) -> bool:
        """Whether this one earned something by it."""
        if place.revoked_at or place.closed_at or any(kind == "incentive" for kind, _ in place.earned):
            return False
        first_at = self._proven_at(place, at)
        if first_at is None:
            return False
        before = place.paid_before_count
        for number in range(before + 1, place.terms.incentive_count + 1):
            due_on = pay_on(day_of(first_at), number - before)
            place.earned["incentive", number] = Earned(place.terms.incentive_rupiah, due_on, at)
        return place.terms.incentive_count > before

    @staticmethod
    def _proven_at(place: Place, at: datetime) -> datetime | None:
        if place.paid_before_count:
            return place.opened_at if place.opened_at and place.opened_at <= at else None
        proven = [p.reconciled_at for p in place.purchases.values() if p.reconciled_at and p.reconciled_at <= at]
        return min(proven, default=None)

    def answer(self, person: int, number: int, at: datetime, answers: object) -> str:
        """A survey: its pay is earned at once and due by the calendar after the answer."""
        place, today = self.places[person], day_of(at)
        if place is None or today < place.terms.accepted_on:
            return "not_participating"
        if place.revoked_at is not None:
            return "revoked"
        if place.closed_at is not None:
            return "year_closed"
        if not 1 <= number <= place.terms.survey_count:
            return "survey_unknown"
        opens_on = self._opens_on(place, number, at)
        if opens_on is None or opens_on > today:
            return "survey_not_open"
        if number in place.answers:
            return REPEATED if place.answers[number] == answers else "already_answered"
        place.answers[number] = answers
        place.earned["survey", number] = Earned(place.terms.survey_rupiah, pay_on(today, 1), at)
        return DONE

    def _opens_on(self, place: Place, number: int, at: datetime) -> date | None:
        """1: thirty days after acceptance; 2: the second instalment is there; 3: the last one, and the balance over."""
        if not any(purchase.bought_at <= at for purchase in place.purchases.values()):
            return None
        if number == 1:
            return place.terms.accepted_on + timedelta(days=30)
        last = place.terms.incentive_count
        waits_for = min(2, last) if number == 2 else last
        arrived = sorted(day_of(since) for since in place.arrived_at.get(waits_for, ()) if since <= at)
        if waits_for <= place.paid_before_count and place.opened_at:
            arrived = [day_of(place.opened_at)]
        if not arrived:
            return None
        return arrived[0] if number == 2 else max(arrived[0], place.terms.ends_on + timedelta(days=1))

    # Payout runs

    def earned(self, one: Instalment) -> Earned:
        person, kind, number = one
        place = self.places[person]
        assert place is not None
        return place.earned[kind, number]

    def due(self, planned_for: date) -> list[Instalment]:
        """What a run planned for that day pays: earned, due, on no other list, to a verified account."""
        return [
            (person, kind, number)
            for person, place in self.those()
            for (kind, number), earned in place.earned.items()
            if earned.pay_on <= planned_for
            and self.accounts[person]
            and (kind, number) not in place.lapsed
            and not (place.revoked_at and place.revoked_at < earned.earned_at)
            and not any(run.is_live((person, kind, number)) for run in self.runs)
            and not any((person, kind, number) in run.in_question for run in self.runs)
        ]

    def plan(self, planned_for: date, officer: int, at: datetime) -> str:
        if planned_for > day_of(at) + timedelta(days=PLAN_AHEAD_DAYS):
            return "payout_planned_too_far_ahead"
        lines = self.due(planned_for)
        if not lines:
            return "payout_nothing_due"
        self.runs.append(Run(officer, {one: [] for one in lines}))
        return DONE

    @staticmethod
    def approve(run: Run, officer: int) -> str:
        if run.state == "cancelled":
            return "payout_run_cancelled"
        if run.state != "planned":
            return "payout_run_already_approved"
        if officer == run.planner:
            return "payout_run_same_person"
        run.state = "approved"
        return DONE

    @staticmethod
    def cancel(run: Run) -> str:
        if run.state in ("exported", "cancelled"):
            return f"payout_run_{run.state}"
        run.state = "cancelled"
        return DONE

    def export(self, run: Run, at: datetime) -> str:
        if run.state == "exported":
            return REPEATED
        if run.state in ("planned", "cancelled"):
            return "payout_run_not_approved" if run.state == "planned" else "payout_run_cancelled"
        run.state = "exported"
        for one in run.told:
            self.move(one[0], 4, COMMITTED[one[1]], TRANSIT, self.earned(one).rupiah, at)
        return DONE

    def settle(self, run: Run, said: dict[Instalment, str], at: datetime) -> str:
        """What the partner says, line by line: what does not fit is told, and moves nothing. A file is taken once."""
        file = tuple(said.items())
        if file in run.files:
            return REPEATED
        run.files.add(file)
        if run.state != "exported":
            return "unknown_reference"
        troubles = set()
        # What counts as paid when the file comes: its own lines do not add to it.
        paid = {one[0]: place.held[PAID] for one in said if (place := self.places[one[0]]) is not None}
        for one, answer in said.items():
            if trouble := self._trouble_with(one, run.told[one], answer, paid):
                troubles.add(trouble)
                if trouble == "contradiction":
                    run.in_question.add(one)
            elif answer not in run.told[one]:
                # What comes back was paid before.
                for each in ("settled", answer) if answer == "returned" and not run.told[one] else (answer,):
                    run.told[one].append(each)
                    self._book(one, each, at)
        return " ".join(sorted(troubles)) or DONE

    def _trouble_with(self, one: Instalment, told: list[str], answer: str, paid: dict[int, int]) -> str:
        if answer in told or not told:
            return ""
        if answer != "returned" or told != ["settled"]:
            return "contradiction"
        place, rupiah = self.places[one[0]], self.earned(one).rupiah
        if place is None or not place.clawed_back_at:
            return ""
        # As much comes back as counts as paid: nothing while it is asked back, the rest since that was withdrawn.
        if rupiah > paid[one[0]]:
            return "clawed_back"
        paid[one[0]] -= rupiah
        return ""

    def _book(self, one: Instalment, answer: str, at: datetime) -> None:
        person, kind, number = one
        place, rupiah = self.places[person], self.earned(one).rupiah
        assert place is not None
        reason, debit, credit = {
            "settled": (5, TRANSIT, PAID),
            "rejected": (6, TRANSIT, COMMITTED[kind]),
            "returned": (12, PAID, COMMITTED[kind]),
            "reversed": (13, PAID, COMMITTED[kind]),
        }[answer]
        self.move(person, reason, debit, credit, rupiah, at)
        if answer == "settled" and kind == "incentive":
            place.arrived_at.setdefault(number, []).append(at)

    def reverse(self, run: Run, one: Instalment, at: datetime) -> str:
        """The programme takes a payment back."""
        told, place = run.told[one], self.places[one[0]]
        if "settled" not in told:
            return "payout_not_paid"
        if told[-1] != "settled":
            return REPEATED if told[-1] == "reversed" else "payout_back_already"
        if place is not None and place.clawed_back_at and self.earned(one).rupiah > place.held[PAID]:
            return "payout_clawed_back"
        told.append("reversed")
        self._book(one, "reversed", at)
        return DONE
