"""Guesses at redeem codes by partners' own systems: many keys of both generations, day after day, and one key at once.

Whatever a key asks, in whichever generation's words: until an officer lifts it, it is told of twenty codes that they
are nobody's or another institution's, and from then on nothing, its own right code included.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import connections
from django.http import HttpResponse

from bekal.catalogue.models import Institution
from bekal.ledger.clock import set_programme_clock
from bekal.partners.keys import lift_keys, revoke_keys
from bekal.partners.misses import MISS_LIMIT_COUNT
from bekal.partners.models import PartnerKey
from bekal.proofs.guess_redeem import guessed
from bekal.proofs.partner_calls import PartnerSystem, system_of, without_a_word
from bekal.proofs.small_world import REDEEMED_AT, Bought, World

INSTITUTIONS = 5
DAYS = 4
TRIES_A_DAY = 9
RIVALS = 4
TOLD = {"code_not_found", "code_elsewhere", "code_of_another_institution"}
SILENT = {"too_many_misses", "key_suspended"}


@dataclass(slots=True)
class PartnerGuesses:
    """What was tried and found."""

    key_count: int = 0
    days: int = 0
    tries: int = 0
    told: int = 0
    most_told_a_key: int = 0
    violations: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Thief:
    """A key of an institution, the codes it was handed honestly, and what it has been told."""

    generation: int
    system: PartnerSystem
    own: Bought
    told: set[str] = field(default_factory=set)

    def ask(self, redeem_code: str) -> str:
        """How a call about this code ends: a refusal's code, or "answered"."""
        body = {"redeem_code": redeem_code}
        if self.generation == 1:
            answer = self.system.call_v1("payment/redeem-code/status", body=body)
            return str(answer.headers.get("Bekal-Refusal", "answered")) if answer.status_code < 500 else "a fault"
        return _outcome_v2(self.system.call("POST", "/redemptions", body=body))


def guess_as_partners(world: World, rng: random.Random) -> PartnerGuesses:
    """Some days of guessing by the keys of several institutions, then what silence and an officer's lifting are."""
    with without_a_word():
        return _guesses(world, rng)


def _guesses(world: World, rng: random.Random) -> PartnerGuesses:
    guesses = PartnerGuesses()
    set_programme_clock(at=REDEEMED_AT)
    (training,) = world.trainings(1, price_rupiah=100_000)
    others = world.buy([(person, training) for person in world.accept(20)])
    thieves = _thieves(world)
    guesses.key_count = len(thieves)
    for day in range(DAYS):
        set_programme_clock(at=REDEEMED_AT + timedelta(days=day))
        guesses.days += 1
        for _ in range(TRIES_A_DAY):
            for thief in thieves:
                guesses.tries += 1
                code = guessed(others, rng) if rng.random() < 0.8 else rng.choice(others).redeem_code
                if _is_told(guesses, thief, code):  # the same call again is told the same, and nothing new
                    thief.told.add(code)
    guesses.told = sum(len(thief.told) for thief in thieves)
    guesses.most_told_a_key = max(len(thief.told) for thief in thieves)
    if guesses.most_told_a_key > MISS_LIMIT_COUNT:
        guesses.violations.append(f"a key was told {guesses.most_told_a_key} times how a code stands")
    _after_that(guesses, thieves)
    _at_once(guesses, thieves, others, rng)
    _forget(thieves)
    return guesses


def _thieves(world: World) -> list[_Thief]:
    """For each of some institutions a key of each generation, with a purchase of its own."""
    thieves = []
    for _ in range(INSTITUTIONS):
        number = Institution.objects.count() + 1
        institution = Institution.objects.create(code=f"tebak-{number}", name=f"Lembaga Tebak {number}")
        before, world.institution = world.institution, institution
        (training,) = world.trainings(1, price_rupiah=100_000)
        world.institution = before
        own = world.buy([(person, training) for person in world.accept(2)])
        thieves += [
            _Thief(generation, system_of(institution, generation=generation), bought)
            for generation, bought in zip((1, 2), own, strict=True)
        ]
    return thieves


def _is_told(guesses: PartnerGuesses, thief: _Thief, redeem_code: str) -> bool:
    outcome = thief.ask(redeem_code)
    if outcome not in TOLD | SILENT:
        guesses.violations.append(f"v{thief.generation}: a guess ended as {outcome}")
    return outcome in TOLD


def _after_that(guesses: PartnerGuesses, thieves: list[_Thief]) -> None:
    """A suspended key gets no answer to its own right code, and does once an officer has lifted it: twenty more."""
    for thief in thieves:
        if thief.ask(thief.own.redeem_code) not in SILENT:
            guesses.violations.append(f"v{thief.generation}: a suspended key was told about its own code")
        lift_keys(key_ids=[_key_of(thief).pk], at=REDEEMED_AT + timedelta(days=DAYS))
        if thief.ask(thief.own.redeem_code) != "answered":
            guesses.violations.append(f"v{thief.generation}: a right code of a lifted key was not answered")


def _at_once(guesses: PartnerGuesses, thieves: list[_Thief], others: list[Bought], rng: random.Random) -> None:
    """One key on several threads, each with codes of its own: all together are told no more."""
    for thief in thieves[:2]:
        told: list[bool] = []

        def compete(codes: list[str], thief: _Thief = thief, told: list[bool] = told) -> None:
            try:
                for code in codes:
                    told.append(thief.ask(code) in TOLD)
            finally:
                connections.close_all()

        codes = [[guessed(others, rng) for _ in range(MISS_LIMIT_COUNT // 2)] for _ in range(RIVALS)]
        threads = [threading.Thread(target=compete, args=[own]) for own in codes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        guesses.tries += len(told)
        guesses.told += sum(told)
        if sum(told) > MISS_LIMIT_COUNT:
            guesses.violations.append(f"v{thief.generation}: rivals with one key were told {sum(told)} times")


def _forget(thieves: list[_Thief]) -> None:
    revoke_keys(key_ids=[_key_of(thief).pk for thief in thieves], at=REDEEMED_AT + timedelta(days=DAYS))


def _key_of(thief: _Thief) -> PartnerKey:
    return PartnerKey.objects.get(client_code=thief.system.key_id)


def _outcome_v2(answer: HttpResponse) -> str:
    if answer.status_code < 300:
        return "answered"
    return str(json.loads(answer.content).get("code", "")) if answer.status_code < 500 else "a fault"


@contextmanager
def _uncounted(*places: str) -> Iterator[None]:
    with ExitStack() as stack:
        for place in places:
            stack.enter_context(mock.patch(place, lambda **miss: True))
        yield


PARTNERS_PLANTED: dict[str, Callable[[], Any]] = {
    "misses over v1 cost nothing": lambda: _uncounted("bekal.api.v1.door.record_miss"),
    "misses over v2 cost nothing": lambda: _uncounted("bekal.api.v2.redemptions.record_miss"),
}
