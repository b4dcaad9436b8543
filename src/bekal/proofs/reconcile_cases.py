"""Twelve ways to spoil a partner's papers. Each gives what is delivered instead: the true papers, the spoilt ones."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from bekal.proofs.reconcile_oracle import REJECTED, RETURNED, SETTLED, Paper
from bekal.proofs.reconcile_world import BANK, REASONS, WALLET, Desk, before_returns, still_out
from bekal.simulation.bank.books import Booked


@dataclass(frozen=True, slots=True)
class Wording:
    """How a paper was written, so that it can be written again with something else in it."""

    form: str
    partner: str
    lines: tuple[Booked, ...]
    day: date
    is_old: bool = False


@dataclass(slots=True)
class Case:
    """One case: the people it has to itself, the bank that speaks of them, and what it delivers."""

    desk: Desk
    rng: random.Random
    references: Sequence[str]
    yesterday: "tuple[Desk, Sequence[str], Sequence[Paper]]"

    def wordings(self, *, has_return: bool = False) -> list[Wording]:
        """True papers of both partners: of the day of payment, of what came back, and some of the days' statements.
        One payment in three cases is left out of everything but the statement."""
        found = []
        for partner in (BANK, WALLET):
            settled = [one.reference for one in self._booked(partner) if one.state == SETTLED]
            if settled and (has_return or self.rng.random() < 0.5):
                self.desk.give_back(partner, self.rng.choice(settled))
            found += self._of_partner(partner)
        return [each for each in found if each.lines]

    def everything(self) -> list[Wording]:
        """All payments of the day as they were, of both partners."""
        forms = {BANK: "pain.002", WALLET: "csv"}
        return [
            Wording(form, partner, tuple(before_returns(self._booked(partner))), self.desk.run.day)
            for partner, form in forms.items()
        ]

    def _booked(self, partner: str) -> list[Booked]:
        return self.desk.lines(partner, self.references)

    def _of_partner(self, partner: str) -> list[Wording]:
        lines, day, back_on = tuple(self._booked(partner)), self.desk.run.day, self.desk.back_on
        told = tuple(before_returns(lines))
        if self.rng.random() < 0.3:
            told = tuple(one for one in told if one is not told[0])
        paid = tuple(one for one in told if one.state == SETTLED)
        back = tuple(one for one in lines if one.state == RETURNED)
        is_old = self.rng.random() < 0.3
        if partner == WALLET:
            found = [Wording("csv", partner, told, day), Wording("csv", partner, back, day)]
        else:
            found = [
                Wording("pain.002", partner, tuple(still_out(told)), day, is_old),
                Wording("pain.002", partner, told, day, is_old),
                Wording("camt.054", partner, paid, day, is_old),
                Wording("camt.054", partner, back, back_on, is_old),
            ]
            found = [each for each in found if each.lines and self.rng.random() < 0.8] or found[1:2]
        if self.rng.random() < 0.5:
            form = self.rng.choice(("camt.053", "mt940"))
            moved = tuple(one for one in lines if one.state in (SETTLED, RETURNED))
            found += [Wording(form, partner, moved, day), Wording(form, partner, back, back_on)]
        return found

    def write(self, wording: Wording, *, lines: Sequence[Booked] | None = None, is_whole: bool = True) -> Paper:
        chosen = wording.lines if lines is None else lines
        return self.desk.write(
            wording.form, wording.partner, chosen, wording.day, is_old=wording.is_old, is_whole=is_whole
        )


Delivered = list[Paper]
Corruption = Callable[[Case], Delivered]


def _with_target(case: Case, *, forms: Sequence[str] = ()) -> tuple[Wording, Delivered, Paper]:
    """One of the papers, the others, and that one as it should be."""
    wordings = case.wordings()
    able = [each for each in wordings if not forms or each.form in forms] or wordings
    target = case.rng.choice(able)
    return target, [case.write(each) for each in wordings if each is not target], case.write(target)


def _later(case: Case, true: Paper) -> Delivered:
    """Half of the partners send the whole one, too."""
    return [true] if case.rng.random() < 0.5 else []


def cut(case: Case) -> Delivered:
    _, others, true = _with_target(case)
    length = len(true.content) * case.rng.randint(2, 80) // 100
    short = replace(true, name=f"cut-{true.name}", content=true.content[:length], said=(), is_whole=False)
    return [*others, short, *_later(case, true)]


def line_twice(case: Case) -> Delivered:
    """The wallet's file may name a payment once; the others add up with it, and only repeat."""
    target, others, true = _with_target(case)
    lines = list(target.lines)
    lines.insert(case.rng.randrange(len(lines) + 1), case.rng.choice(lines))
    return [*others, case.write(target, lines=lines, is_whole=target.form != "csv"), *_later(case, true)]


def file_twice(case: Case) -> Delivered:
    _, others, true = _with_target(case)
    return [*others, true, replace(true, name=f"again-{true.name}"), true]


def of_yesterday(case: Case) -> Delivered:
    """The very file, and the same lines in a new one."""
    desk, references, papers = case.yesterday
    form, partner = case.rng.choice((("pain.002", BANK), ("camt.054", BANK), ("mt940", BANK), ("csv", WALLET)))
    again = desk.write(form, partner, desk.lines(partner, references), desk.run.day)
    return [*(case.write(each) for each in case.wordings()), case.rng.choice(list(papers)), again]


def _bent(case: Case, bend: Callable[[Booked, Sequence[Booked]], Booked]) -> Delivered:
    """One line says something else; sums and hash are right."""
    target, others, true = _with_target(case)
    lines = list(target.lines)
    place = case.rng.randrange(len(lines))
    lines[place] = bend(lines[place], target.lines)
    twice = len({one.reference for one in lines}) < len(lines)
    return [
        *others,
        case.write(target, lines=lines, is_whole=not (twice and target.form == "csv")),
        *_later(case, true),
    ]


def amount_changed(case: Case) -> Delivered:
    by = case.rng.choice((-1, 1, 7, -599_000, 5_400_000))
    return _bent(case, lambda line, _: replace(line, amount=line.amount + by))


def reference_of_another(case: Case) -> Delivered:
    """Of the same partner, for the same amount: what names the account gives it away, and else nobody can tell, until
    everything is told as it was."""

    def bend(line: Booked, lines: Sequence[Booked]) -> Booked:
        everybody = case.desk.lines(WALLET if line.number.startswith("08") else BANK, case.references)
        others = [one.reference for one in everybody if one.reference != line.reference]
        return replace(line, reference=case.rng.choice(others))

    return [*_bent(case, bend), *(case.write(each) for each in case.everything())]


def reference_unknown(case: Case) -> Delivered:
    reference = f"BKL{case.rng.randrange(10**13):013d}9A01"
    return _bent(case, lambda line, _: replace(line, reference=reference))


def flipped(case: Case) -> Delivered:
    """A second file says the contrary: what was paid is rejected, or the other way round."""
    target, others, true = _with_target(case, forms=("csv", "pain.002"))
    flip = {SETTLED: REJECTED, REJECTED: SETTLED, RETURNED: REJECTED, "pending": REJECTED}
    lines = list(target.lines)
    place = case.rng.randrange(len(lines))
    state = flip[lines[place].state]
    reason = case.rng.choice(REASONS) if state == REJECTED else ""
    lines[place] = replace(lines[place], state=state, reason=reason)
    return [*others, true, case.write(target, lines=lines)]


def returned_first(case: Case) -> Delivered:
    """What came back is told before it was told as paid."""
    wordings = case.wordings(has_return=True)
    papers = [case.write(each) for each in wordings]
    return sorted(papers, key=lambda paper: not any(one.state == RETURNED for one in paper.said))


# The numbers that a file says of itself, by its form: what has to be there once more, changed by one.
TOTALS = {
    "csv": (rb"(TRAILER,)(\d+)", rb"(TRAILER,\d+,)(\d+)"),
    "pain.002": (rb"(<OrgnlNbOfTxs>)(\d+)", rb"(<OrgnlCtrlSum>)(\d+)"),
    "camt.054": (rb"(<TtlNtries><NbOfNtries>)(\d+)", rb"(<TtlDbtNtries><NbOfNtries>\d+</NbOfNtries><Sum>)(\d+)"),
    "camt.053": (rb"(<TtlNtries><NbOfNtries>)(\d+)", rb'(<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="IDR">)(\d+)'),
    "mt940": (rb"(:60F:C\d{6}IDR)(\d+)", rb"(:62F:C\d{6}IDR)(\d+)"),
}


def miscounted(case: Case) -> Delivered:
    """A report that counts our file otherwise is believed line by line, and asked about; all else is no whole file."""
    target, others, true = _with_target(case)
    pattern = case.rng.choice(TOTALS[target.form])
    content = re.sub(pattern, lambda found: found[1] + b"%d" % (int(found[2]) + 1), true.content, count=1)
    if content == true.content:
        raise RuntimeError(f"nothing to miscount in {true.name}")
    is_report = target.form == "pain.002"
    said = true.said if is_report else ()
    wrong = replace(true, content=content, said=said, is_whole=is_report, miscounts=is_report)
    return [*others, wrong, *_later(case, true)]


def of_other_partner(case: Case) -> Delivered:
    target, others, true = _with_target(case)
    other = WALLET if target.partner == BANK else BANK
    return [*others, replace(true, partner=other), *_later(case, true)]


def generations_mixed(case: Case) -> Delivered:
    """Both generations say the same."""
    papers = []
    for each in case.wordings():
        papers += [case.write(each), case.write(replace(each, is_old=not each.is_old))]
    return papers


CORRUPTIONS: Mapping[str, Corruption] = {
    "a file that was cut": cut,
    "a line twice": line_twice,
    "a file twice": file_twice,
    "a file of yesterday": of_yesterday,
    "another amount": amount_changed,
    "the reference of another": reference_of_another,
    "a reference of nobody": reference_unknown,
    "a second file with the contrary": flipped,
    "returned before it was paid": returned_first,
    "a wrong count or sum": miscounted,
    "the file of the other partner": of_other_partner,
    "old and new generations": generations_mixed,
}
