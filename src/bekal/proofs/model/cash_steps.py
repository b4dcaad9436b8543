"""Payout runs and the clock."""

from datetime import date, datetime, time, timedelta

from bekal.proofs.model.cash import Instalment, Run
from bekal.proofs.model.days import JAKARTA, day_of
from bekal.proofs.model.steps import Steps


class CashSteps(Steps):
    """Steps about cash and time."""

    def plan(self, officer: int, days: int = 0) -> str:
        planned_for = day_of(self.at) + timedelta(days=days)
        return self.step(
            "plan",
            f"officer {officer} plans a run for {planned_for}",
            lambda: self._planned(planned_for, officer),
            lambda: self._model_planned(planned_for, officer),
        )

    def _planned(self, planned_for: date, officer: int) -> tuple[str, dict[Instalment, int]]:
        answer = self.house.plan(planned_for, officer, self.at)
        lines = self.house.references[-1] if answer == "done" else {}
        return answer, {one: rupiah for one, (_, rupiah) in lines.items()}

    def _model_planned(self, planned_for: date, officer: int) -> tuple[str, dict[Instalment, int]]:
        answer = self.memory.plan(planned_for, officer, self.at)
        lines = self.memory.runs[-1].told if answer == "done" else {}
        return answer, {one: self.memory.earned(one).rupiah for one in lines}

    def a_run(self, number: int) -> tuple[int, Run] | None:
        """Runs are counted from the newest back."""
        if not self.memory.runs:
            return None
        index = len(self.memory.runs) - 1 - number % len(self.memory.runs)
        return index, self.memory.runs[index]

    def approve(self, number: int, officer: int) -> None:
        if found := self.a_run(number):
            index, run = found
            self.step(
                "approve",
                f"officer {officer} approves run {index}",
                lambda: self.house.approve(index, officer, self.at),
                lambda: self.memory.approve(run, officer),
            )

    def cancel(self, number: int, officer: int) -> None:
        if found := self.a_run(number):
            index, run = found
            self.step(
                "cancel",
                f"officer {officer} cancels run {index}",
                lambda: self.house.cancel(index, officer, self.at),
                lambda: self.memory.cancel(run),
            )

    def export(self, number: int) -> None:
        if found := self.a_run(number):
            index, run = found
            self.step(
                "export",
                f"run {index} is exported",
                lambda: self.house.export(index, self.at),
                lambda: self._model_exported(run),
            )

    def _model_exported(self, run: Run) -> tuple[str, int]:
        answer = self.memory.export(run, self.at)
        total_rupiah = sum(self.memory.earned(one).rupiah for one in run.told)
        return answer, total_rupiah if run.state == "exported" else 0

    def settle(self, number: int, answers: tuple[str, ...]) -> None:
        """The partner answers the run's lines in order; "" leaves one unanswered, what is left over is settled."""
        found = self.a_run(number)
        if found is None:
            return
        index, run = found
        padded = (*answers, *["settled"] * len(run.told))
        said = {one: answer for one, answer in zip(sorted(run.told), padded, strict=False) if answer}
        if said:
            self._take_file(index, run, said)

    def send_back(self, number: int, line: int) -> None:
        """The bank sends a payment back, or says so of one that was not made."""
        found = self.a_run(number)
        if found is not None and found[1].told:
            self._take_file(*found, {self.a_payment(found[1], line): "returned"})

    @staticmethod
    def a_payment(run: Run, line: int) -> Instalment:
        """One that was paid and not brought back; any where there is none, and now and then."""
        paid = [one for one, told in run.told.items() if told == ["settled"]]
        ones = sorted(paid if paid and line % 7 else run.told)
        return ones[line % len(ones)]

    def _take_file(self, index: int, run: Run, said: dict[Instalment, str]) -> None:
        told = ", ".join(f"{kind} {n} of person {person} {said[person, kind, n]}" for person, kind, n in said)
        self.step(
            "settle",
            f"the partner answers run {index}: {told}",
            lambda: self.house.settle(index, said, self.at),
            lambda: self.memory.settle(run, said, self.at),
        )

    def reverse(self, number: int, line: int) -> None:
        """The programme takes one payment of a run back."""
        found = self.a_run(number)
        if found is None or not found[1].told:
            return
        index, run = found
        one = self.a_payment(run, line)
        self.step(
            "reverse",
            f"the programme takes back {one[1]} {one[2]} of person {one[0]}, paid with run {index}",
            lambda: self.house.reverse(index, one, self.at),
            lambda: self.memory.reverse(run, one, self.at),
        )

    # Time

    def start(self, at: datetime, *, wanders: bool) -> None:
        """The first instant of an example; `wanders`: its clock may be set back."""
        self.at, self.wanders = at, wanders

    def move_clock(self, by: timedelta, *, back: bool = False) -> None:
        """On by that much, or back by it where this clock wanders."""
        self.go_to(self.at - by if back and self.wanders else self.at + by)

    def go_to(self, at: datetime) -> None:
        """To that instant; a clock that does not wander stays where it is beyond it already."""
        at = at if self.wanders else max(at, self.at)
        self.was_set_back = self.was_set_back or (at < self.at and bool(self.memory.those()))
        self.at = at
        self.story.append(f"the clock shows {at:%Y-%m-%d %H:%M:%S}")

    def days_of_payment(self) -> list[date]:
        """Those ahead on which something that was earned is paid."""
        days = {earned.pay_on for _, place in self.memory.those() for earned in place.earned.values()}
        return sorted(day for day in days if day > day_of(self.at))

    def go_to_next_payment(self) -> None:
        if ahead := self.days_of_payment():
            self.go_to(datetime.combine(ahead[0], time(9), tzinfo=JAKARTA))

    def dates_ahead(self) -> list[date]:
        """The days on which something is decided: last days, the days after them, days of payment."""
        days = set[date]()
        for _, place in self.memory.those():
            for last_on in (place.terms.due_on, place.terms.ends_on, place.terms.earning_ends_on):
                days |= {last_on, last_on + timedelta(days=1)}
            days |= {earned.pay_on for earned in place.earned.values()}
        today = day_of(self.at)
        return sorted(day for day in days if day > today)

    def go_to_next_date(self, number: int, end_of_day: bool) -> None:
        """To the first or the last second of a day that decides something; a week on where there is none."""
        ahead = self.dates_ahead()
        day = ahead[number % len(ahead)] if ahead else day_of(self.at) + timedelta(days=7)
        self.go_to(datetime.combine(day, time(23, 59, 59) if end_of_day else time(0, 0), tzinfo=JAKARTA))

    def again(self) -> None:
        """The very same call once more, whenever that is."""
        if self.last_step is not None:
            _, sentence, verb, model = self.last_step
            self.step("again", f"again: {sentence}", verb, model)
