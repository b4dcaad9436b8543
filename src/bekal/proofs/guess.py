"""Guess one-time codes and redeem codes as a thief would, and count what gives way.

A thief holds many accounts and asks for a code on each; no code is seen, all are guessed, five tries each, hour after
hour, with rivals at the edge of the hour's budget. Redeem codes are guessed as a whole, and as the neighbours of true
ones, and by the keys of many partners over both generations of their API, day after day. Verbs without their limits
are planted in the same harness, and must be noticed.
"""

import random
import threading
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from django.core.management.base import CommandError
from django.db import connection, connections

from bekal.messaging import confirm_codes as confirming
from bekal.messaging.confirm_codes import CodeAttempt, confirm_codes
from bekal.messaging.issue_codes import CodeRequest, IssuedCode, issue_codes
from bekal.messaging.models import Channel
from bekal.messaging.one_time_codes import ATTEMPT_COUNT, FAILURES_AN_HOUR, HOUR
from bekal.messaging.refusals import CodeRefusal
from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.guess_partners import PARTNERS_PLANTED, PartnerGuesses, guess_as_partners
from bekal.proofs.guess_redeem import RedeemGuesses, guess_redeem_codes
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import write_result
from bekal.proofs.scratch import scratch_database
from bekal.proofs.small_world import World, jakarta
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar

TRIES, FULL_TRIES = 10_000, 1_000_000
TRIES_AN_HOUR = 5_000
BATCH_COUNT = 200
RIVAL_COUNT = 8
STARTED_AT = jakarta(2020, 6, 1)
COMPARED = {CodeRefusal.CODE_WRONG, None}
# A guess is right once in a million: three or more right ones among the thousand of an hour's budget are no luck, but
# come once in 6 x 10^9 hours.
LUCK_AN_HOUR = 2


@dataclass(slots=True)
class Guess:
    """What was tried and found."""

    seed: int
    tries: int = 0
    hours: int = 0
    account_count: int = 0
    compared: int = 0
    opened: int = 0
    most_compared_in_an_hour: int = 0
    overshoot_of_rivals: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    redeem: RedeemGuesses = field(default_factory=RedeemGuesses)
    partners: PartnerGuesses = field(default_factory=PartnerGuesses)
    planted: dict[str, str | None] = field(default_factory=dict)  # name -> what gave it away
    violations: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        noticed = bool(self.planted) and None not in self.planted.values()
        tried = min(self.tries, self.redeem.tries, self.partners.tries) > 0
        return tried and not self.violations and noticed


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tries", type=whole_number(1_000), metavar="N", help=f"guesses (default {TRIES:,})")
    parser.add_argument("--full", action="store_true", help=f"{FULL_TRIES:,} guesses")
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where no limit gave way and every planted verb without one was noticed."""
    if options["tries"] and options["full"]:
        raise CommandError("--tries and --full both say how many guesses: leave one of them out")
    guess = Guess(seed_of(options))
    prove_guess(guess, tries=options["tries"] or (FULL_TRIES if options["full"] else TRIES))
    stdout.write(heading("guess", seed=guess.seed, tries=guess.tries, accounts=guess.account_count))
    for line in lines_of(guess):
        stdout.write(line)
    write_result(options.get("result"), asdict(guess))
    return 0 if guess.holds else 1


def prove_guess(guess: Guess, *, tries: int) -> None:
    """So many guesses at one-time codes, as many at redeem codes, in a database of their own."""
    rng = random.Random(guess.seed)
    with scratch_database("guess"):
        # First: once the budget of an hour is spent, honest people's codes wait, too.
        world = World()
        guess.redeem = guess_redeem_codes(world, tries=tries, rng=rng)
        guess.partners = guess_as_partners(world, rng)
        for name, uncounted in PARTNERS_PLANTED.items():
            with uncounted():
                guess.planted[name] = next(iter(guess_as_partners(world, rng).violations), None)
        guess.violations += [*guess.redeem.violations, *guess.partners.violations]
        _rivals(guess)
        _one_time_codes(guess, tries, rng)
        for name, without in PLANTED.items():
            guess.planted[name] = _noticed(guess, without, rng)


def _one_time_codes(guess: Guess, tries: int, rng: random.Random) -> None:
    """Hour after hour: a code on every account, then five guesses at each."""
    guess.account_count = min(tries, TRIES_AN_HOUR) // ATTEMPT_COUNT
    refused: Counter[str] = Counter()
    with Bar(tries, "guesses") as bar:
        while guess.tries < tries:
            at = STARTED_AT + guess.hours * (HOUR + timedelta(minutes=1))
            count = min(TRIES_AN_HOUR, tries - guess.tries)
            hour = _hour(range(1, guess.account_count + 1), count, at, rng)
            compared = hour.compared
            if compared > FAILURES_AN_HOUR + hour.opened:
                guess.violations.append(f"hour {guess.hours + 1}: {compared} guesses were compared")
            if hour.opened > LUCK_AN_HOUR:
                guess.violations.append(f"hour {guess.hours + 1}: {hour.opened} codes were guessed")
            guess.violations += hour.violations
            guess.tries += count
            guess.hours += 1
            guess.compared += compared
            guess.opened += hour.opened
            guess.most_compared_in_an_hour = max(guess.most_compared_in_an_hour, compared)
            refused.update(hour.refused)
            bar.update(count)
    guess.refused = dict(refused)


@dataclass(slots=True)
class _Hour:
    """What one hour of guessing gave."""

    compared: int = 0
    opened: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def _hour(holders: Sequence[int], count: int, at: datetime, rng: random.Random) -> _Hour:
    """`count` guesses over the holders in turn; after its fifth wrong one a code must not open to the right one."""
    issued = _issue(holders, at)
    hour = _Hour()
    wrong: Counter[int] = Counter()
    for start in range(0, count, BATCH_COUNT):
        guessed = [
            CodeAttempt(holders[number % len(holders)], _subject(at), f"{rng.randrange(1_000_000):06d}")
            for number in range(start, min(start + BATCH_COUNT, count))
        ]
        moment = at + timedelta(minutes=9) * (start / count)
        for attempt, outcome in zip(guessed, confirm_codes(attempts=guessed, at=moment), strict=True):
            code = outcome.refusal.code if outcome.refusal else None
            hour.refused[str(code or "opened")] += 1
            hour.compared += code in COMPARED
            hour.opened += code is None
            wrong[attempt.holder_id] += code == CodeRefusal.CODE_WRONG
    spent = [holder for holder in holders if wrong[holder] >= ATTEMPT_COUNT][:BATCH_COUNT]
    right = [CodeAttempt(holder, _subject(at), issued[holder].code) for holder in spent]
    for outcome in confirm_codes(attempts=right, at=at + timedelta(minutes=9)):
        if outcome.refusal is None:
            hour.violations.append("a code opened after its five wrong tries")
    if any(number > ATTEMPT_COUNT for number in wrong.values()):
        hour.violations.append(f"a code was compared {max(wrong.values())} times")
    return hour


def _subject(at: datetime) -> str:
    return f"buy:1:{at:%Y%m%d%H%M}"


def _issue(holders: Sequence[int], at: datetime) -> dict[int, IssuedCode]:
    requests = [CodeRequest(holder, _subject(at), Channel.SMS, "Pelatihan, Rp300.000") for holder in holders]
    return {each.holder_id: each for each in issue_codes(requests=requests, at=at) if isinstance(each, IssuedCode)}


def _rivals(guess: Guess) -> None:
    """Guessers on threads of their own when almost nothing of the hour is left: each may overshoot by one."""
    at = STARTED_AT - timedelta(days=2)
    holders = range(1, FAILURES_AN_HOUR // ATTEMPT_COUNT + 1)
    issued = _issue([*holders, *_rival_holders()], at)
    left = FAILURES_AN_HOUR - 1
    spent = [CodeAttempt(holders[number % len(holders)], _subject(at), "") for number in range(left)]
    wrong = [CodeAttempt(one.holder_id, one.subject, _other_than(issued[one.holder_id].code)) for one in spent]
    confirm_codes(attempts=wrong, at=at)
    before = _failures()
    barrier, connection_closers = threading.Barrier(RIVAL_COUNT), []

    def compete(holder_id: int) -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait()
            code = _other_than(issued[holder_id].code)
            for _ in range(ATTEMPT_COUNT):
                confirm_codes(attempts=[CodeAttempt(holder_id, _subject(at), code)], at=at)
        finally:
            connections.close_all()

    for holder_id in _rival_holders():
        thread = threading.Thread(target=compete, args=[holder_id])
        connection_closers.append(thread)
        thread.start()
    for thread in connection_closers:
        thread.join()
    guess.overshoot_of_rivals = _failures() - before - 1
    if guess.overshoot_of_rivals > RIVAL_COUNT:
        guess.violations.append(f"{RIVAL_COUNT} rivals overshot the budget by {guess.overshoot_of_rivals}")


def _rival_holders() -> range:
    return range(1_000_001, 1_000_001 + RIVAL_COUNT)


def _other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def _failures() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(%s - attempts_left), 0) FROM messaging_onetimecode", [ATTEMPT_COUNT])
        return int(cursor.fetchone()[0])


@contextmanager
def _without_the_budget() -> Iterator[None]:
    with mock.patch.object(confirming, "FAILURES_AN_HOUR", 10**9):
        yield


@contextmanager
def _without_the_count_of_tries() -> Iterator[None]:
    with mock.patch.object(confirming, "_store_attempts_left", lambda left: None):
        yield


PLANTED: dict[str, Callable[[], Any]] = {
    "no budget over everybody": _without_the_budget,
    "wrong tries are not stored": _without_the_count_of_tries,
}


def _noticed(guess: Guess, without: Callable[[], Any], rng: random.Random) -> str | None:
    """What gives a verb without this limit away, in one hour of guessing; None where nothing does."""
    # After everything else: the budget counts whatever was issued since an hour before.
    at = STARTED_AT + (guess.hours + 2 * (len(guess.planted) + 1)) * (HOUR + timedelta(minutes=1))
    count = FAILURES_AN_HOUR + ATTEMPT_COUNT * 100
    with without():
        hour = _hour(range(2_000_001, 2_000_001 + count // (ATTEMPT_COUNT + 1)), count, at, rng)
    if hour.violations:
        return hour.violations[0]
    allowed = FAILURES_AN_HOUR + hour.opened
    return f"{hour.compared} guesses were compared in an hour" if hour.compared > allowed else None


def lines_of(guess: Guess) -> Iterator[str]:
    """What the report says, below its heading."""
    yield (
        f"one-time codes: {guess.tries:,} guesses in {guess.hours:,} hours, {guess.compared:,} compared "
        f"(at most {guess.most_compared_in_an_hour:,} in one hour), {guess.opened:,} right by luck, one in a million"
    )
    yield "answers: " + ", ".join(f"{count:,} {code}" for code, count in sorted(guess.refused.items()))
    yield f"{RIVAL_COUNT} rivals at the edge of the budget overshot it by {guess.overshoot_of_rivals}"
    yield (
        f"redeem codes: {guess.redeem.tries:,} guesses at {guess.redeem.code_count:,} codes, {guess.redeem.found:,} "
        f"found; {guess.redeem.bits:.0f} bits; {bound(guess.redeem.tries)}"
    )
    partners = guess.partners
    yield (
        f"partners' keys: {partners.key_count:,} keys over {partners.days:,} days, {partners.tries:,} guesses, "
        f"{partners.told:,} told how a code stands (at most {partners.most_told_a_key:,} to a key until it is lifted)"
    )
    for name, told in guess.planted.items():
        yield f"planted, {name}: {told or 'NOT NOTICED'}"
    for violation in guess.violations[:20]:
        yield f"VIOLATED: {violation}"
    yield "holds" if guess.holds else "does NOT hold"
