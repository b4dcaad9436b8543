"""A new model on its way into service: one officer proposes it, another agrees, and a participant sees its lists."""

from collections.abc import Callable

import pytest

from tests.journeys.conftest import Window
from tests.journeys.visitor import Visitor, said
from tests.journeys.world import World

pytestmark = pytest.mark.browser
Visit = Callable[[World, Window], Visitor]
CARD = "section[aria-labelledby=for-you] article"


def test_two_officers_let_a_model_serve_and_one_returns(world: World, visit: Visit) -> None:
    number = world.manage("fit-recommender").split()[1]
    assert f"Model {number} may be promoted." in world.manage("examine-model")
    address = f"/console/model/{number}/"
    proposer, promoter = visit(world, Window(1280)), visit(world, Window(1280, scripts=False))
    proposer.sign_in("petugas1")
    promoter.sign_in("petugas2")
    proposer.follow("Model")
    proposer.follow(proposer.page.locator(f"tbody a[href='{address}']"))
    proposer.press("Propose for service")
    assert proposer.page.locator(".note.good").is_visible()
    assert not proposer.button("Put into service").count(), "who proposed does not decide"
    promoter.go(address)
    promoter.press("Put into service")
    assert promoter.page.locator(".note.good").is_visible()

    participant = visit(world, Window(320))
    participant.sign_in("peserta")
    assert participant.page.locator(CARD).count() == 10
    assert participant.page.locator("article.plan").count() >= 2

    promoter.go("/console/model/")
    promoter.follow(promoter.page.locator("a.button.bad"))
    promoter.press(promoter.page.locator("main form button"))
    assert promoter.page.locator(".note.good").is_visible()
    participant.go("/beranda/")
    assert participant.page.locator(CARD).count() == 10


def test_switched_off_and_on_again(world: World, visit: Visit) -> None:
    participant = visit(world, Window(320, scripts=False))
    participant.sign_in("peserta")
    participant.go("/akun/")
    participant.press("Switch recommendations off")
    assert participant.page.locator(".note.good").is_visible()
    participant.go("/beranda/")
    assert said("You have switched recommendations off") in participant.text("section[aria-labelledby=for-you]")
    assert participant.page.locator(CARD).count() == 0
    participant.go("/rencana/")
    participant.follow("Change this in my account")
    participant.press("Switch recommendations on")
    participant.go("/beranda/")
    assert participant.page.locator(CARD).count() == 10
