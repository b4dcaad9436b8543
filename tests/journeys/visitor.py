"""A person with a browser who looks at every page as strictly as a good tester would."""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import polib
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Request, Response

from bekal.config.translations import catalogues

AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# Text that only a mistake puts on a page.
MISTAKES = re.compile(r"\bNone\b|\bnan\b|\{\{|\}\}|\{%|%\(\w+\)s|&amp;\w+;|<[A-Za-z]+ object")
# All that axe judges of a page: which elements stand in which, their attributes, and where there is text at all. Which
# text, number or address it is, in which language, and how many alike there are, is nothing to it: `alike` are all
# after the first. Which labels are the same does matter, so they are numbered.
SHAPE = """
    const told = new Set(["href", "action", "src", "value", "alt", "title", "placeholder", "content", "datetime",
        "lang"]);
    const labels = [];
    const label = (value) => labels.indexOf(value) + 1 || labels.push(value);
    const bare = (value) => value.replace(/[0-9]+/g, "0");
    const attribute = ({name, value}) => name + "=" + (!value || value.startsWith("#") ? value : told.has(name) ? "t"
        : name === "aria-label" ? label(bare(value)) : bare(value));
    const alike = [];
    const shape = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return node.data.trim() && "t";
        if (node.nodeType !== Node.ELEMENT_NODE || node.localName === "script") return "";
        const inside = new Set();
        for (const child of node.localName === "svg" ? [] : node.childNodes) {
            const one = shape(child);
            if (inside.has(one) && child.nodeType === Node.ELEMENT_NODE) alike.push(child);
            inside.add(one);
        }
        return `<${node.localName} ${[...node.attributes].map(attribute).join(" ")}>${[...inside].join("")}`;
    };
    const page = shape(document.documentElement);
"""
ASK_AXE = f"(asked) => {{ {SHAPE} return axe.run({{include: [document], exclude: alike}}, asked); }}"
SEEN = f"""() => {{
    {SHAPE}
    return {{
        headings: document.querySelectorAll("h1").length,
        language: document.documentElement.lang,
        title: document.title,
        text: document.body.innerText,
        width: document.documentElement.scrollWidth,
        inner: window.innerWidth,
        cut: [...document.querySelectorAll(".scroll")].filter((box) => box.querySelector(":scope > table")
            && box.scrollWidth > box.clientWidth).map((box) => box.ariaLabel || box.innerText.slice(0, 40)),
        shape: page,
    }};
}}"""
# Below this a table that does not fit stands as cards, where scripts run.
PHONE = 576
SCRIPTS = re.compile(r"<script\b.*?</script>", re.DOTALL)
_looked_at: set[tuple[int, str]] = set()


@cache
def translations() -> dict[str, str]:
    """Every text of the house in Indonesian."""
    return {entry.msgid: entry.msgstr for path in catalogues() for entry in polib.pofile(str(path)) if entry.msgstr}


def said(text: str) -> str:
    """How the pages say it in Indonesian; the English text is the key, as in the templates."""
    return translations()[text]


class Visitor:
    """One signed-in or anonymous person in one browser window.

    `look` runs after every step: no error in the console, nothing stopped by the content security policy, no fault of
    axe in light and dark, no scrolling sideways, no table cut off on a phone, one main heading, nothing untranslated or
    undefined.
    """

    def __init__(self, context: BrowserContext, lens: BrowserContext, base_url: str) -> None:
        self.page: Page = context.new_page()
        self.base_url = base_url
        self.lens = lens
        self._seen: Page | None = None
        self._finished: list[Request] = []
        self.visited: list[str] = []
        self.language = "id"
        self.faults: list[str] = []
        self._expected: set[int] = set()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("response", self._receive)
        self.page.on("requestfinished", lambda request: self._finished.append(request))

    @property
    def bytes_of(self) -> dict[str, int]:
        """How much was sent for each address so far. Asked of the requests afterwards: the question takes a moment, in
        which whoever waits for the page would go on."""
        return {request.url: request.sizes()["responseBodySize"] for request in self._finished}

    # What a person does

    def go(self, path: str, *, expect: int = 200) -> None:
        """Open an address of the site."""
        self._step(lambda: self.page.goto(self.base_url + path), expect)

    def press(self, button: Locator | str, *, expect: int = 200) -> None:
        """Press a button that leads to a page; a text is the button's English name."""
        target = self.button(button) if isinstance(button, str) else button

        def click() -> None:
            with self.page.expect_navigation():
                target.click()

        self._step(click, expect)

    def press_twice(self, button: str, *, leads_to: re.Pattern[str]) -> None:
        """A hurried double click: the first order may be on its way when the browser drops it for the second."""

        def click() -> None:
            self.button(button).dblclick()
            try:
                self.page.wait_for_url(leads_to)
            except Error as dropped:  # the browser has dropped the answer to the first order for that to the second
                if "ERR_ABORTED" not in str(dropped):
                    raise
                self.page.wait_for_url(leads_to)

        self._step(click, 200)

    def follow(self, link: Locator | str, *, expect: int = 200) -> None:
        """Follow a link; a text is its English name."""
        target = self.page.get_by_role("link", name=said(link)).first if isinstance(link, str) else link
        menu = self.page.locator("label[for=menu]")
        if not target.count() and menu.is_visible():
            menu.click()
        self.press(target, expect=expect)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=said(name), exact=True).first

    def sign_in(self, login_name: str) -> None:
        """Through the demo's one-press sign-in."""
        self.go("/masuk/")
        self.press(self.page.get_by_role("button", name=re.compile(f"^{login_name}")))

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(said(label), exact=True)

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def text(self, selector: str) -> str:
        """What the first such element says, blanks tidied."""
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def texts(self, selector: str) -> list[str]:
        return [" ".join(each.split()) for each in self.page.locator(selector).all_inner_texts()]

    # What a tester sees

    def _step(self, act: Callable[[], Any], expect: int) -> None:
        self._expected = {expect}
        act()
        self.page.wait_for_load_state("load")
        self.look()
        self._expected = set()

    def look(self) -> None:
        self.visited.append(self.path)
        seen = self.page.evaluate(SEEN)
        self._note(seen["headings"] != 1, f"has {seen['headings']} main headings")
        self._note(not seen["title"].endswith("· Bekal"), f"is titled {seen['title']!r}")
        self._note(seen["language"] != self.language, f"is in {seen['language']}")
        mistake = MISTAKES.search(seen["text"])
        self._note(mistake is not None, f"says {mistake and mistake[0]!r}")
        width, inner = seen["width"], seen["inner"]
        self._note(width > inner, f"scrolls sideways: {width} px wide in a window of {inner} px")
        if self.lens is self.page.context and inner < PHONE:
            self._note(bool(seen["cut"]), f"has tables that are cut off: {seen['cut']}")
        self._ask_axe(seen["shape"])

    def _note(self, is_wrong: bool, what: str) -> None:
        """One run tells everything there is to mend: the test fails at its end."""
        if is_wrong:
            self.faults.append(f"{self.path} {what}")

    def _ask_axe(self, shape: str) -> None:
        """A page of the same shape at the same width is asked about once, whoever opens it."""
        width = (self.page.viewport_size or {"width": 0})["width"]
        if (width, shape) in _looked_at:
            return
        page = self.page if self.lens is self.page.context else self._through_the_lens()
        page.evaluate(AXE_SCRIPT)
        for scheme, rules in (("light", AXE_RULES), ("dark", CONTRAST)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
            asked = {**rules, "resultTypes": ["violations"]}
            for violation in page.evaluate(ASK_AXE, asked)["violations"]:
                self._note(True, f"({scheme}, {width} px) {_fault(violation)}")
        page.emulate_media(color_scheme="light")
        _looked_at.add((width, shape))

    def _through_the_lens(self) -> Page:
        """axe is a script, so a page without scripts is shown once more where scripts run, its own left out."""
        if self._seen is None:
            self._seen = self.lens.new_page()
        html = SCRIPTS.sub("", self.page.content())
        address = self.page.url.partition("#")[0]  # to another place on the same page it would not load
        self._seen.route(address, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
        self._seen.goto(address)
        self._seen.unroute(address)
        return self._seen

    def _hear(self, message: ConsoleMessage) -> None:
        expected = any(f"status of {status}" in message.text for status in self._expected)
        if message.type in ("error", "warning") and not expected:
            self.faults.append(f"console: {message.text}")

    def _receive(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.faults.append(f"{response.status} {response.url}")


def _fault(violation: dict[str, Any]) -> str:
    nodes = json.dumps([node["html"][:160] for node in violation["nodes"][:4]], ensure_ascii=False)
    return f"{violation['id']}: {violation['help']} {nodes} {violation['nodes'][0].get('failureSummary', '')}"
