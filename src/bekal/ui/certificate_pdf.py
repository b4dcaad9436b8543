"""The certificate on paper: one A4 page, Indonesian with English below, the same bytes for the same certificate.

The font goes into the file (DejaVu Sans, `fonts/LICENSE.txt`, cut to Latin letters: names in Indonesian documents are
written in them). Tagged for screen readers, with headings, paragraphs and a described QR code; fpdf2 has tags for
pictures alone, so the others are written here by the same means.
"""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import segno
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, ngettext, override
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.prefs import ViewerPreferences

from bekal.purchases.certificates import CertificateLine
from bekal.purchases.open_badge import certificate_address
from bekal.ui.display import day

FONTS = Path(__file__).parent / "fonts"
# Millimetres, points.
WIDTH, HEIGHT, MARGIN, QR_SIZE = 297, 210, 20, 34
INNER = WIDTH - 2 * MARGIN
MM_PER_POINT = 25.4 / 72
LEADING = 1.3
INK, SOFT, ACCENT = (28, 32, 36), (88, 94, 100), (0, 92, 92)
# Shown for what the font lacks: better a sign that something is missing than nothing.
MISSING = "□"
HEADING = gettext_lazy("Certificate of completion")
AWARDED = gettext_lazy("Awarded to")
COMPLETED = gettext_lazy("who has completed the training")
HELD_BY = gettext_lazy("held by")
FINISHED_ON = gettext_lazy("Finished on")
LENGTH = gettext_lazy("Length")
ISSUED_ON = gettext_lazy("Issued on")
NUMBER = gettext_lazy("Certificate number")
CHECK = gettext_lazy("Scan the code or open the address to see whether this certificate is valid.")
QR_SAYS = gettext_lazy("QR code that leads to %(address)s")


class _Page(FPDF):
    """One page whose content is tagged."""

    @contextmanager
    def tagged(self, kind: str, alt_text: str | None = None) -> Iterator[None]:
        """What is drawn inside is an element of this kind: H1, P, Figure; without a kind it is decoration."""
        if not kind:
            self._out("/Artifact BMC")
        else:
            mcid = self.struct_builder.next_mcid_for_page(self.page)
            self._add_marked_content(struct_type=f"/{kind}", mcid=mcid, alt_text=alt_text)
            self._out(f"/{kind} <</MCID {mcid}>> BDC")
        yield
        self._out("EMC")

    def fitted(self, text: str, *, top: float, height: float, size: float, bold: bool = False) -> None:
        """The text centred in a box of the page's inner width: smaller, and on more lines, until it fits."""
        text = readable(text)
        lines: list[str] = []
        while True:
            self.set_font("Body", "B" if bold else "", size)
            leading = size * MM_PER_POINT * LEADING
            lines = self.multi_cell(INNER, leading, text, align="C", dry_run=True, output="LINES")  # type: ignore[assignment]
            if len(lines) * leading <= height or size <= 4:
                break
            size -= 1
        self.set_xy(MARGIN, top + (height - len(lines) * leading) / 2)
        self.multi_cell(INNER, leading, text, align="C")

    def both(self, text: str | Promise, *, top: float, height: float, size: float) -> None:
        """A sentence in Indonesian, and smaller below in English."""
        indonesian, english = _both(text)
        with self.tagged("P"):
            self.set_text_color(*INK)
            self.fitted(indonesian, top=top, height=height * 0.55, size=size)
        with self.tagged("P"):
            self.set_text_color(*SOFT)
            self.fitted(english, top=top + height * 0.55, height=height * 0.45, size=size * 0.8)


def certificate_pdf(line: CertificateLine, *, base: str) -> bytes:
    """The page of one certificate; `base` is the programme's address without a slash at its end."""
    address = certificate_address(line, base=base)
    page = _Page(orientation="landscape", unit="mm", format="A4")
    page.set_margin(0)
    page.set_auto_page_break(False)
    page.add_font("Body", "", FONTS / "DejaVuSans.ttf")
    page.add_font("Body", "B", FONTS / "DejaVuSans-Bold.ttf")
    indonesian, english = _both(HEADING)
    page.set_title(readable(f"{indonesian}: {line.title}"))
    page.set_author(settings.PROGRAMME_NAME)
    page.set_subject(line.grouped)
    page.set_lang("id")
    page.set_creation_date(line.issued_at)
    page.viewer_preferences = ViewerPreferences(display_doc_title=True)
    page.add_page()
    _frame(page)
    with page.tagged("P"):
        page.set_text_color(*ACCENT)
        page.fitted(settings.PROGRAMME_NAME, top=18, height=8, size=13, bold=True)
    with page.tagged("H1"):
        page.set_text_color(*INK)
        page.fitted(indonesian, top=28, height=14, size=28, bold=True)
    with page.tagged("P"):
        page.set_text_color(*SOFT)
        page.fitted(english, top=42, height=7, size=13)
    _who_and_what(page, line)
    _facts(page, line)
    _check(page, address)
    return bytes(page.output())


def _who_and_what(page: _Page, line: CertificateLine) -> None:
    page.both(AWARDED, top=52, height=10, size=11)
    with page.tagged("H2"):
        page.set_text_color(*INK)
        page.fitted(line.full_name, top=62, height=18, size=26, bold=True)
    page.both(COMPLETED, top=81, height=10, size=11)
    with page.tagged("H2"):
        page.set_text_color(*ACCENT)
        page.fitted(line.title, top=91, height=22, size=20, bold=True)
    page.both(HELD_BY, top=113, height=9, size=10)
    with page.tagged("P"):
        page.set_text_color(*INK)
        page.fitted(line.institution_name, top=122, height=13, size=15, bold=True)


def _facts(page: _Page, line: CertificateLine) -> None:
    """Four columns: when it was finished, how long it was, when it was issued, the number."""
    facts: tuple[tuple[Promise, Callable[[], str]], ...] = (
        (FINISHED_ON, lambda: day(line.completed_at)),
        (LENGTH, lambda: _length(line)),
        (ISSUED_ON, lambda: day(line.issued_at)),
        (NUMBER, lambda: line.grouped),
    )
    width = INNER / len(facts)
    for place, (label, value) in enumerate(facts):
        labels, values = _both(label), _spoken(value)
        rows = [(" / ".join(labels), "", 8.0, SOFT), (values[0], "B", 10.5, INK)]
        if values[1] != values[0]:
            rows.append((values[1], "", 8.0, SOFT))
        with page.tagged("P"):
            for number, (text, style, size, colour) in enumerate(rows):
                page.set_font("Body", style, size)
                while page.get_string_width(text) > width - 4:
                    size -= 0.25
                    page.set_font("Body", style, size)
                page.set_text_color(*colour)
                page.set_xy(MARGIN + place * width, 139 + number * 5.5)
                page.cell(width, 5.5, text, align="C")


def _check(page: _Page, address: str) -> None:
    """The QR code, in squares so that it prints sharply, four of them clear on each side; and its address in words."""
    left, top = WIDTH - MARGIN - QR_SIZE, HEIGHT - MARGIN + 2 - QR_SIZE
    with page.tagged("Figure", " / ".join(text % {"address": address} for text in _both(QR_SAYS))):
        page.set_fill_color(0, 0, 0)
        rows = [list(row) for row in segno.make(address, error="m", micro=False).matrix_iter(border=0)]
        side = QR_SIZE / len(rows)
        for y, row in enumerate(rows):
            for start, length in _runs(row):
                page.rect(left + start * side, top + y * side, length * side, side, style="F")
    text_width = INNER - QR_SIZE - 8
    for number, text in enumerate(_both(CHECK)):
        with page.tagged("P"):
            page.set_font("Body", "", 9 - number)
            page.set_text_color(*(SOFT if number else INK))
            page.set_xy(MARGIN, 163 + number * 5)
            page.cell(text_width, 5, text)
    with page.tagged("P"):
        size = 9.0
        page.set_font("Body", "", size)
        while page.get_string_width(address) > text_width:
            size -= 0.25
            page.set_font("Body", "", size)
        page.set_text_color(*ACCENT)
        page.set_xy(MARGIN, 174)
        page.cell(text_width, 6, address)
    page.link(MARGIN, 174, text_width, 6, address, alt_text=address)


def _frame(page: _Page) -> None:
    with page.tagged(""):
        page.set_draw_color(*ACCENT)
        page.set_line_width(1.2)
        page.rect(9, 9, WIDTH - 18, HEIGHT - 18)
        page.set_line_width(0.3)
        page.rect(11, 11, WIDTH - 22, HEIGHT - 22)


def _runs(row: list[int]) -> Iterator[tuple[int, int]]:
    """Where dark squares begin in a row, and how many follow each other."""
    start = None
    for place, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = place
        elif not dark and start is not None:
            yield start, place - start
            start = None


def _length(line: CertificateLine) -> str:
    sessions = ngettext("%(count)d session", "%(count)d sessions", line.session_count) % {"count": line.session_count}
    if line.hours is None:
        return sessions
    return f"{ngettext('%(count)d hour', '%(count)d hours', line.hours) % {'count': line.hours}}, {sessions}"


def _both(text: str | Promise) -> tuple[str, str]:
    """A text of the catalogue in Indonesian and in English."""
    return _spoken(lambda: str(text))


def _spoken(say: Callable[[], str]) -> tuple[str, str]:
    with override("id"):
        indonesian = say()
    with override("en"):
        return indonesian, say()


def readable(text: str) -> str:
    """The text on one line in letters that the font has; `□` stands for each of the others."""
    known = _known()
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(each if ord(each) in known else MISSING for each in composed)


@lru_cache(maxsize=1)
def _known() -> frozenset[int]:
    with TTFont(FONTS / "DejaVuSans-Bold.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())
