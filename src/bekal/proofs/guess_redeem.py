"""Guesses at redeem codes: whole ones, and the neighbours of true ones; and whether codes are drawn evenly."""

import math
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from bekal.proofs.small_world import REDEEMED_AT, Bought, World
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.redeem_codes import ALPHABET, LENGTH, new_redeem_code

LEAST_BITS = 60
LOOK_ALIKES = ("0O", "1IL", "UV")
CODE_COUNT = 200
DRAWN_COUNT = 20_000
BATCH_COUNT = 500
# Of a chi-square with 29 degrees of freedom 64 and more comes once in five thousand; of 16 places none may pass 90,
# which comes once in 10^7.
CHI_SQUARE_LIMIT = 90.0


@dataclass(slots=True)
class RedeemGuesses:
    """What was tried and found."""

    tries: int = 0
    code_count: int = 0
    found: int = 0
    bits: float = 0.0
    worst_chi_square: float = 0.0
    violations: list[str] = field(default_factory=list)


def guess_redeem_codes(world: World, *, tries: int, rng: random.Random) -> RedeemGuesses:
    """So many guesses at the codes of a small programme: nine of ten at random, the tenth one character beside a true
    code. Another institution's true code must not open either."""
    guesses = RedeemGuesses(bits=LENGTH * math.log2(len(ALPHABET)))
    bought = _bought(world)
    guesses.code_count = len(bought)
    true = {purchase.redeem_code for purchase in bought}
    while guesses.tries < tries:
        codes = [guessed(bought, rng) for _ in range(min(BATCH_COUNT, tries - guesses.tries))]
        attempts = [Redemption(world.institution.pk, code) for code in codes]
        outcomes = redeem(redemptions=attempts, at=REDEEMED_AT)
        opened = [code for code, outcome in zip(codes, outcomes, strict=True) if outcome.purchase_id is not None]
        guesses.found += len(opened)
        if not set(opened) <= true:
            guesses.violations.append("a code that nobody has was redeemed")
        guesses.tries += len(codes)
    if guesses.found:
        guesses.violations.append(f"{guesses.found} redeem codes were guessed")
    strangers = [Redemption(world.institution.pk + 1, purchase.redeem_code) for purchase in bought]
    if any(outcome.purchase_id is not None for outcome in redeem(redemptions=strangers, at=REDEEMED_AT)):
        guesses.violations.append("an institution redeemed another's code")
    own = [Redemption(world.institution.pk, purchase.redeem_code) for purchase in bought]
    if any(outcome.purchase_id is None for outcome in redeem(redemptions=own, at=REDEEMED_AT + timedelta(hours=1))):
        guesses.violations.append("a true code was not redeemed: the guesses prove nothing")
    _drawn_evenly(guesses)
    return guesses


def _bought(world: World) -> list[Bought]:
    (training,) = world.trainings(1, price_rupiah=300_000)
    return world.buy([(person, training) for person in world.accept(CODE_COUNT)])


def guessed(bought: list[Bought], rng: random.Random) -> str:
    if rng.randrange(10):
        return "".join(rng.choice(ALPHABET) for _ in range(LENGTH))
    code, place = rng.choice(bought).redeem_code.replace("-", ""), rng.randrange(LENGTH)
    return code[:place] + rng.choice(ALPHABET.replace(code[place], "")) + code[place + 1 :]


def _drawn_evenly(guesses: RedeemGuesses) -> None:
    if guesses.bits < LEAST_BITS:
        guesses.violations.append(f"a redeem code has {guesses.bits:.0f} bits, fewer than {LEAST_BITS}")
    if any(len(set(alike) & set(ALPHABET)) > 1 for alike in LOOK_ALIKES):
        guesses.violations.append("the alphabet of redeem codes has characters that look alike")
    drawn = [new_redeem_code() for _ in range(DRAWN_COUNT)]
    if len(set(drawn)) < DRAWN_COUNT:
        guesses.violations.append("the same redeem code was drawn twice")
    expected = DRAWN_COUNT / len(ALPHABET)
    for place in range(LENGTH):
        counts = Counter(code[place] for code in drawn)
        chi_square = sum((counts[character] - expected) ** 2 / expected for character in ALPHABET)
        guesses.worst_chi_square = max(guesses.worst_chi_square, chi_square)
    if guesses.worst_chi_square > CHI_SQUARE_LIMIT:
        guesses.violations.append(f"redeem codes are drawn unevenly (chi-square {guesses.worst_chi_square:.0f})")
