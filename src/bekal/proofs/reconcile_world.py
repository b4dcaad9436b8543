"""Two runs sent over rails, and a bank in this process that books them: one was answered yesterday, one waits."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count

from bekal.accounts.privacy import decrypt
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import Exported, export_payout_run
from bekal.incentives.house_rails import Account, Form, Rail
from bekal.incentives.models import Entitlement, Payout
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.settle_payouts import settle_payouts
from bekal.participants.models import Participation
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.proofs import small_world
from bekal.proofs.reconcile_oracle import ACCEPTED, REJECTED, RETURNED, SETTLED, Ordered, Paper, Said
from bekal.simulation.bank import answers
from bekal.simulation.bank.bank import ACCOUNT, Bank
from bekal.simulation.bank.books import Booked, Books

BANK, WALLET = "bni", "linkaja"
BANK_COUNT, WALLET_COUNT = 4, 3
"""So many people of each case are paid over files of ISO 20022, and over the wallet's CSV."""
REASONS = ("AC04", "AC06", "BE01", "AM14")
RAILS = {
    BANK: Rail(BANK, Form.PAIN_001, None, None, Account("Manajemen Pelaksana", ACCOUNT, "BNINIDJA"), "BNINIDJA"),
    WALLET: Rail(WALLET),
}
GENERATIONS = {
    "pain.002": (answers.PAIN_002, answers.PAIN_002_OLD),
    "camt.054": (answers.CAMT_054, answers.CAMT_054_OLD),
    "camt.053": (answers.CAMT_053, answers.CAMT_053_OLD),
}
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """One run that has left: its day, what was ordered by reference, and its files by partner."""

    day: date
    ordered: dict[str, Ordered]
    groups: tuple[tuple[str, ...], ...]  # the references of the people of each case
    files: dict[str, tuple[str, str, bytes]]  # partner -> name of the message, name of the file, content


class World:
    """So many groups of people, paid once already, and the second instalment is under way."""

    def __init__(self, group_count: int) -> None:
        self.small = small_world.World()
        people = self.small.accept(group_count * (BANK_COUNT + WALLET_COUNT))
        self._groups = [tuple(people[place::group_count]) for place in range(group_count)]
        self._give_accounts({one for group in self._groups for one in group[:WALLET_COUNT]})
        (training_id,) = self.small.trainings(1, price_rupiah=500_000)
        self.small.earn(people, training_id)
        days = sorted(set(Entitlement.objects.order_by("payment_on").values_list("payment_on", flat=True)))
        self.before = self._send(days[0])
        self.yesterdays = tuple(self._answer(self.before))
        self.now = self._send(days[1])

    @property
    def ordered(self) -> dict[str, Ordered]:
        return self.before.ordered | self.now.ordered

    @property
    def files(self) -> dict[str, str]:
        """Our files by the name that stands in them, and who has each."""
        runs = (self.before, self.now)
        return {file[0]: partner for run in runs for partner, file in run.files.items()}

    def _give_accounts(self, wallet_ids: set[int]) -> None:
        """Everybody's first account: a wallet, or one at the bank."""
        ids = [one for group in self._groups for one in group]
        rows = Participation.objects.filter(pk__in=ids).order_by("pk")
        accounts = [
            NewAccount(person, WALLET, f"0813{person:08d}", name)
            if participation_id in wallet_ids
            else NewAccount(person, BANK, f"{person:010d}", name)
            for participation_id, person, name in rows.values_list("pk", "participant_id", "participant__full_name")
        ]
        for outcome in set_payout_accounts(accounts=accounts, at=small_world.REGISTERED_AT):
            if not outcome.verified:
                raise RuntimeError(f"the world of reconcile could not be built: {outcome}")

    def _send(self, day: date) -> Sent:
        """Plan, approve and export what is due that day."""
        planner, approver = self.small.officer_ids[:2]
        at = small_world.midnight_of(day) + 8 * HOUR
        planned = plan_payout_run(planned_for=day, officer_id=planner, at=at)
        if planned.run_id is None or planned.list_sha256 is None:
            raise RuntimeError(f"the world of reconcile has nothing to pay: {planned}")
        run_id, sha256 = planned.run_id, planned.list_sha256
        approve_payout_run(run_id=run_id, officer_id=approver, list_sha256=sha256, at=at + HOUR)
        done = export_payout_run(run_id=run_id, at=at + 2 * HOUR, proof_limit=None, rails=RAILS)
        return self._sent(run_id, day, done)

    def _sent(self, run_id: int, day: date, done: Exported) -> Sent:
        columns = (
            "reference",
            "partner",
            "amount_rupiah",
            "account__number_encrypted",
            "entitlement__participation_id",
        )
        rows = list(Payout.objects.filter(run_id=run_id).order_by("reference").values_list(*columns))
        ordered = {
            reference: Ordered(partner, rupiah, decrypt(bytes(number)))
            for reference, partner, rupiah, number, _ in rows
        }
        reference_of = {person: reference for reference, *_, person in rows}
        groups = tuple(tuple(reference_of[one] for one in group) for group in self._groups)
        names = {file.partner: (message_of(file.name, file.content), file.name, file.content) for file in done.files}
        return Sent(day, ordered, groups, names)

    def _answer(self, run: Sent) -> Iterator[Paper]:
        """The bank pays all of a run, and its papers are taken."""
        self.desk_before = bank = Desk(run, random.Random(0), rejected_share=0.0)
        for partner, form in ((BANK, "pain.002"), (BANK, "camt.054"), (WALLET, "csv")):
            paper = bank.write(form, partner, bank.lines(partner, run.ordered), run.day)
            at = small_world.midnight_of(run.day) + 15 * HOUR
            taken = settle_payouts(partner=partner, name=paper.name, content=paper.content, at=at)
            if taken.refusal is not None or taken.opened:
                raise RuntimeError(f"a true paper of the bank is not taken: {taken}")
            yield paper


def message_of(name: str, content: bytes) -> str:
    """By which name a file of ours is known: it stands in it, but for the wallet's, whose name it is."""
    if name.endswith(".csv"):
        return name.removesuffix(".csv")
    return content.partition(b"<MsgId>")[2].partition(b"</MsgId>")[0].decode()


@dataclass(slots=True)
class Desk:
    """The bank with its own books of one run, and whoever writes its papers. `rejected_share`: so many accounts of one
    cannot take their money."""

    run: Sent
    rng: random.Random
    rejected_share: float = 0.25
    books: Books = field(default_factory=lambda: Books(knows_everybody=True))
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        for partner, (_, name, content) in self.run.files.items():
            bank = Bank(self.books, partner)
            self.books.put_in(partner, self.run.day, 10_000_000_000)
            if (why := bank.take_file(name, content)) is not None:
                raise RuntimeError(f"the bank does not take {name}: {why}")
            self._fail(partner)
            bank.work(small_world.midnight_of(self.run.day) + 12 * HOUR)

    def _fail(self, partner: str) -> None:
        for reference, ordered in self.run.ordered.items():
            if ordered.partner == partner and self.rng.random() < self.rejected_share:
                self.books.order_fault(partner, "reject", reference, self.rng.choice(REASONS), 1)

    def give_back(self, partner: str, reference: str) -> bool:
        """Return a payment two days later; whether it had been paid."""
        at = small_world.midnight_of(self.back_on) + 12 * HOUR
        return Bank(self.books, partner).give_back(reference, self.rng.choice(REASONS), self.back_on, at)

    @property
    def back_on(self) -> date:
        return self.run.day + timedelta(days=2)

    def lines(self, partner: str, references: Iterable[str]) -> list[Booked]:
        """What became of these payments, those of that partner."""
        booked = self.books.of_file(partner, self.run.files[partner][0])
        wanted = set(references)
        return [line for line in booked if line.reference in wanted]

    def write(
        self,
        form: str,
        partner: str,
        lines: Sequence[Booked],
        day: date,
        *,
        is_old: bool = False,
        is_whole: bool = True,
    ) -> Paper:
        """A paper of the bank over these lines, in the words of that form."""
        number = next(self._numbers)
        name, at = f"{form[-3:]}{number:06d}", small_world.midnight_of(day) + 18 * HOUR
        generation = GENERATIONS[form][is_old] if form in GENERATIONS else ""
        file, statement = "", ""
        # Each group of people is paid from an account of its own: a statement is of all that moved on one.
        account = f"{min((line.number for line in lines), default=ACCOUNT):0>20}"
        if form == "csv":
            content = answers.csv_statuses(lines)
        elif form == "pain.002":
            file = self.run.files[partner][0]
            received = self.books.received(partner, file)
            if received is None:
                raise RuntimeError(f"the bank has not received {file}")
            original = (file, "pain.001.001.09", received[0], received[1])
            content = answers.report(name, generation, original, lines, at)
        elif form == "camt.054":
            content = answers.notification(name, generation, ACCOUNT, lines, day, at)
        elif form == "camt.053":
            content = answers.statement(name, generation, account, 10_000_000_000, (), lines, day, at)
        else:
            content = answers.mt940(name, account, 10_000_000_000, (), lines, day)
        if form in ("camt.053", "mt940"):
            statement = f"{day} {account}"
        said = tuple(said_by(form, lines, day))
        return Paper(partner, f"{name}.{form}", content, said, is_whole, file, statement=statement)


def said_by(form: str, lines: Sequence[Booked], day: date) -> Iterator[Said]:
    """What a paper of that form says of these lines."""
    if form in ("csv", "pain.002"):
        for line in lines:
            state = ACCEPTED if line.state == "pending" else line.state
            if form == "pain.002" and state == RETURNED:
                state = SETTLED
            if not (form == "csv" and state == ACCEPTED):
                reason = line.reason if state in (REJECTED, RETURNED) else ""
                yield Said(line.reference, line.amount, state, reason, "" if form == "csv" else line.number)
        return
    for line in lines:
        if line.day == day.isoformat() and line.state in (SETTLED, RETURNED):
            yield Said(line.reference, line.amount, SETTLED, "", line.number)
    for line in lines:
        if line.returned_day == day.isoformat():
            yield Said(line.reference, line.amount, RETURNED, line.reason)


def still_out(lines: Sequence[Booked]) -> list[Booked]:
    """The lines as they stood before anything was booked."""
    return [replace(line, state="pending", reason="", returned_day=None) for line in lines]


def before_returns(lines: Sequence[Booked]) -> list[Booked]:
    """The lines as they stood on the day of payment."""
    return [
        replace(line, state=SETTLED, reason="", returned_day=None) if line.state == RETURNED else line for line in lines
    ]
