"""Payments that waited come in step by step, stand as their steps say, and are decided here."""

from collections.abc import Callable

import pytest

from bekal.accounts.privacy import decrypt
from bekal.holds.decide_holds import confirm_holds, lift_holds
from bekal.holds.models import Hold, HoldEvent
from tests import factories
from tests.conftest import StoppedClock
from tests.exchange.door import learned
from tests.factories import jakarta

Take = Callable[..., str]
Wrong = Callable[..., list[tuple[str, str, str, str]]]
STEPS = "nik,training,institution,subject,reason,finding_sha256,case_key,step,kind,figures,text,officer,due_on,"
STEPS += "recorded_at\n"
FOUND = "ef" * 32


def step(number: int, kind: str, **changes: str) -> str:
    """A row of a hold on somebody's incentives."""
    row = {
        "subject": "incentive",
        "reason": "ring",
        "finding_sha256": FOUND,
        "case_key": "ab12",
        "step": str(number),
        "kind": kind,
        "due_on": "2020-06-15",
        "recorded_at": f"2020-06-0{number}",
    }
    if kind == "opened":
        row["figures"] = '"{""people_count"": 200}"'
    if kind in ("appealed", "proposed", "lifted"):
        row["text"] = "Bukan saya"
    if kind not in ("opened", "appealed"):
        row["officer"] = "siti"
    row |= changes
    return ",".join(row.get(name, "") for name in STEPS.strip().split(",")) + "\n"


@pytest.fixture
def waiting(nik: str, take: Take, clock: StoppedClock) -> str:
    """Whose incentives wait: taken, proposed, appealed against."""
    clock.set(2021, 1, 2, 9, 0)
    rows = step(1, "opened", nik=nik) + step(2, "taken", nik=nik) + step(3, "proposed", nik=nik)
    rows += step(4, "appealed", nik=nik, due_on="2020-06-10")
    assert "4 added" in take("hold_steps", STEPS + rows)
    assert "4 unchanged" in take("hold_steps", STEPS + rows)
    return nik


def test_a_hold_stands_as_its_steps_say_and_is_decided_here(waiting: str, take: Take) -> None:
    hold = Hold.objects.get()
    assert (hold.figures, hold.due_on.isoformat()) == ({"people_count": 200}, "2020-06-10")
    assert hold.officer is not None and hold.officer == hold.proposed_by and not hold.officer.is_active
    assert hold.appealed_at == jakarta(2020, 6, 4, 0) and hold.confirmed_at is None
    appeal = HoldEvent.objects.get(kind="appealed")
    assert appeal.text_encrypted is not None and decrypt(bytes(appeal.text_encrypted)) == "Bukan saya"
    take("hold_steps", STEPS + step(5, "confirmed", nik=waiting, officer="budi"))
    hold.refresh_from_db()
    assert hold.appealed_at is None and hold.confirmed_at == jakarta(2020, 6, 5, 0)
    take("hold_steps", STEPS + step(6, "proposed", nik=waiting, officer="budi"))
    hold.refresh_from_db()
    assert hold.confirmed_at is None
    (confirmed,) = confirm_holds(hold_ids=[hold.pk], officer_id=factories.officer().pk, at=jakarta(2021, 1, 2))
    (lifted,) = lift_holds(
        hold_ids=[hold.pk], officer_id=factories.officer().pk, reason="Jelas", at=jakarta(2021, 1, 2)
    )
    assert confirmed.refusal is None and lifted.refusal is None


def test_what_was_lifted_makes_room_for_another_finding(waiting: str, take: Take, wrong: Wrong) -> None:
    other = step(1, "opened", nik=waiting, finding_sha256="01" * 32)
    (problem,) = wrong("hold_steps", STEPS + other)
    assert problem[1] == "reason" and "only one hold can be open" in problem[3]
    assert "2 added" in take("hold_steps", STEPS + step(5, "lifted", nik=waiting) + other)
    assert Hold.objects.filter(lifted_at=None).count() == 1 and Hold.objects.count() == 2


def test_a_purchase_and_a_settlement_wait_too(nik: str, take: Take, wrong: Wrong, clock: StoppedClock) -> None:
    clock.set(2021, 1, 2, 9, 0)
    take("completions", learned(nik))
    hold_of = {"subject": "purchase", "reason": "timing", "nik": nik, "training": "jahit"}
    name = factories.Training.objects.get(code="jahit").institution.name
    rows = step(1, "opened", **hold_of, institution=name.upper())
    rows += step(1, "opened", subject="settlement", reason="volume", institution=name)
    assert "2 added" in take("hold_steps", STEPS + rows)
    assert Hold.objects.filter(purchase_id__isnull=False, institution__name=name).count() == 1
    (problem,) = wrong("hold_steps", STEPS + step(1, "opened", **hold_of | {"training": "roti"}, institution=name))
    assert problem[1] == "training" and "has not bought" in problem[3]


@pytest.mark.parametrize(
    ("number", "kind", "changes", "column", "words"),
    [
        (5, "confirmed", {}, "officer", "who proposed it cannot confirm it"),
        (6, "lifted", {}, "step", "the step before this is missing"),
        (5, "opened", {}, "kind", "the first step opens"),
        (5, "lifted", {"officer": ""}, "officer", "an officer takes"),
        (5, "appealed", {"officer": "siti"}, "officer", "an officer takes"),
        (5, "lifted", {"text": ""}, "text", "have words"),
        (5, "taken", {"text": "Ya"}, "text", "have words"),
        (5, "taken", {"figures": "{}"}, "figures", "no other has"),
        (5, "taken", {"training": "jahit"}, "training", "named by nik and by nothing else"),
        (5, "taken", {"nik": ""}, "nik", "named by nik"),
        (5, "taken", {"nik": "3171010101900009"}, "nik", "nobody with a place"),
        (5, "taken", {"officer": "lembaga"}, "officer", "no programme officer"),
        (5, "taken", {"case_key": "ring"}, "case_key", "hexadecimal"),
        (5, "taken", {"recorded_at": "2022-01-01"}, "recorded_at", "has not come yet"),
        (4, "appealed", {"due_on": "2020-06-11"}, "step", "known already"),
        (1, "opened", {"figures": '"{""people_count"": 201}"'}, "step", "known already"),
        (1, "opened", {"figures": "[1]"}, "figures", "one JSON object"),
        (1, "opened", {"figures": '"{""a"": 1.5}"'}, "figures", "one JSON object"),
        (1, "opened", {"figures": '"{""a"": ""\\u0000""}"'}, "figures", "one JSON object"),
    ],
)
def test_a_step_that_cannot_be_is_refused(
    waiting: str, wrong: Wrong, number: int, kind: str, changes: dict[str, str], column: str, words: str
) -> None:
    factories.institution_staff(factories.institution(), "lembaga")
    (problem,) = wrong("hold_steps", STEPS + step(number, kind, **{"nik": waiting} | changes))
    assert problem[1] == column and words in problem[3], problem


def test_a_step_stands_once_and_nothing_follows_a_lift(waiting: str, wrong: Wrong) -> None:
    lifted, after = step(5, "lifted", nik=waiting), step(6, "taken", nik=waiting)
    (problem,) = wrong("hold_steps", STEPS + lifted + after)
    assert problem[:2] == ("3", "step") and "has lifted" in problem[3]
    (problem,) = wrong("hold_steps", STEPS + lifted + lifted)
    assert problem[:2] == ("3", "step") and "line 2 has this step" in problem[3]
    (problem,) = wrong("hold_steps", STEPS + step(5, "taken", nik=waiting, case_key="cd"))
    assert problem[1] == "case_key" and "says otherwise" in problem[3]
