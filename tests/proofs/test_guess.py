"""`prove guess`: nothing gives way to guessing, and a verb without one of its limits is noticed."""

import json
import random
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.messaging.one_time_codes import FAILURES_AN_HOUR
from bekal.partners.misses import MISS_LIMIT_COUNT
from bekal.proofs import guess_redeem
from bekal.proofs.guess import PLANTED, RIVAL_COUNT
from bekal.proofs.guess_partners import PARTNERS_PLANTED, guess_as_partners
from bekal.proofs.guess_redeem import RedeemGuesses, _drawn_evenly, guess_redeem_codes
from bekal.proofs.scratch import scratch_database
from bekal.proofs.small_world import World
from bekal.purchases.redeem_codes import new_redeem_code

pytestmark = pytest.mark.usefixtures("own_databases")


def test_ten_thousand_guesses_open_nothing(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "guess.json"
    call_command("prove", "guess", "--seed", "5", "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violations"] == []
    assert figures["tries"] == figures["redeem"]["tries"] == 10_000
    assert figures["most_compared_in_an_hour"] - figures["opened"] <= FAILURES_AN_HOUR
    assert sum(figures["refused"].values()) == 10_000
    assert figures["overshoot_of_rivals"] <= RIVAL_COUNT
    partners = figures["partners"]
    assert partners["most_told_a_key"] == MISS_LIMIT_COUNT and partners["tries"] > 2 * MISS_LIMIT_COUNT
    assert figures["planted"].keys() == {*PLANTED, *PARTNERS_PLANTED} and None not in figures["planted"].values()
    assert "10_000 tries" in out.getvalue() and "seed 5" in out.getvalue()


def test_partners_keys_are_told_of_twenty_codes() -> None:
    with scratch_database("guess"):
        guesses = guess_as_partners(World(), random.Random(3))
    assert guesses.violations == [] and guesses.most_told_a_key == 20 and guesses.told <= 20 * (guesses.key_count + 2)


def test_a_limit_that_is_gone_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bekal.messaging.confirm_codes.FAILURES_AN_HOUR", 10**9)
    out = StringIO()
    with pytest.raises(CommandError, match="prove guess"):
        call_command("prove", "guess", "--tries", "3000", stdout=out)
    assert "VIOLATED" in out.getvalue()


def test_a_code_that_can_be_guessed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes whose characters hardly differ: a guess beside a true one hits another."""
    monkeypatch.setattr("bekal.proofs.guess_redeem.guessed", lambda bought, rng: rng.choice(bought).redeem_code)
    with scratch_database("guess"):
        guesses = guess_redeem_codes(World(), tries=500, rng=random.Random(1))
    assert guesses.found > 0 and any("guessed" in violation for violation in guesses.violations)


@pytest.mark.parametrize(
    ("name", "value", "bits", "told"),
    [
        ("ALPHABET", guess_redeem.ALPHABET, 59.0, "59 bits"),
        ("ALPHABET", guess_redeem.ALPHABET + "0O", 80.0, "look alike"),
        ("new_redeem_code", lambda: "A" * 16, 78.0, "twice"),
        ("new_redeem_code", lambda: "A" + new_redeem_code()[1:], 78.0, "unevenly"),
    ],
)
def test_codes_that_are_drawn_badly_are_noticed(
    name: str, value: Any, bits: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guess_redeem, name, value)
    guesses = RedeemGuesses(bits=bits)
    _drawn_evenly(guesses)
    assert any(told in violation for violation in guesses.violations)
