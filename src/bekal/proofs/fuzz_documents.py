"""XML and archives that have broken readers: sent wherever a file is taken."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from functools import cache


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


@cache
def archives(inner: bytes = b"a,b\n1,2\n", name: str = "a.csv") -> Mapping[str, bytes]:
    """Archives around a file: as a bomb, in each other, with ways out of the folder, cut, and as something else."""
    plain = _zip({name: inner})
    nested = plain
    for _ in range(12):
        nested = _zip({"a.zip": nested})
    outside = io.BytesIO()
    with tarfile.open(fileobj=outside, mode="w:gz") as archive:
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return {
        "zip": plain,
        "a zip in a zip": nested,
        "a zip of 20 MB of nothing": _zip({name: bytes(20_000_000)}),
        "gzip of 20 MB of nothing": gzip.compress(bytes(20_000_000), mtime=0),
        "gzip": gzip.compress(inner, mtime=0),
        "a way out": _zip({"../../a.csv": inner, "/etc/x": inner, "C:\\x": inner}),
        "5,000 files": _zip({f"{n}.csv": b"" for n in range(5_000)}),
        "a name of 60,000": _zip({"a" * 60_000: inner}),
        "a link in a tar": outside.getvalue(),
        "cut": plain[: len(plain) // 2],
        "without its end": plain[:-22],
        "only a signature": b"PK\x03\x04",
        "a workbook": _zip({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": xml_documents()["laughs"]}),
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(64),
        "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        "ELF": b"\x7fELF" + bytes(60),
    }


def _zip(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()
