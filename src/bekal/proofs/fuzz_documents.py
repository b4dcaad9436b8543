"""XML and archives that have broken readers: sent wherever a file is taken."""

import gzip
import io
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache

from bekal.proofs.fuzz_corpus import ANY, bent_bytes


@cache
def xml_documents() -> Mapping[str, bytes]:
    """Documents whose reader opens a file, grows without end, or goes too deep."""
    laughs = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    head = '<?xml version="1.0"?>'
    texts = {
        "laughs": f'{head}<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a9;</x>',
        "quadratic": f'{head}<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]><x>{"&a;" * 5_000}</x>',
        "a file outside": f'{head}<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        "an address outside": f'{head}<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>',
        "a parameter entity": f'{head}<!DOCTYPE x [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><x/>',
        "a doctype": f"{head}<!DOCTYPE x><x/>",
        "100,000 levels": "<a>" * 100_000,
        "10,000 closed levels": "<a>" * 10_000 + "</a>" * 10_000,
        "50,000 attributes": "<a " + " ".join(f'a{n}="1"' for n in range(50_000)) + "/>",
        "an attribute twice": '<a b="1" b="2"/>',
        "NUL": "<a>\0</a>",
        "an inclusion": '<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/passwd"/></a>',
        "no end": "<a><b>",
        "nothing": "",
        "no XML": "a,b\n1,2\n",
        "a lie about its encoding": '<?xml version="1.0" encoding="utf-16"?><a/>',
        "an unknown encoding": '<?xml version="1.0" encoding="x-nobody"?><a/>',
        "a processing instruction": f'{head}<?xml-stylesheet href="file:///etc/passwd"?><a/>',
    }
    return {name: text.encode() for name, text in texts.items()} | {
        "UTF-16": f"{head}<a/>".encode("utf-16"),
        "UTF-7": b'<?xml version="1.0" encoding="utf-7"?>+ADw-a/+AD4-',
    }


def bent_xml(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """How a document was bent, and the document; one of ten is something else altogether."""
    if rng.random() < 0.1:
        name, other = rng.choice([*archives().items(), *xml_documents().items()])
        return name, other
    name, turn = rng.choice(list(TURNS.items()))
    return name, turn(content, rng)


def _declared(declaration: bytes) -> Callable[[bytes, random.Random], bytes]:
    """The document behind a declaration, whose entity it mentions in a value and in a text."""

    def turn(content: bytes, rng: random.Random) -> bytes:
        mentioned = rng.choice((content, content.replace(b"><", b">&a;<", 1), re.sub(rb'="', b'="&a;', content)))
        return b'<?xml version="1.0"?><!DOCTYPE x [' + declaration + b"]>" + mentioned

    return turn


def _a_value(content: bytes, rng: random.Random) -> bytes:
    """One value of an attribute becomes a hostile text, escaped as it has to be or not."""
    text = rng.choice(ANY)[:3_000]
    if rng.random() < 0.8:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    values = list(re.finditer(rb'="[^"]*"', content))
    if not values:
        return content
    found = rng.choice(values)
    return content[: found.start()] + b'="' + text.encode("utf-8", "surrogatepass") + b'"' + content[found.end() :]


def _inside(more: bytes) -> Callable[[bytes, random.Random], bytes]:
    """Something more before the last end tag."""

    def turn(content: bytes, rng: random.Random) -> bytes:
        place = content.rfind(b"</")
        return content[:place] + more + content[place:]

    return turn


def _an_element(content: bytes, rng: random.Random) -> bytes:
    """An element left out, doubled, or moved to the end."""
    elements = re.findall(rb"<[^<>]*>", content)
    if not elements:
        return content
    place = rng.randrange(len(elements))
    one = elements[place]
    rest = elements[:place] + elements[place + 1 :]
    return b"".join(rng.choice((rest, [*elements[:place], one, *elements[place:]], [*rest, one])))


ENCODINGS = (b"utf-16", b"utf-7", b"x-nobody", b"idna", b"rot13", b"base64", b"latin-1", b"utf-32", b"", b"a" * 5_000)
TURNS: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "bent bytes": bent_bytes,
    "a hostile value": _a_value,
    "an element astray": _an_element,
    "laughs": _declared(
        b'<!ENTITY a0 "ha">'
        + b"".join(b'<!ENTITY a%d "%s">' % (n + 1, b"&a%d;" % n * 10) for n in range(9))
        + b'<!ENTITY a "&a9;">'
    ),
    "a file outside": _declared(b'<!ENTITY a SYSTEM "file:///etc/passwd">'),
    "an address outside": _declared(b'<!ENTITY a SYSTEM "http://127.0.0.1:9/x">'),
    "a parameter entity": _declared(b'<!ENTITY % b SYSTEM "file:///etc/passwd"> %b; <!ENTITY a "">'),
    "a long entity": _declared(b'<!ENTITY a "' + b"a" * 50_000 + b'">'),
    "20,000 levels": _inside(b"<a>" * 20_000 + b"</a>" * 20_000),
    "3,000 elements": _inside(b'<au id="urn:x"/>' * 3_000),
    "a long text": _inside(b"a" * 200_000),
    "many references": _inside(b"&#65;" * 40_000),
    "half a surrogate": _inside(b"&#xD800;"),
    "NUL as a reference": _inside(b"&#0;"),
    "CDATA": _inside(b"<![CDATA[" + b"]]" * 20_000 + b"]]>"),
    "comments": _inside(b"<!-- a -->" * 5_000),
    "10,000 attributes": _inside(b"<a " + b" ".join(b'b%d="1"' % n for n in range(10_000)) + b"/>"),
    "10,000 spaces of names": _inside(b"".join(b'<a xmlns:n%d="urn:%d"/>' % (n, n) for n in range(8_000))),
    "more than may be sent": _inside(b" " * 300_000),
    "without its spaces": lambda content, rng: re.sub(rb' xmlns="[^"]*"', b"", content),
    "UTF-16": lambda content, rng: content.decode("utf-8", "replace").encode("utf-16"),
    "a lie about its encoding": lambda content, rng: (
        b'<?xml version="1.0" encoding="' + rng.choice(ENCODINGS) + b'"?>' + content
    ),
    "a byte order mark": lambda content, rng: b"\xef\xbb\xbf" + content,
    "twice": lambda content, rng: content * 2,
    "as it was": lambda content, rng: content,
}


@cache
def archives(inner: bytes = b"a,b\n1,2\n", name: str = "a.csv") -> Mapping[str, bytes]:
    """Archives around a file: as a bomb, in each other, with ways out of the folder, cut, and as something else."""
    plain = zipped({name: inner})
    nested = plain
    for _ in range(12):
        nested = zipped({"a.zip": nested})
    outside = io.BytesIO()
    with tarfile.open(fileobj=outside, mode="w:gz") as archive:
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return {
        "zip": plain,
        "a zip in a zip": nested,
        "a zip of 20 MB of nothing": zipped({name: bytes(20_000_000)}),
        "gzip of 20 MB of nothing": gzip.compress(bytes(20_000_000), mtime=0),
        "gzip": gzip.compress(inner, mtime=0),
        "a way out": zipped({"../../a.csv": inner, "/etc/x": inner, "C:\\x": inner}),
        "5,000 files": zipped({f"{n}.csv": b"" for n in range(5_000)}),
        "a name of 60,000": zipped({"a" * 60_000: inner}),
        "a link in a tar": outside.getvalue(),
        "cut": plain[: len(plain) // 2],
        "without its end": plain[:-22],
        "only a signature": b"PK\x03\x04",
        "a workbook": zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": xml_documents()["laughs"]}),
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(64),
        "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        "ELF": b"\x7fELF" + bytes(60),
    }


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files by their names."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()
