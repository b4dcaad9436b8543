"""What is written about the house is true: links lead somewhere, rooms are described, words mean one thing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contracts.house import ROOT, SOURCE, named, python_files, rooms, tree_of

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *SOURCE.rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]
)
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)=\"([^\"]+)\"")
ROOM_HEADS = ("vocabulary", "journey", "relations", "key files")
GLOSSARY = ROOT / "docs" / "glossary.yaml"
GLOSSARY_KEYS = {"term", "identifier", "meaning", "planned"}
# Synonyms that would make two words of one thing.
NEVER = ("course", "voucher", "wallet_balance", "cash_out", "trainee")


def links(document: Path) -> Iterator[str]:
    """Where a document points, code blocks left out."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
    for match in LINK.finditer(text):
        yield match[1] or match[2]


def anchors(document: Path) -> set[str]:
    """The addresses of a document's headings, as the forges make them."""
    heads = re.findall(r"^#+\s+(.+?)\s*$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for link in links(document):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("room", rooms())
def test_every_room_is_described(room: str) -> None:
    readme = SOURCE / room / "README.md"
    assert readme.exists(), f"{named(readme)} is missing"
    heads = [head.lower() for head in re.findall(r"^##\s+(.+)$", readme.read_text(), flags=re.MULTILINE)]
    assert [wanted for wanted in ROOM_HEADS if not any(wanted in head for head in heads)] == []


def test_requirements_are_pinned_by_hash_and_name_no_address() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert re.findall(r"https?:|--(?:extra-)?index-url|--find-links|--trusted-host|^-i\b", text) == [], named(path)
        pinned = re.findall(r"^[a-z0-9][\w.\-\[\]]*==\S+", text, flags=re.MULTILINE | re.IGNORECASE)
        assert pinned, f"{named(path)} pins nothing"
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)
        assert [b.split()[0] for b in blocks if re.match(r"[a-zA-Z0-9]", b) and "--hash=sha256:" not in b] == []


def glossary() -> list[dict[str, Any]]:
    entries = yaml.safe_load(GLOSSARY.read_text())["words"]
    assert isinstance(entries, list)
    return entries


# Files about a standard with a word of its own: cmi5 calls a package of units a course, v1 answers `course_type`.
OF_A_STANDARD = ("cmi5_", "xapi", "record_statements", "training_words", "url_generate")


def identifiers(*, besides: tuple[str, ...] = ()) -> set[str]:
    """Every name the house's own code defines: rooms, modules, classes, functions, fields; without files that begin
    with one of `besides`."""
    found: set[str] = set()
    for path in python_files(tests=False):
        if not path.is_relative_to(SOURCE) or path.stem.startswith(besides or ("\0",)):
            continue
        found |= {path.stem, path.parent.name}
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
    return found


def test_the_glossary_is_whole() -> None:
    seen: set[str] = set()
    for entry in glossary():
        assert set(entry) <= GLOSSARY_KEYS, entry
        assert all(isinstance(entry.get(key), str) and entry[key] for key in ("term", "identifier", "meaning")), entry
        assert entry["identifier"] not in seen, f"{entry['identifier']} stands twice"
        seen.add(entry["identifier"])


def test_the_words_of_the_glossary_are_those_of_the_code() -> None:
    """A word that is not built yet says so; once it is built it may say so no longer."""
    names = identifiers()
    for entry in glossary():
        assert (entry["identifier"] in names) != entry.get("planned", False), entry


def test_one_word_for_one_thing() -> None:
    names = identifiers(besides=OF_A_STANDARD)
    assert sorted(name for name in names if any(word in name.lower() for word in NEVER)) == []
