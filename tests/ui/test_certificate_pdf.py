"""The certificate on paper, read back: what it says, in which letters, and that nothing leaves the page."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from bekal.purchases.certificates import CertificateLine
from bekal.ui.certificate_pdf import certificate_pdf, readable

BASE = "https://bekal.example"
AT = datetime(2020, 7, 27, 2, tzinfo=UTC)
LINE = CertificateLine(
    certificate_id=1,
    number="ABCDEFGHJKMNPQR",
    purchase_id=1,
    participation_id=1,
    participant_id=1,
    training_id=1,
    institution_id=1,
    full_name="Ni Luh Përmatasari Ñoño D'Souza",
    title="Menjadi barista: dari biji ke cangkir",
    institution_name="Lembaga Pelatihan Nusantara",
    hours=12,
    session_count=4,
    evidence_digest=bytes(32),
    evidence_count=5,
    status_list=0,
    status_index=77,
    completed_at=AT,
    issued_at=AT,
    events=(),
)


def page_of(line: CertificateLine, base: str = BASE) -> Any:
    reader = PdfReader(io.BytesIO(certificate_pdf(line, base=base)), strict=True)
    (page,) = reader.pages
    return page


def words_of(line: CertificateLine, base: str = BASE) -> str:
    return " ".join(page_of(line, base).extract_text().split())


def boxes_of(page: Any) -> list[tuple[float, float, str]]:
    """Where each piece of text begins, in points from the lower left corner."""
    found: list[tuple[float, float, str]] = []
    page.extract_text(visitor_text=lambda text, _cm, tm, _font, _size: found.append((tm[4], tm[5], text)))
    return [each for each in found if each[2].strip()]


def test_it_says_in_both_languages_what_was_completed_and_by_whom() -> None:
    words = words_of(LINE)
    for said in (
        "Sertifikat penyelesaian pelatihan",
        "Certificate of completion",
        "Diberikan kepada",
        "Ni Luh Përmatasari Ñoño D'Souza",
        "Menjadi barista: dari biji ke cangkir",
        "Lembaga Pelatihan Nusantara",
        "12 jam, 4 sesi",
        "12 hours, 4 sessions",
        "27 Juli 2020",
        "27 July 2020",
        "ABCDE-FGHJK-MNPQR",
        "https://bekal.example/sertifikat/ABCDE-FGHJK-MNPQR/",
    ):
        assert said in words


def test_the_same_certificate_is_the_same_bytes() -> None:
    assert certificate_pdf(LINE, base=BASE) == certificate_pdf(replace(LINE), base=BASE)
    assert certificate_pdf(LINE, base=BASE) != certificate_pdf(replace(LINE, full_name="Ani"), base=BASE)
    assert len(certificate_pdf(LINE, base=BASE)) < 60_000


def test_a_screen_reader_finds_language_title_headings_and_the_code_in_words() -> None:
    reader = PdfReader(io.BytesIO(certificate_pdf(LINE, base=BASE)))
    root: Any = reader.trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"], root["/ViewerPreferences"]["/DisplayDocTitle"]) == (
        "id",
        True,
        True,
    )
    assert reader.metadata is not None
    assert reader.metadata.title == "Sertifikat penyelesaian pelatihan: Menjadi barista: dari biji ke cangkir"
    elements = [each.get_object() for each in root["/StructTreeRoot"]["/K"][0].get_object()["/K"]]
    kinds = [each["/S"] for each in elements]
    assert kinds.count("/H1") == 1 and kinds.count("/H2") == 2
    (figure,) = [each for each in elements if each["/S"] == "/Figure"]
    assert "https://bekal.example/sertifikat/ABCDE-FGHJK-MNPQR/" in figure["/Alt"]
    (link,) = reader.pages[0]["/Annots"]
    assert link.get_object()["/A"]["/URI"] == "https://bekal.example/sertifikat/ABCDE-FGHJK-MNPQR/"


def test_the_fonts_are_in_the_file() -> None:
    fonts = page_of(LINE)["/Resources"]["/Font"].values()
    for font in fonts:
        descendant = font.get_object()["/DescendantFonts"][0].get_object()
        assert "/FontFile2" in descendant["/FontDescriptor"].get_object()


@pytest.mark.parametrize("filler", ["W", "Wi ", "Kusumaningrat-Sosrokartono "])
def test_the_longest_names_get_smaller_and_stay_on_the_page(filler: str) -> None:
    long = replace(
        LINE, full_name=(filler * 150)[:150], title=(filler * 300)[:300], institution_name=(filler * 200)[:200]
    )
    base = "https://" + "bekal." * 20 + "example"
    page = page_of(long, base)
    width, height = float(page.mediabox.width), float(page.mediabox.height)
    boxes = boxes_of(page)
    assert all(40 < x < width - 40 and 40 < y < height - 40 for x, y, _ in boxes), boxes
    squeezed = "".join(page.extract_text().split())
    for text in (long.full_name, long.title, long.institution_name):
        assert "".join(text.split()) in squeezed
    # The parts keep their order from top to bottom: nothing is printed over something else.
    heights = [y for _, y, text in boxes if text.strip() and not text.startswith(("http", "ABCDE"))]
    assert heights[0] == max(heights)


def test_letters_the_font_lacks_leave_a_mark() -> None:
    assert readable("e\u0301\nḌḥ “a” 李 👍") == "éḌḥ “a” □ □".replace("éḌ", "é Ḍ")


@given(st.text(max_size=150), st.text(min_size=1, max_size=300), st.one_of(st.none(), st.integers(0, 32_767)))
@settings(max_examples=15, deadline=None)
def test_any_text_makes_one_page(name: str, title: str, hours: int | None) -> None:
    assert page_of(replace(LINE, full_name=name, title=title, hours=hours)) is not None
