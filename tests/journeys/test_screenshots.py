"""Pictures of every page for README and docs/screenshots.md, made on request: BEKAL_SCREENSHOTS=1 python3 dev test."""

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import ROOT
from tests.journeys.conftest import Window
from tests.journeys.visitor import Visitor, said
from tests.journeys.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(os.environ.get("BEKAL_SCREENSHOTS") != "1", reason="BEKAL_SCREENSHOTS=1 makes the screenshots"),
]
FOLDER = ROOT / "docs" / "screenshots"
GALLERY = ROOT / "docs" / "screenshots.md"
QUALITY = 82
# Wide enough for a phone and a desk; taller pages are cut, because a picture should be looked at.
TALLEST = {320: 1400, 1280: 1400}
VIEWS = [Window(width, scheme=scheme) for width in (320, 1280) for scheme in ("light", "dark")]
TITLES = {
    "sign-in": "Sign in (demo)",
    "beranda": "Beranda: what is left, what to do next, what fits",
    "rencana": "Rencana belanja saldo: three plans, and what each amount can do",
    "trainings": "Pelatihan: the marketplace",
    "training": "One training",
    "buy": "Beli: look once more",
    "code": "Beli: the one-time code",
    "purchases": "Pelatihanku",
    "certificate": "Sertifikat: what anybody sees who was given its number",
    "receipt": "A purchase: receipt and redeem code",
    "evidence": "A purchase: proof of learning",
    "platform-start": "Beli lewat platform: the code that starts a purchase there",
    "contested": "A purchase whose proof is contested",
    "held": "A payment that waits: why, who decides, until when",
    "incentives": "Insentif: where is my money?",
    "history": "Riwayat: every movement, by month",
    "movement": "Riwayat: the receipt of one movement",
    "surveys": "Survei: what is waiting and what it pays",
    "survey": "Survei: one questionnaire",
    "account": "Akun",
    "payout-account": "Akun: where incentives are paid",
    "messages": "Messages (demo)",
    "help": "Bantuan",
    "funnel": "Console: the funnel",
    "people": "Console: participants",
    "person": "Console: one participation and its ledger",
    "runs": "Console: payout runs",
    "run": "Console: one payout run",
    "ledger": "Console: where every rupiah is, and the last proof",
    "kind": "Console: whose money one kind holds",
    "movement-days": "Console: one movement of the ledger, day by day",
    "movement-day": "Console: the transfers of one day",
    "person-ledger": "Console: the ledger of one participation",
    "transfer": "Console: one transfer, its cause, its rule and source",
    "institutions": "Console: what is owed and paid to institutions",
    "statement": "Console: the statement of one institution",
    "treasury": "Console: the treasury statement",
    "lapsing": "Console: balances by age, and what lapses by when",
    "mass-runs": "Console: runs over many people",
    "plan-mass": "Console: the dry run of a settlement",
    "mass-run": "Console: a run that waits for the second person",
    "clawbacks": "Console: money that has to come back",
    "decide-clawback": "Console: a clawback is decided",
    "models": "Console: versions of the model, and which one serves",
    "model": "Console: one version, its examination and the two officers",
    "reconciliation": "Console: what is missing, contested, and for how long",
    "cases": "Console: contested evidence, decided by two officers",
    "case": "Console: one case and what was said",
    "alarms": "Console: payments that wait for a decision",
    "curation": "Console: trainings that wait for curation",
    "partner": "Console: one partner, its keys and its calls",
    "desk": "The desk of a training institution",
    "owed": "What an institution still owes",
    "own-trainings": "An institution's own trainings and submissions",
    "evidence-file": "A file of evidence",
    "conformance": "Conformance: which calls of the contract have been shown",
    "api": "API v2: every operation, to be tried",
}

PAGES_OF_INSTITUTION = {
    "desk": "/institution/",
    "owed": "/institution/owed/",
    "own-trainings": "/institution/trainings/",
    "evidence-file": "/institution/evidence-file/",
    "conformance": "/institution/sandbox/conformance/",
}


def test_screenshots(world: World, visit: Callable[[World, Window], Visitor]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.webp"):
        old.unlink()
    for login_name, addresses in (
        ("", {"sign-in": "/masuk/", "api": "/api/v2/docs/"}),
        ("peserta", addresses_of_participant(visit(world, Window(1280)))),
        ("warga", addresses_of_second_participant(visit(world, Window(1280)))),
        ("petugas1", addresses_of_officer(visit(world, Window(1280)))),
        ("lembaga", PAGES_OF_INSTITUTION),
    ):
        for view in VIEWS:
            visitor = visit(world, view)
            if login_name:
                visitor.sign_in(login_name)
            if "code" in addresses:
                send_code(visitor, addresses["buy"])
            for name, address in addresses.items():
                visitor.page.emulate_media(color_scheme=view.scheme)  # type: ignore[arg-type]
                visitor.page.goto(world.base_url + address)
                picture(visitor, FOLDER / f"{name}-{view.width}-{view.scheme}.webp")
    GALLERY.write_text("\n".join(gallery()) + "\n")


def addresses_of_participant(visitor: Visitor) -> dict[str, str]:
    visitor.sign_in("peserta")
    training = visitor.page.locator("section[aria-labelledby=for-you] h3 a").first.get_attribute("href") or ""
    visitor.go("/pelatihanku/")
    fresh = visitor.page.locator("article", has_text=said("Redeem code not used yet")).locator("h2 a").first
    proven = visitor.page.locator("article", has_text=said("Finished and proven")).locator("h2 a").first
    receipt, evidence = fresh.get_attribute("href") or "", proven.get_attribute("href") or ""
    certificate = visitor.page.locator("#certificates a.tap").first.get_attribute("href") or ""
    visitor.go("/riwayat/")
    movement = visitor.page.locator("section li a").first.get_attribute("href") or ""
    return {
        "beranda": "/beranda/",
        "rencana": "/rencana/",
        "trainings": "/pelatihan/",
        "training": training,
        "buy": f"{training}beli/",
        "code": f"{training}beli/kode/",
        "platform-start": f"{training}platform/",
        "purchases": "/pelatihanku/",
        "certificate": certificate,
        "receipt": receipt,
        "evidence": evidence,
        "incentives": "/insentif/",
        "history": "/riwayat/",
        "movement": movement,
        "surveys": "/survei/",
        "survey": "/survei/1/",
        "account": "/akun/",
        "payout-account": "/akun/rekening/",
        "messages": "/demo/pesan/",
        "help": "/bantuan/",
    }


def addresses_of_second_participant(visitor: Visitor) -> dict[str, str]:
    visitor.sign_in("warga")
    held = visitor.page.locator("section.prompt a[href*=penahanan]").first.get_attribute("href") or ""
    visitor.go("/pelatihanku/")
    contested = visitor.page.locator("article", has_text=said("A person looks at the proof")).locator("h2 a").first
    return {"contested": contested.get_attribute("href") or "", "held": held}


def addresses_of_officer(visitor: Visitor) -> dict[str, str]:
    """A run that waits for the second officer shows most."""
    visitor.sign_in("petugas1")
    visitor.go("/console/people/")
    person = visitor.page.locator("tbody a").first.get_attribute("href") or ""
    visitor.go("/console/payout-runs/")
    visitor.field("Pay everything due on or before").fill("2020-11-25")
    visitor.press("Plan the run")
    run = visitor.path
    ledger = f"/console/ledger/people/{person.rstrip('/').rpartition('/')[2]}/"
    visitor.go(ledger)
    transfer = visitor.page.locator("tbody a").first.get_attribute("href") or ""
    visitor.go("/console/ledger/institutions/")
    statement = visitor.page.locator("tbody a").first.get_attribute("href") or ""
    visitor.go("/console/model/")
    model = visitor.page.locator("tbody a").first.get_attribute("href") or ""
    visitor.go("/console/partners/")
    partner = visitor.page.locator("tbody a").last.get_attribute("href") or ""
    visitor.go("/console/reconciliation/cases/")
    case = visitor.page.locator("tbody td.num a").first.get_attribute("href") or ""
    visitor.go("/console/mass-runs/plan/settle_institutions/")
    visitor.press("Plan this run")
    mass_run = visitor.path
    return {
        "funnel": "/console/",
        "people": "/console/people/",
        "person": person,
        "runs": "/console/payout-runs/",
        "run": run,
        "ledger": "/console/ledger/",
        "kind": "/console/ledger/kinds/4/",
        "movement-days": "/console/ledger/movements/5-7-8/",
        "movement-day": "/console/ledger/movements/5-7-8/?day=2020-05-26",
        "person-ledger": ledger,
        "transfer": transfer,
        "institutions": "/console/ledger/institutions/",
        "statement": statement,
        "treasury": "/console/treasury/",
        "lapsing": "/console/lapsing/",
        "mass-runs": "/console/mass-runs/",
        "plan-mass": "/console/mass-runs/plan/settle_institutions/",
        "mass-run": mass_run,
        "clawbacks": "/console/clawbacks/",
        "decide-clawback": "/console/clawbacks/new/",
        "models": "/console/model/",
        "model": model,
        "reconciliation": "/console/reconciliation/",
        "cases": "/console/reconciliation/cases/",
        "case": case,
        "alarms": "/console/alarms/",
        "curation": "/console/catalogue/",
        "partner": partner,
    }


def send_code(visitor: Visitor, address: str) -> None:
    visitor.page.goto(visitor.base_url + address)
    visitor.button("Send me a code to confirm").click()
    visitor.page.wait_for_url("**/kode/")


def picture(visitor: Visitor, path: Path) -> None:
    """WebP at the page's own size; Chromium writes it, so no library is needed."""
    page = visitor.page
    page.evaluate("document.activeElement && document.activeElement.blur()")
    width = (page.viewport_size or {"width": 320})["width"]
    height = min(TALLEST[width], int(page.evaluate("document.documentElement.scrollHeight")))
    page.set_viewport_size({"width": width, "height": height})
    shot = page.context.new_cdp_session(page).send(
        "Page.captureScreenshot", {"format": "webp", "quality": QUALITY, "optimizeForSpeed": False}
    )
    path.write_bytes(base64.b64decode(shot["data"]))


def gallery() -> Iterator[str]:
    yield "# Screenshots"
    yield ""
    yield "Made by the test suite from the demo programme (`BEKAL_SCREENSHOTS=1 python3 dev test tests/journeys`):"
    yield "every page at 320 and 1280 px, light and dark."
    for name, title in TITLES.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield " ".join(image(name, title, view) for view in VIEWS)


def image(name: str, title: str, view: Window) -> str:
    shown = 180 if view.width == 320 else 560
    source = f"screenshots/{name}-{view.width}-{view.scheme}.webp"
    return f'<img src="{source}" width="{shown}" alt="{title}, {view.width} px, {view.scheme}">'
