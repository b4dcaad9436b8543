"""Every page for every role, looked at as `Visitor.look` does; the keyboard; the budgets; bad input."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.journeys.conftest import WINDOWS, Window
from tests.journeys.visitor import Visitor, said
from tests.journeys.world import World

pytestmark = pytest.mark.browser
Visit = Callable[[World, Window], Visitor]
KIB = 1024
WHERE_THE_FOCUS_IS = """() => {
    const at = document.activeElement, box = at.getBoundingClientRect();
    const label = at.labels && at.labels[0], card = at.closest(".card");
    const marks = [at, label, card].filter(Boolean).map((each) => getComputedStyle(each));
    const over = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return {
        what: at.outerHTML.slice(0, 120),
        body: at === document.body,
        outlined: marks.some((each) => each.outlineStyle !== "none"),
        inside: box.bottom > 0 && box.top < innerHeight,
        covered: !!over && !at.contains(over) && !over.contains(at) && !(label && label.contains(over)),
    };
}"""
# Pages of each demo sign-in; {first} is the first training on sale, found on the page itself.
PAGES = {
    "peserta": [
        "/beranda/",
        "/rencana/",
        "/rencana/?count=2&hours=8",
        "/pelatihan/",
        "/pelatihan/?all=1&sort=price_high",
        "/pelatihan/?q=kopi",
        "/pelatihan/?q=tidakadasamasekali",
        "/pelatihan/?page=2",
        "/pelatihanku/",
        "/pelatihanku/?certificates",
        "/insentif/",
        "/insentif/incentive/1/",
        "/survei/",
        "/survei/1/",
        "/survei/3/",
        "/riwayat/",
        "/riwayat/?dompet=insentif",
        "/akun/",
        "/akun/rekening/",
        "/akun/rekening/kedua/",
        "/bantuan/",
        "/demo/pesan/",
    ],
    "petugas1": [
        "/console/",
        "/console/?wave=1",
        "/console/people/",
        "/console/people/?stage=not_proven",
        "/console/payout-runs/",
        "/console/payout-exceptions/",
        "/console/payment-closings/",
        "/console/partners/",
        "/console/partners/?q=tidakada",
        "/console/model/",
        "/console/model/?state=blocked",
        "/console/ledger/",
        "/console/ledger/?as_of=kemarin&q=tidakada",
        "/console/ledger/institutions/",
        "/bantuan/",
    ],
    "auditor": [
        "/console/ledger/",
        "/console/ledger/?as_of=2020-06-01",
        "/console/ledger/kinds/8/",
        "/console/ledger/movements/1-1-2/",
        "/console/ledger/movements/1-1-2/?day=2020-04-16",
        "/console/ledger/people/1/",
        "/console/treasury/?as_of=2020-06-01",
        "/console/lapsing/",
        "/console/people/?stage=revoked",
        "/console/payout-runs/",
        "/console/model/",
    ],
    "lembaga": [
        "/institution/",
        "/institution/statement/",
        "/institution/webhooks/",
        "/institution/webhooks/?world=sandbox&state=failed",
    ],
}
# Pages that are looked at in the windows with scripts alone; "" is whoever has not signed in.
FURTHER = {
    "": [
        "/api/v2/docs/",
        "/api/v2/problems/",
        "/api/v2/problems/key_unknown",
    ],
    "warga": [
        "/beranda/",
        "/pelatihanku/",
        "/insentif/",
        "/pesan/",
    ],
    "petugas1": [
        "/console/reconciliation/",
        "/console/reconciliation/people/",
        "/console/reconciliation/waiting/?side=institution",
        "/console/reconciliation/cases/",
        "/console/alarms/",
        "/console/reviews/",
        "/console/messages/",
        "/console/catalogue/",
        "/console/catalogue/accreditation/",
        "/console/catalogue/suspensions/?all=1",
        "/console/catalogue/owners/",
        "/console/certificates/1/",
        "/console/people/25/",
        "/console/people/25/incentive/1/",
        "/console/complaints/",
        "/console/complaints/?state=closed&owner=office",
        "/console/payout-runs/preview/",
        "/console/payout-cash/",
        "/console/payout-runs/institutions/",
        "/console/mass-runs/",
        "/console/mass-runs/plan/settle_institutions/",
        "/console/clawbacks/",
        "/console/clawbacks/new/",
        "/console/lapsing/",
        "/console/on-time/",
        "/console/on-time/front-loading/",
    ],
    "lembaga": [
        "/institution/owed/",
        "/institution/evidence-file/",
        "/institution/trainings/",
        "/institution/trainings/new/",
        "/institution/reviews/",
        "/institution/sandbox/",
        "/institution/sandbox/conformance/",
    ],
}
# From a list page to the pages behind it: of each of these links the first is followed.
BEHIND = {
    "/pelatihan/": ["article h3 a"],
    "/pelatihanku/": ["article h2 a"],
    "/pelatihanku/?certificates": ["#certificates a.tap"],
    "/riwayat/": ["section li a"],
    "/console/ledger/people/1/": ["tbody a"],
    "/console/ledger/institutions/": ["tbody a"],
    "/console/people/": ["tbody a"],
    "/console/partners/": ["tbody a"],
    "/console/payout-runs/": ["div.card.flush tbody a"],
    "/console/model/": ["tbody a"],
    "/console/reconciliation/cases/": ["tbody td.num a", "li a[href*=decisions]"],
    "/console/alarms/": ["tbody td.num a"],
    "/console/reviews/": ["tbody a"],
    "/console/catalogue/": ["tbody a"],
    "/console/catalogue/accreditation/": ["tbody a"],
    "/institution/trainings/": ["tbody a", "a[href*=submissions]"],
}


def go_behind(visitor: Visitor, page: str) -> None:
    """Follow the links from this page, of each kind the first."""
    links = [visitor.page.locator(link).first.get_attribute("href") for link in BEHIND.get(page, ())]
    for link in links:
        visitor.go(urlsplit(link or "").path)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_every_page(museum: World, window: Window, visit: Visit) -> None:
    for login_name, pages in PAGES.items():
        visitor = visit(museum, window)
        visitor.sign_in(login_name)
        for page in pages:
            visitor.go(page)
            go_behind(visitor, page)
        visitor.go("/tidak-ada/", expect=404)


@pytest.mark.parametrize("window", [each for each in WINDOWS if each.scripts], ids=str)
def test_further_pages(museum: World, window: Window, visit: Visit) -> None:
    for login_name, pages in FURTHER.items():
        visitor = visit(museum, window)
        if login_name:
            visitor.sign_in(login_name)
        for page in pages:
            visitor.go(page)
            go_behind(visitor, page)


@pytest.mark.parametrize("window", [each for each in WINDOWS if each.scripts], ids=str)
def test_pages_of_contested_proof_and_of_a_payment_that_waits(museum: World, window: Window, visit: Visit) -> None:
    visitor = visit(museum, window)
    visitor.sign_in("warga")
    visitor.follow(visitor.page.locator("section.prompt a[href*=penahanan]"))
    assert "24 November 2020" in visitor.text("#who + p"), "who decides, and until when"
    visitor.go("/pelatihanku/")
    for link in [each.get_attribute("href") for each in visitor.page.locator("article h2 a").all()]:
        visitor.go(link or "")
    visitor.go("/pelatihan/?all=1")
    visitor.follow(visitor.page.locator("article h3 a").first)
    training = visitor.path
    visitor.follow(visitor.page.locator("a[href$='/lapor/']").first)
    visitor.go(f"{training}platform/")


@pytest.mark.parametrize("window", WINDOWS[:1], ids=str)
def test_every_page_in_english(museum: World, window: Window, visit: Visit) -> None:
    visitor = visit(museum, window)
    visitor.go("/masuk/")
    visitor.language = "en"
    visitor.press(visitor.page.get_by_role("button", name="English"))
    for login_name, pages in PAGES.items():
        visitor.press(visitor.page.get_by_role("button", name=re.compile(f"^{login_name}")))
        for page in pages:
            visitor.go(page)
        visitor.page.context.clear_cookies(name="sessionid")
        visitor.go("/masuk/")


@pytest.mark.parametrize("login_name", ["peserta", "petugas1"])
@pytest.mark.parametrize("width", [1280, 320])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    museum: World, visit: Visit, login_name: str, width: int
) -> None:
    visitor = visit(museum, Window(width))
    visitor.sign_in(login_name)
    page = visitor.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == said("Skip to the content")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0, "the skip link stays hidden"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for _ in range(25):
        page.keyboard.press("Tab")
        seen = page.evaluate(WHERE_THE_FOCUS_IS)
        if seen["body"]:
            break
        assert seen["outlined"], f"no visible focus: {seen['what']}"
        assert seen["inside"], f"focus is out of sight: {seen['what']}"
        assert not seen["covered"], f"focus is covered: {seen['what']}"


@pytest.mark.parametrize(
    ("login_name", "html_kib", "css_kib", "script_kib", "view_kib", "request_count"),
    [("peserta", 15, 18, 20, 60, 8), ("petugas1", 40, 30, 60, 200, 20), ("lembaga", 40, 30, 60, 200, 20)],
)
def test_pages_are_light(
    museum: World,
    visit: Visit,
    login_name: str,
    html_kib: int,
    css_kib: int,
    script_kib: int,
    view_kib: int,
    request_count: int,
) -> None:
    """The budgets of a first view, as sent (compressed): pages, styles, scripts, all together, requests."""
    signed_in = visit(museum, Window(320))
    signed_in.sign_in(login_name)
    cookies = signed_in.page.context.cookies()
    for path in PAGES[login_name]:
        fresh = visit(museum, Window(320))
        fresh.page.context.add_cookies(cookies)  # type: ignore[arg-type]
        fresh.page.goto(museum.base_url + path, wait_until="networkidle")
        sizes = fresh.bytes_of
        of_kind = {
            kind: sum(size for url, size in sizes.items() if urlsplit(url).path.endswith(end))
            for kind, end in {"html": "/", "css": ".css", "script": ".js"}.items()
        }
        assert 0 < of_kind["html"] <= html_kib * KIB, (path, of_kind)
        assert 0 < of_kind["css"] <= css_kib * KIB, (path, of_kind)
        assert of_kind["script"] <= script_kib * KIB, (path, of_kind)
        assert sum(sizes.values()) <= view_kib * KIB, (path, sizes)
        assert len(sizes) <= request_count, (path, sizes)


def test_bad_input_is_answered_in_a_sentence(museum: World, visit: Visit) -> None:
    visitor = visit(museum, Window(320))
    visitor.go("/masuk/")
    visitor.press("Sign in", expect=422)
    assert visitor.page.evaluate("document.activeElement.id") == "errors"
    assert said("Type your user name.") in visitor.text("#errors")
    visitor.field("User name").fill("peserta")
    visitor.field("Password").fill("salah")
    visitor.press("Sign in", expect=422)
    assert said("User name and password do not belong together. Type both again.") in visitor.text("#errors")
    visitor.sign_in("peserta")
    visitor.go("/pelatihan/?all=1&sort=price_high")
    visitor.follow(visitor.page.locator("article h3 a").first)
    visitor.go(visitor.path + "beli/")
    assert visitor.page.get_by_role("alert").is_visible()
    visitor.go("/pelatihanku/999999/", expect=404)
    visitor.go("/console/", expect=403)


def test_reasons_and_sets_open_without_scripts(museum: World, visit: Visit) -> None:
    visitor = visit(museum, Window(320, scripts=False))
    visitor.sign_in("peserta")
    for address, opens in (("/beranda/", "details.because"), ("/rencana/", "table.front details")):
        visitor.go(address)
        disclosure = visitor.page.locator(opens).first
        inside = disclosure.locator("ul")
        assert not inside.is_visible()
        disclosure.locator("summary").click()
        assert inside.is_visible() and visitor.path == address, "the card's own link does not cover it"
        visitor.look()


def test_the_balance_can_be_hidden_without_scripts(museum: World, visit: Visit) -> None:
    visitor = visit(museum, Window(320, scripts=False))
    visitor.sign_in("peserta")
    amount = visitor.page.locator(".purse .bare-amount")
    assert amount.is_visible()
    visitor.page.locator("label[for=veil]").click()
    assert not amount.is_visible()
