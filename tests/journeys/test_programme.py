"""The whole programme in a real browser: choose, buy, learn, prove, plan, approve, pay, and see that it was paid.

A participant has a phone, officers and institutions a desk; `test_pages` looks at every page in every window."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bekal.core.money import format_rupiah, parse_price_text
from bekal.simulation.fake_partner import answer
from tests.journeys.conftest import Window
from tests.journeys.visitor import Visitor, said
from tests.journeys.world import World

pytestmark = pytest.mark.browser
Visit = Callable[[World, Window], Visitor]
BALANCE = "Rp300.000"
STATE = "ol.timeline li .chip"
CARD = "section[aria-labelledby=for-you] article"


def rupiah(text: str) -> int:
    amount = parse_price_text(text)
    assert amount is not None
    return amount


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "nojs"])
def test_from_a_recommendation_to_the_money(world: World, scripts: bool, visit: Visit, tmp_path: Path) -> None:
    phone, desk = Window(320, scripts), Window(1280, scripts)
    participant = visit(world, phone)
    participant.sign_in("peserta")
    title = choose(participant)
    buy(participant, title)
    code, institution_name = code_to_redeem(participant)

    institution = visit(world, desk)
    institution.sign_in("lembaga")
    assert institution.text("h1") == institution_name
    teach(institution, code)
    review(participant, institution_name)
    assert "Reconciled 0 purchases" in world.manage("daily"), "what was proven is reconciled at once"

    participant.go("/insentif/")
    received_count = participant.texts(STATE).count(said("received"))
    planner, approver = visit(world, desk), visit(world, desk)
    planner.sign_in("petugas1")
    approver.sign_in("petugas2")
    pay(planner, approver, world, tmp_path)
    participant.go("/insentif/")
    assert participant.texts(STATE).count(said("received")) == received_count + 1
    answer_survey(participant)
    assert "I1" in world.manage("prove", "ledger")


def choose(participant: Visitor) -> str:
    """Beranda with Rp300.000, only what fits it, the search, the detail page; returns the training's title."""
    assert participant.path == "/beranda/"
    assert BALANCE in participant.text(".purse .amount")
    prices = [rupiah(text) for text in participant.texts(f"{CARD} .price strong")]
    assert len(prices) >= 3
    assert max(prices) <= 300_000
    title = participant.text(f"{CARD} h3 a")
    participant.follow(participant.page.get_by_role("navigation").get_by_role("link", name=said("Trainings")).first)
    participant.page.get_by_role("searchbox").fill(title.split()[0])
    participant.press("Search")
    assert all(rupiah(text) <= 300_000 for text in participant.texts("article .price strong"))
    participant.page.get_by_role("searchbox").fill(title)
    participant.press("Search")
    participant.follow(participant.page.get_by_role("link", name=title, exact=True).first)
    assert participant.text("h1") == title
    return title


def buy(participant: Visitor, title: str) -> None:
    """Check page, wrong code, right code with a hurried double click, receipt; bought once."""
    price = rupiah(participant.text(".offer .value"))
    participant.follow("Buy with my balance")
    assert [rupiah(text.lstrip("−")) for text in participant.texts("dl.facts dd")] == [300_000, price, 300_000 - price]
    participant.press("Send me a code to confirm")
    code = code_from_letter_box(participant)
    field = participant.field("The 6 digits from the message")
    assert field.get_attribute("autocomplete") == "one-time-code"
    field.fill("000000" if code != "000000" else "000001")
    participant.press("Buy this training", expect=422)
    assert participant.page.get_by_role("alert").is_visible()
    participant.field("The 6 digits from the message").fill(f"{code[:3]} {code[3:]}")
    participant.press_twice("Buy this training", leads_to=re.compile(r"/pelatihanku/\d+/$"))
    assert participant.text("h1") == title
    participant.go("/pelatihanku/")
    assert participant.texts("article h2").count(title) == 1
    participant.go("/beranda/")
    assert format_rupiah(300_000 - price) in participant.text(".purse .amount")


def code_from_letter_box(participant: Visitor) -> str:
    """The six digits of the newest message, read in another tab."""
    page = participant.page.context.new_page()
    page.goto(participant.base_url + "/demo/pesan/")
    found = re.search(r"\b\d{6}\b", page.locator("main li").first.inner_text())
    page.close()
    assert found
    return found[0]


def answer_survey(participant: Visitor) -> None:
    """Beranda leads to a survey that waits; sent too early it says what is missing; answered it says what it pays."""
    participant.go("/survei/")
    participant.follow(participant.page.locator("article h3 a").first)
    title = participant.text("h1")
    participant.press("Send my answers", expect=422)
    assert participant.page.get_by_role("alert").is_visible()
    for question in participant.page.locator("form fieldset").all():
        question.locator("label").first.click()
    participant.press("Send my answers")
    assert participant.text("h1") == title
    assert "Rp50.000" in participant.text("main")
    participant.go("/survei/")
    assert title not in participant.texts("article h3")


def code_to_redeem(participant: Visitor) -> tuple[str, str]:
    """The redeem code of the purchase that waits at the demo's institution, and the institution's name."""
    participant.go("/pelatihanku/")
    links = participant.page.locator("article", has_text=said("Redeem code not used yet")).locator("h2 a")
    participant.follow(links.last)
    return participant.text(".redeem"), participant.text("h1 + p")


def teach(institution: Visitor, code: str) -> None:
    """A code nobody has, then the right one; every session; completion."""
    institution.field("Redeem code").fill("ZZZZ-ZZZZ-ZZZZ-ZZZZ")
    institution.press("Redeem")
    assert institution.page.locator(".note.bad").is_visible()
    institution.field("Redeem code").fill(code)
    institution.press("Redeem")
    assert institution.page.locator(".note.good").is_visible()
    row = institution.page.locator("tbody tr").first
    session = row.locator("form[action*=attendance] button")
    while session.count():
        institution.press(session)
        row = institution.page.locator("tbody tr").first
        session = row.locator("form[action*=attendance] button")
    institution.press(row.get_by_role("button", name=said("Record completion")))
    assert institution.page.locator(".note.good").is_visible()


def review(participant: Visitor, institution_name: str) -> None:
    """A review without stars is refused where it stands; with stars it is saved."""
    participant.go("/pelatihanku/")
    waiting = participant.page.locator("article", has_text=institution_name)
    participant.follow(waiting.filter(has_text=said("Finished, your review is missing")).locator("h2 a"))
    participant.field("Your review").fill("Jelas, lengkap dan langsung bisa saya pakai.")
    participant.press("Send my review", expect=422)
    assert said("Choose 1, 2, 3, 4 or 5 stars.") in participant.text("#errors")
    participant.page.get_by_role("radio").first.check()
    participant.press("Send my review")
    assert participant.text(".chip") == said("Finished and proven")


def pay(planner: Visitor, approver: Visitor, world: World, folder: Path) -> None:
    """One officer plans and cannot approve; another approves; files go out, answers come back, the run is finished."""
    # The funnel has other links in whose names this one stands.
    planner.follow(planner.page.get_by_role("link", name=said("Payout runs"), exact=True).first)
    due = planner.page.get_by_role("region", name=said("Earned, not paid and not yet planned")).locator("tbody tr")
    assert due.count() >= 1
    planner.field("Pay everything due on or before").fill("2020-11-25")
    planner.press("Plan the run")
    address = planner.path
    planner.press("Approve this list")
    assert planner.page.locator(".note.bad").is_visible()

    approver.go(address)
    approver.press("Approve this list")
    world.manage("prove", "ledger")  # the worker's daily proof, without which nothing leaves
    approver.press("Make the payment files")
    files = approver.page.get_by_role("region", name=said("Files")).locator("tbody a")
    for number in range(files.count()):
        with approver.page.expect_download() as download:
            files.nth(number).click()
        sent, answered = folder / f"sent-{number}.csv", folder / f"status-{number}.csv"
        download.value.save_as(sent)
        if number == 0:
            world.manage("fake-partner", str(sent), str(answered))
        else:
            answered.write_bytes(answer(sent.read_bytes()))
        partner = sent.read_text().splitlines()[1].split(",")[1]
        planner.go(address)
        planner.field("Payment partner").select_option(partner)
        planner.field("File of the partner (CSV, pain.002, camt.053, camt.054, MT940)").set_input_files(answered)
        planner.press("Read the file")
        assert planner.page.locator(".note.good").is_visible()
    assert planner.page.locator("ol.steps li.done").count() == 4
