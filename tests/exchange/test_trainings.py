"""A catalogue comes in whole or not at all, twice without a change, and says what is wrong with it."""

import csv
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bekal.catalogue.import_trainings import import_trainings
from bekal.catalogue.models import Category, Institution, Platform, Training
from bekal.exchange.table_fields import ColumnMap, column_map_from, instant
from bekal.exchange.table_file import TableError
from bekal.exchange.trainings import derived_code, read_trainings
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

ROOT = Path(__file__).resolve().parents[2]
AT = jakarta(2020, 11, 19)
FAIR_MAP = ROOT / "docs" / "examples" / "skills-fair-2023.map.yaml"
SHARED_CATALOGUE = ROOT.parent / "shared" / "data" / "catalogue.csv"
FAIR = """institution,title,category,mode,price,discount,status
LKP Bina,Desain Grafis,Teknologi Informasi,Online - LMS,Gratis,100%,Ok
Bebas Kerja,Membangun Konveksi,Penjualan,Online - Webinar,Rp 89.700,70%,Ok
BEBAS KERJA,"Roti, Kue",Makanan,Online - LMS,,,Ok
"""


def table(tmp_path: Path, text: str, name: str = "trainings.csv") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def imported(*arguments: str) -> str:
    out = StringIO()
    call_command("import-data", "trainings", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refused(*arguments: str) -> str:
    out = StringIO()
    with nothing_changes(), pytest.raises(CommandError) as caught:
        call_command("import-data", "trainings", *arguments, stdout=out, stderr=out)
    return out.getvalue() + str(caught.value)


@pytest.mark.django_db
def test_a_catalogue_with_prices_as_text_becomes_trainings(tmp_path: Path) -> None:
    said = imported(table(tmp_path, FAIR), "--map", str(FAIR_MAP))
    assert "3 added, 0 changed, 0 unchanged, 2 institutions added, 3 categories added" in said
    assert "note: line 4, column price" in said and "not on sale" in said
    found = {t.title: t for t in Training.objects.select_related("institution", "category").order_by("id")}
    assert [(t.price_rupiah, t.on_sale, t.mode) for t in found.values()] == [
        (0, True, "self_paced"),
        (89_700, True, "webinar"),
        (0, False, "self_paced"),
    ]
    assert found["Roti, Kue"].institution == found["Membangun Konveksi"].institution
    assert found["Desain Grafis"].category.slug == "teknologi-informasi"


@pytest.mark.django_db
def test_the_same_file_twice_changes_nothing_and_a_changed_one_only_what_differs(tmp_path: Path) -> None:
    path = table(tmp_path, FAIR)
    imported(path, "--map", str(FAIR_MAP))
    with nothing_changes():
        assert "0 added, 0 changed, 3 unchanged" in imported(path, "--map", str(FAIR_MAP))
    dearer = table(
        tmp_path,
        FAIR.replace("89.700", "90.000").replace('Kue",Makanan,Online - LMS,,', 'Kue",Makanan,Online - LMS,Rp5.000,'),
    )
    assert "0 added, 2 changed, 1 unchanged" in imported(dearer, "--map", str(FAIR_MAP))
    assert set(Training.objects.values_list("price_rupiah", "on_sale")) == {(0, True), (90_000, True), (5_000, True)}
    assert "0 added, 1 changed, 2 unchanged" in imported(
        table(tmp_path, FAIR.replace("89.700", "90.000")), "--map", str(FAIR_MAP)
    )
    roti = Training.objects.get(title="Roti, Kue")
    assert (roti.price_rupiah, roti.on_sale) == (5_000, False)


@pytest.mark.parametrize(
    "text", ["2020-05-20T10:00:00+17:00", "2020-05-19T05:01:00-23:59", "2020-05-20T00:00:00+07:00"]
)
def test_an_instant_is_one_that_the_database_can_write(text: str) -> None:
    """PostgreSQL refuses offsets from 16 hours on; the instant is the same."""
    assert (at := instant(text)) == datetime.fromisoformat(text) and at.utcoffset() == timedelta(hours=7)


@pytest.mark.parametrize("text", ["!!timestamp x", "!!bool x", "!!int ''", "!!float ''"])
def test_a_mapping_whose_value_is_not_what_its_tag_says_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(TableError, match="this mapping cannot be used"):
        column_map_from(str(path))


@pytest.mark.django_db
def test_a_dry_run_counts_and_keeps_nothing(tmp_path: Path) -> None:
    with nothing_changes():
        said = imported(table(tmp_path, FAIR), "--map", str(FAIR_MAP), "--dry-run")
    assert "Tried and not kept: 3 added" in said


@pytest.mark.django_db
def test_columns_the_file_does_not_have_keep_what_is_known(tmp_path: Path) -> None:
    whole = "code,title,institution,category,price,hours,session_count,platform,on_sale,province,description\n"
    imported(table(tmp_path, whole + "A-1,Roti,LKP,Kue,1000,8,3,Toko,tidak,Jawa Barat,Enak\n"))
    before = Training.objects.get(code="A-1")
    assert (before.hours, before.session_count, before.on_sale, before.province) == (8, 3, False, 32)
    imported(table(tmp_path, "code,title,institution,category,price\nA-1,Roti Manis,LKP,Kue,2000\n"))
    after = Training.objects.get(code="A-1")
    assert (after.title, after.hours, after.session_count, after.platform) == ("Roti Manis", 8, 3, before.platform)
    assert (after.description, after.listed_at) == ("Enak", before.listed_at)


@pytest.mark.django_db
def test_every_bad_row_is_listed_with_line_column_value_and_mend(tmp_path: Path) -> None:
    bad = (
        "title,institution,category,price,mode,hours\n"
        "Roti,LKP,Kue,Rp 12.34,self_paced,8\n"
        ",LKP,Kue,100,self_paced,8\n"
        "Teh,LKP,Kue,100,kadang-kadang,delapan\n"
        "Kopi,LKP,Kue,-5,webinar,8\n"
        "Es,LKP,Kue,999999999999,webinar,8\n"
        f"{'x' * 301},LKP,Kue,100,webinar,8\n"
        "Susu\x07,LKP,Kue,100,webinar,8\n"
        "Jus,LKP,Kue,100,webinar\n"
        "Baik,LKP,Kue,100,webinar,8\n"
        "BAIK,lkp,Kue,100,webinar,8\n"
    )
    errors = tmp_path / "errors.csv"
    said = refused(table(tmp_path, bad), "--errors-to", str(errors))
    with errors.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["value"][:13]) for row in listed] == [
        ("2", "price", "Rp 12.34"),
        ("3", "title", ""),
        ("4", "mode", "kadang-kadang"),
        ("4", "hours", "delapan"),
        ("5", "price", "'-5"),
        ("6", "price", "999999999999"),
        ("7", "title", "xxxxxxxxxxxxx"),
        ("8", "title", "Susu\x07"),
        ("9", "", ""),
        ("11", "title", "BAIK"),
    ]
    assert all(row["mend"] for row in listed)
    assert "10 to mend" in said and "line 2, column price" in said and "line 10 has this training already" in said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title,category,price\nRoti,Kue,1\n", "column institution"),
        ("title;institution\n", '";"'),
        ("title,institution,category\n", "no rows"),
        ('title,institution,category\n"Roti,LKP,Kue\n', "never closed"),
    ],
)
def test_a_file_that_is_no_catalogue_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    assert words in refused(table(tmp_path, text))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("title=Nama", "the file has only: title, institution, category, price"),
        ("judul=title", "names no field of ours"),
        ("title=,price=x", "field=column"),
        ("nowhere.yaml", "cannot be read"),
        ("- just\n- a list\n", "columns, values and defaults"),
        ("columns: {title: 5}\n", "must be text"),
        ("values: {mode: webinar}\n", "name: value"),
        ("columns: [a\n", "no YAML"),
        ("columns: &a [*a]\n", "name: value"),
    ],
)
def test_a_bad_mapping_is_one_sentence(tmp_path: Path, mapping: str, words: str) -> None:
    path = table(tmp_path, "title,institution,category,price\nRoti,LKP,Kue,1\n")
    if "\n" in mapping:
        mapping = table(tmp_path, mapping, "bad.map.yaml")
    assert words in refused(path, "--map", mapping)


def test_a_mapping_has_columns_values_and_defaults(tmp_path: Path) -> None:
    text = 'columns: {title: Judul}\nvalues: {mode: {"LMS": self_paced}}\ndefaults: {session_count: "2"}\n'
    read = column_map_from(table(tmp_path, text, "good.yaml"))
    assert read == ColumnMap({"title": "Judul"}, {"mode": {"LMS": "self_paced"}}, {"session_count": "2"})
    assert column_map_from("title=Judul, price=Harga Jual").columns == {"title": "Judul", "price": "Harga Jual"}
    with pytest.raises(TableError):
        column_map_from("\0")


def test_defaults_fill_what_is_missing_or_blank(tmp_path: Path) -> None:
    path = Path(table(tmp_path, "title,institution,category,mode\nRoti,LKP,Kue,\nTeh,LKP,Kue,webinar\n"))
    read, findings = read_trainings(path, ColumnMap(defaults={"mode": "on_site", "session_count": "4"}))
    assert [(t.mode, t.session_count) for t in read] == [("on_site", 4), ("webinar", 4)]
    assert findings.problem_count == 0


@pytest.mark.django_db
def test_a_verb_called_with_a_code_twice_raises(tmp_path: Path) -> None:
    new, _ = read_trainings(Path(table(tmp_path, FAIR)), column_map_from(str(FAIR_MAP)))
    with pytest.raises(ValueError, match="twice"):
        import_trainings(trainings=[*new, new[0]], at=AT)


@pytest.mark.django_db
def test_institutions_with_like_names_get_codes_of_their_own(tmp_path: Path) -> None:
    text = "title,institution,category,platform\nA,LKP Maju!,K,P 1\nB,LKP Maju?,K,P-1\nC,ÉCOLE,K,\nD,学校,K,\n"
    imported(table(tmp_path, text))
    assert set(Institution.objects.values_list("code", flat=True)) == {"lkp-maju", "lkp-maju-2", "ecole", "x"}
    assert Platform.objects.count() == 2 and Category.objects.count() == 1


def test_the_derived_code_does_not_see_capitals() -> None:
    assert derived_code("LKP Maju", "Roti") == derived_code("lkp maju", "ROTI") != derived_code("LKP", "Maju Roti")


@pytest.mark.django_db
@pytest.mark.skipif(not SHARED_CATALOGUE.exists(), reason="the real catalogue is not on this machine")
def test_the_real_catalogue_comes_in_whole() -> None:
    said = imported(str(SHARED_CATALOGUE), "--map", str(FAIR_MAP))
    assert "266 added" in said
    with nothing_changes():
        assert "266 unchanged" in imported(str(SHARED_CATALOGUE), "--map", str(FAIR_MAP))
    assert Training.objects.filter(on_sale=True).count() == 266
    assert Training.objects.filter(price_rupiah=0).count() == 69
