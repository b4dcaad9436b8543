"""The model's pages: what an officer and an auditor read of a version, and how two officers let one serve."""

import csv
import gzip
import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from bekal.recommender.examination_reasons import untold_reasons
from bekal.recommender.fit import fit
from bekal.recommender.models import ModelExamination, ModelPromotion, ModelProposal, ModelVersion
from tests import factories
from tests.factories import jakarta
from tests.factories.serving import examined, promoted
from tests.web.conftest import text_of

AT = jakarta(2020, 11, 18)
HTML_BUDGET = 40 * 1024
REASON = "Quality differs between provinces by 13 %; the limit is 10 %."


def comparison(attribute: str, measure: str, gap: float | None, verdict: str, sizes: tuple[int, ...]) -> dict[str, Any]:
    groups = [
        {"value": value, "people_count": size, "figure": 0.4, "low": 0.38, "high": 0.42}
        for value, size in enumerate(sizes)
    ]
    low, high = (None, None) if gap is None else (gap - 0.02, gap + 0.03)
    return {
        "attribute": attribute,
        "measure": measure,
        "groups": groups,
        "gap": gap,
        "gap_low": low,
        "gap_high": high,
        "limit": 0.1,
        "verdict": verdict,
    }


def report(*, passes: bool = True) -> dict[str, Any]:
    cell = {"ndcg": 0.4551, "error": 0.009, "popularity": 0.439, "segment_popularity": 0.45}
    fairness = [
        comparison("sex", "quality", 0.04, "passes", (400, 500)),
        comparison("age_band", "quality", 0.13, "passes" if passes else "blocked", (300, 9, 200)),
        comparison("province", "quality", None, "cannot_tell", ()),
    ]
    return {
        "quality": {
            "people_count": 903,
            "cells": {"k0": cell, "k1b": cell},
            "calibration": {"k0": {"expected_over_observed": 1.031, "temperature": 1.02}},
        },
        "fairness": fairness,
        "flips": [
            {
                "attribute": "sex",
                "people_count": 500,
                "mean_overlap": 0.93,
                "mean_price_change_rupiah": -1250.4,
                "quality": 0.455,
                "quality_without": 0.449,
                "verdict": "passes",
            }
        ],
        "exposure": {
            "small_institution_share_of_lists": 0.18,
            "small_institution_share_of_choices": 0.21,
            "ratio": 0.857,
            "limit": 0.8,
            "largest_institution_share": 0.12,
            "most_of_one_institution_in_a_list": 3,
            "cap": 3,
            "verdict": "passes",
        },
        "attack": {"group_count": 2000, "accomplices": 212, "needed": 100, "verdict": "passes"},
        "passes": passes,
        "reasons": [] if passes else [REASON],
    }


@pytest.fixture
def version(db: None) -> ModelVersion:
    training = factories.training()
    for person in factories.accepted(3):
        factories.reviewed(person, training)
    return fit(at=AT)


@pytest.fixture
def officers(db: None) -> tuple[Client, Client]:
    first, second = Client(), Client()
    first.force_login(factories.officer("petugas-satu"))
    second.force_login(factories.officer("petugas-dua"))
    return first, second


def examine(version: ModelVersion, *, passes: bool = True) -> None:
    ModelExamination.objects.create(model_version=version, examined_at=AT, report=report(passes=passes), passes=passes)


def page(office: Client, path: str, *, expect: int = 200) -> str:
    response = office.get(path)
    assert response.status_code == expect
    return response.content.decode()


def said(office: Client, path: str) -> str:
    response = office.post(path, follow=True)
    assert response.status_code == 200
    return text_of(response.content.decode())


def path_of(version: ModelVersion, end: str = "") -> str:
    return f"/console/model/{version.pk}/{end}"


def table(office: Client, path: str) -> list[list[str]]:
    response = office.get(path)
    assert response.status_code == 200 and response["Content-Type"].startswith("text/csv")
    return list(csv.reader(StringIO(response.getvalue().decode("utf-8-sig"))))


# Two officers


def test_one_officer_proposes_and_another_lets_it_serve(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    first, second = officers
    examine(version)
    assert "Usulkan untuk dipakai" in page(first, path_of(version))
    assert "Sudah diusulkan" in said(first, path_of(version, "propose/"))
    own = page(first, path_of(version))
    assert "Petugas lain harus menyetujui pemakaiannya" in own and "promote/" not in own
    assert "menunggu petugas kedua" in text_of(page(first, "/console/model/"))
    assert "Petugas lain harus menyetujuinya" in said(first, path_of(version, "promote/"))
    assert not ModelPromotion.objects.exists()
    assert "dipakai mulai sekarang" in said(second, path_of(version, "promote/"))
    told = text_of(page(second, "/console/model/"))
    assert f"Model {version.pk} sedang dipakai" in told
    assert "petugas-satu" in told and "petugas-dua" in told
    assert "sudah dipakai" in said(second, path_of(version, "promote/"))
    assert ModelPromotion.objects.count() == 1


def test_what_does_not_pass_says_why_and_cannot_serve(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    first, second = officers
    examine(version, passes=False)
    told = page(first, path_of(version))
    assert "Mengapa ditahan" in told and REASON in text_of(told)
    assert "propose/" not in told and "promote/" not in told
    said(first, path_of(version, "propose/"))
    assert "tidak lulus pemeriksaan" in said(second, path_of(version, "promote/"))
    assert not ModelPromotion.objects.exists()


def test_a_roll_back_names_both_versions_first(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    first, _second = officers
    promoted(version, at=AT)
    newer = promoted(fit(at=AT, seed=1), at=AT)
    overview = page(first, "/console/model/")
    assert f'href="{path_of(version, "roll-back/")}"' in overview
    asked = text_of(page(first, path_of(version, "roll-back/")))
    assert f"Model {newer.pk}, dibuat" in asked and f"Model {version.pk}, dibuat" in asked
    assert bytes(version.sha256).hex() in asked
    assert ModelPromotion.objects.count() == 2, "looking changes nothing"
    assert f"Model {version.pk} dipakai mulai sekarang" in said(first, path_of(version, "roll-back/"))
    assert "sudah dipakai" in said(first, path_of(version, "roll-back/")), "a second click"
    assert ModelPromotion.objects.count() == 3
    assert "dikembalikan" in text_of(page(first, "/console/model/"))
    never = fit(at=AT, seed=2)
    assert "belum pernah dipakai" in said(first, path_of(never, "roll-back/"))


def test_an_auditor_reads_all_and_acts_in_nothing(version: ModelVersion) -> None:
    auditor = Client()
    auditor.force_login(factories.auditor())
    examine(version)
    told = page(auditor, path_of(version))
    assert "Seberapa baik daftarnya" in told and '<form method="post" action="/console/model' not in told
    for end in ("propose/", "promote/", "roll-back/"):
        assert auditor.post(path_of(version, end)).status_code == 403
    assert auditor.get(path_of(version, "roll-back/")).status_code == 403
    assert not ModelProposal.objects.exists()


# What is read


def test_before_the_first_fit_the_page_says_what_comes(officers: tuple[Client, Client]) -> None:
    told = text_of(page(officers[0], "/console/model/"))
    assert "Belum ada model" in told and "Proses latar membuatnya" in told
    page(officers[0], path_of(ModelVersion(pk=4711)), expect=404)
    page(officers[0], "/console/model/99999999999999999999999/", expect=404)


def test_a_version_without_examination_says_so(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    told = text_of(page(officers[0], path_of(version)))
    assert "Versi ini belum diperiksa" in told and "Perlu diperiksa" in told
    assert "Tidak ada versi yang dipakai" in text_of(page(officers[0], "/console/model/"))
    examined(version, at=AT, passes=False)
    told = text_of(page(officers[0], path_of(version)))
    assert told.count("Ini tidak diperiksa.") == 6 and "Pemeriksaan tidak memberi alasan" in told


def test_the_examination_is_told_in_figures_and_words(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    examine(version, passes=False)
    told = page(officers[0], path_of(version))
    assert "0,455" in told and "103,1" in told and "212" in told and "-Rp1.250" in told
    verdicts = re.findall(r'<span class="chip (\w*)"><svg.*?</svg>([^<]+)</span>', told)
    assert ("bad", "di atas batas: menahan") in verdicts, "an icon and words, not only a colour"
    assert ("sun", "terlalu sedikit orang untuk menilai") in verdicts and ("good", "dalam batas") in verdicts
    assert told.count('<ul class="plain dots">') == 3 and told.count("<h1") == 1
    assert len(gzip.compress(told.encode())) <= HTML_BUDGET
    for language, word in (("en", "above the limit: blocks"), ("id", "di atas batas: menahan")):
        officers[0].cookies["django_language"] = language
        assert word in page(officers[0], path_of(version))


def test_groups_of_fewer_than_ten_are_told_nowhere(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    examine(version)
    told = page(officers[0], path_of(version))
    row = re.search(r"25–34</td>(.*?)</tr>", told, re.DOTALL)
    assert row and "di bawah 10" in row[1] and "0,400" not in row[1]
    lines = table(officers[0], path_of(version, "?table=groups&form=csv"))
    small = next(line for line in lines if "25–34" in line)
    assert small[3:] == ["di bawah 10", "", "", ""]
    assert [line[3] for line in lines if "18–24" in line] == ["300"]


def test_fewer_than_ten_people_are_told_nowhere(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    promoted(version, at=AT)
    for path in ("/console/model/", path_of(version), path_of(version, "roll-back/")):
        figures = re.findall(r'class="(?:value|num)">([^<]*)<', page(officers[0], path))
        assert "di bawah 10" in figures and "3" not in figures, path
    for form in ("csv", "xlsx"):
        assert officers[0].get(f"/console/model/?form={form}").status_code == 200
    assert table(officers[0], "/console/model/?form=csv")[1][2:4] == ["di bawah 10", "di bawah 10"]
    assert list(untold_reasons(9, [])) == [
        "Belum sampai 10 orang menyelesaikan pelatihan: terlalu sedikit untuk diperiksa."
    ]
    assert list(untold_reasons(10, [])) == ["Baru 10 orang menyelesaikan pelatihan: terlalu sedikit untuk diperiksa."]


def test_a_version_of_an_older_format_is_never_said_to_serve(officers: tuple[Client, Client], db: None) -> None:
    old = ModelVersion.objects.create(
        fitted_at=AT, manifest={"format_version": 0}, arrays=b"", sha256=bytes(32), people_count=30, choice_count=40
    )
    ModelPromotion.objects.create(kind="rolled_back", model_version=old, promoted_at=AT)
    told = text_of(page(officers[0], "/console/model/"))
    assert "Tidak ada versi yang dipakai" in told
    assert f"Model {old.pk} sedang dipakai" not in told and "format lama" in told
    assert "roll-back/" not in page(officers[0], path_of(old))
    assert "Dipakai sekarang" not in text_of(page(officers[0], path_of(old, "roll-back/")))


def test_a_damaged_version_says_so_to_the_office(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    promoted(version, at=AT)
    damaged = ModelVersion.objects.create(
        fitted_at=AT, manifest=version.manifest, arrays=b"PK", sha256=b"\4" * 32, people_count=30, choice_count=40
    )
    promoted(damaged, at=AT)
    for path in ("/console/model/", path_of(damaged)):
        told = text_of(page(officers[0], path))
        assert "Versi ini tidak bisa dibaca" in told and "dipakai, tetapi rusak" in told
    assert path_of(version, "roll-back/") in page(officers[0], "/console/model/")
    assert "tidak bisa dibaca" not in text_of(page(officers[0], path_of(version)))


def test_filters_come_with_the_address(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    examine(version, passes=False)
    lines = table(officers[0], path_of(version, "?verdict=blocked&table=fairness&form=csv"))
    assert [line[0] for line in lines[1:]] == ["Umur"]
    assert lines[1][2:6] == ["0.13", "0.11", "0.16", "0.1"]
    assert [line[0] for line in table(officers[0], path_of(version, "?attribute=sex&table=fairness&form=csv"))[1:]] == [
        "Jenis kelamin"
    ]
    told = page(officers[0], path_of(version, "?attribute=sex&verdict=passes"))
    assert "?attribute=sex&amp;verdict=passes&amp;table=fairness&amp;form=csv" in told
    none = text_of(page(officers[0], path_of(version, "?attribute=sex&verdict=blocked")))
    assert "Tidak ada perbandingan yang sesuai" in none
    for query in ("?attribute=%00&verdict=x", "?attribute=%22%3E%3Cscript%3E", "?table=nothing&form=csv", "?form=x"):
        assert "<script>" not in page(officers[0], path_of(version, query))


def test_versions_are_chosen_by_their_state(version: ModelVersion, officers: tuple[Client, Client]) -> None:
    examine(version, passes=False)
    newer = promoted(fit(at=AT, seed=1), at=AT)
    links = re.compile(r'<th scope="row"><a href="/console/model/(\d+)/"')
    assert links.findall(page(officers[0], "/console/model/")) == [str(newer.pk), str(version.pk)]
    assert links.findall(page(officers[0], "/console/model/?state=blocked")) == [str(version.pk)]
    assert "Tidak ada versi dengan keadaan ini" in page(officers[0], "/console/model/?state=proposed")
    lines = table(officers[0], "/console/model/?state=serving&form=csv")
    assert [line[0] for line in lines[1:]] == [str(newer.pk)] and lines[1][-1] == bytes(newer.sha256).hex()
    assert len(table(officers[0], "/console/model/?table=history&form=csv")) == 2
    for name in ("quality", "calibration", "fairness", "groups", "flips", "exposure", "attack"):
        assert len(table(officers[0], path_of(version, f"?table={name}&form=csv"))) > 1
        response = officers[0].get(path_of(version, f"?table={name}&form=xlsx"))
        assert response.getvalue().startswith(b"PK"), name
    assert page(officers[0], "/console/model/?before=x&state=%00")
    assert links.findall(page(officers[0], f"/console/model/?before={newer.pk}")) == [str(version.pk)]


def test_the_number_of_statements_is_pinned(
    version: ModelVersion, officers: tuple[Client, Client], assert_queries: Callable[..., Any]
) -> None:
    examine(version)
    promoted(fit(at=AT, seed=1), at=AT)
    for path, number in (("/console/model/", 9), (path_of(version), 7)):
        page(officers[0], path)
        with assert_queries(number):
            page(officers[0], path)
