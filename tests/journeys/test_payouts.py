"""A month that is paid in its first week, over the demo's bank: two officers, what the bank rejects, an answer that is
lost, a full wallet that is mended, and the follow-up run that pays it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.databases import ROOT, TestDatabase
from tests.journeys.conftest import Window
from tests.journeys.test_programme import STATE, code_from_letter_box
from tests.journeys.visitor import Visitor, said
from tests.journeys.world import World, environ_of, free_port, manage, served

pytestmark = pytest.mark.browser
Visit = Callable[[World, Window], Visitor]
FIRST_WEEK, NEXT_DAY, WEEK_LATER = "2021-01-04", "2021-01-05", "2021-01-11"
# The bank books twice a second; so many rounds of the worker are more than it takes.
ROUNDS = 30


@contextmanager
def beside_a_bank(environ: dict[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a programme whose partners are the demo's bank, which runs while the block does."""
    settings, rails, port = folder / "settings.json", folder / "rails.json", free_port()
    told = ["--address", f"http://127.0.0.1:{port}", "--rails-file", str(rails)]
    manage(environ, "bank-setup", str(settings), *told)
    command = [sys.executable, "manage.py", "bank", "--settings-file", str(settings), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and "listens on" in process.stdout.readline()
        yield environ | {"BEKAL_PAYOUT_RAILS": str(rails)}
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def world(
    demo: tuple[TestDatabase, Path], new_database: Callable[..., TestDatabase], tmp_path: Path
) -> Iterator[World]:
    original, static_root = demo
    database = new_database("paid", copy_of=original.name)
    with beside_a_bank(environ_of(database, static_root), tmp_path) as environ, served(environ) as world:
        yield world
    manage(environ, "prove", "ledger", "--no-record")


def test_a_front_loaded_run_ends_with_every_rupiah_paid_or_named(world: World, visit: Visit) -> None:
    desk = Window(1280)
    planner, approver, participant = visit(world, desk), visit(world, desk), visit(world, Window(320))
    planner.sign_in("petugas1")
    approver.sign_in("petugas2")
    participant.sign_in("peserta")
    go_on_to(world, FIRST_WEEK)
    planner.go(f"/console/payout-runs/preview/?planned_for={FIRST_WEEK}")
    planner.press("Plan the run")
    run = planner.path
    planner.press("Approve this list")
    assert planner.page.locator(".note.bad").is_visible(), "nobody approves a list of their own"
    release(approver, run)
    work_until(world, approver, run, lambda: still_out(approver) == lost_answers(approver) > 0)
    go_on_to(world, NEXT_DAY)
    work_until(world, approver, run, lambda: is_finished(approver))
    assert still_out(approver) == 0 and lost_answers(approver) == 0

    participant.go("/insentif/")
    received = participant.texts(STATE).count(said("received"))
    name_another_account(participant)
    go_on_to(world, WEEK_LATER)
    planner.go(run)
    planner.follow("What is left of this run, and its follow-up run")
    planner.press("Plan the follow-up run")
    rest = planner.path
    assert rest != run
    release(approver, rest)
    work_until(world, approver, rest, lambda: is_finished(approver))
    participant.go("/insentif/")
    assert participant.texts(STATE).count(said("received")) > received


def go_on_to(world: World, day: str) -> None:
    """The demo's clock, and what the worker does on that day: without its proof no money leaves."""
    world.manage("demo-clock", "--day", day)
    world.manage("work", "--once")


def release(approver: Visitor, run: str) -> None:
    approver.go(run)
    approver.press("Approve this list")
    approver.press("Make the payment files")
    assert approver.page.get_by_role("region", name=said("Files")).locator("tbody tr").count() > 0


def work_until(world: World, officer: Visitor, run: str, is_so: Callable[[], bool]) -> None:
    """Rounds of the worker, until the page of the run shows it."""
    for _ in range(ROUNDS):
        world.manage("work", "--once")
        officer.go(f"{run}?still=1")
        if is_so():
            return
    pytest.fail(f"after {ROUNDS} rounds: {officer.texts('main table tr')}")


def is_finished(officer: Visitor) -> bool:
    return officer.page.locator("ol.steps li.done").count() == 4


def shares(officer: Visitor) -> list[list[int]]:
    """By partner: on the list, sent, not known, accepted, paid, rejected, each in payouts."""
    region = officer.page.get_by_role("region", name=said("By payment partner"))
    rows = [row.locator("td").all_inner_texts() for row in region.locator("tbody tr").all()]
    return [[int(cell.split()[0].replace(".", "")) for cell in row[:6]] for row in rows]


def still_out(officer: Visitor) -> int:
    rows = shares(officer)
    assert all(row[0] >= sum(row[1:]) for row in rows)
    return sum(sum(row[1:4]) for row in rows)


def lost_answers(officer: Visitor) -> int:
    return sum(row[2] for row in shares(officer))


def name_another_account(participant: Visitor) -> None:
    """With a code to the contact there was."""
    participant.go("/akun/")
    name = participant.text("h1")
    participant.go("/akun/rekening/")
    participant.field("Bank or wallet").select_option("bni")
    participant.field("Account number or wallet number").fill("0099887766")
    participant.field("Name of the account's owner").fill(name)
    participant.press("Save my account")
    participant.field("The 6 digits from the message").fill(code_from_letter_box(participant))
    participant.press("Change my account")
    assert participant.page.locator(".note.good").is_visible()
