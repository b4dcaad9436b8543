"""The published list of districts comes in as it is, or says where it contradicts itself."""

import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from bekal.exchange.districts import people
from bekal.exchange.table_fields import FieldError
from bekal.participants.models import District, DistrictYear
from tests.factories.unchanged import nothing_changes

# The list of 514 districts is not part of the project; who has it names it, or keeps it beside the checkout.
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "districts.csv"
PUBLISHED = Path(os.environ.get("BEKAL_DISTRICTS_FILE") or BESIDE)
HEADING = "district_id,district,province_code,province,total,accepted_2020,accepted_2021"
GOOD = f"""{HEADING}
39,Kabupaten Pakpak Bharat,12,Sumatera Utara,"1,461",938,523
41,Kabupaten Sleman,34,Daerah Istimewa Yogyakarta,"17.487","7,838",9.649
44,Kota Pangkalpinang,19,Kep. Bangka Belitung,4069,4069,0
"""


def run(tmp_path: Path, text: str, *arguments: str) -> str:
    path = tmp_path / "districts.csv"
    path.write_text(text, encoding="utf-8")
    out = StringIO()
    call_command("import-data", "districts", str(path), *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "districts.csv"
    path.write_text(text, encoding="utf-8")
    out = StringIO()
    with nothing_changes(), pytest.raises(CommandError) as caught:
        call_command("import-data", "districts", str(path), stdout=out, stderr=out)
    return out.getvalue() + str(caught.value)


@pytest.mark.django_db
def test_numbers_with_and_without_separators_become_the_same_people(tmp_path: Path) -> None:
    assert "3 added, 0 changed, 0 unchanged" in run(tmp_path, GOOD)
    assert list(District.objects.order_by("id").values_list("id", "name", "province")) == [
        (39, "Kabupaten Pakpak Bharat", 12),
        (41, "Kabupaten Sleman", 34),
        (44, "Kota Pangkalpinang", 19),
    ]
    years = DistrictYear.objects.order_by("district", "year").values_list("district_id", "year", "accepted_count")
    assert list(years) == [
        (39, 2020, 938),
        (39, 2021, 523),
        (41, 2020, 7_838),
        (41, 2021, 9_649),
        (44, 2020, 4_069),
        (44, 2021, 0),
    ]
    with nothing_changes():
        assert "0 added, 0 changed, 3 unchanged" in run(tmp_path, GOOD)


@pytest.mark.django_db
def test_a_later_year_is_a_column_more_and_a_trial_keeps_nothing(tmp_path: Path) -> None:
    run(tmp_path, GOOD)
    later = """district_id,district,province,accepted_2024,remark
41,Kabupaten Sleman,DIY,"1,204",x
39,Kabupaten Pakpak Bharat,Sumut,,
"""
    with nothing_changes():
        said = run(tmp_path, later, "--dry-run")
    assert "0 added, 1 changed, 1 unchanged" in said and "column remark" in said
    assert "0 added, 1 changed, 1 unchanged" in run(tmp_path, later)
    assert DistrictYear.objects.get(district=41, year=2024).accepted_count == 1_204
    assert DistrictYear.objects.filter(district=41).count() == 3


@pytest.mark.django_db
def test_columns_of_other_names_are_mapped(tmp_path: Path) -> None:
    text = 'kode,kabupaten,provinsi,diterima\n41,Kabupaten Sleman,34,"7,838"\n'
    run(tmp_path, text, "--map", "district_id=kode,district=kabupaten,province=provinsi,accepted_2020=diterima")
    assert DistrictYear.objects.get(district=41).accepted_count == 7_838
    said = run(tmp_path, text, "--map", "district_id=kode,district=kabupaten,province=provinsi")
    assert "column accepted_YYYY" in said and "column diterima" in said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "line", "column", "mend"),
    [
        ('45,Kota Bogor,32,Jawa Barat,5,"2,16",3', 2, "accepted_2020", "2165, 2,165 or 2.165"),
        ("45,Kota Bogor,32,Jawa Barat,9,5,3", 2, "total", "the years sum to 8"),
        ("45,Kota Bogor,32,Jawa Barat,7,8,", 2, "total", "the years sum to 8"),
        ("45,Kota Bogor,32,Jawa Tengah,8,5,3", 2, "province", "province_code 32 is Jawa Barat"),
        ("45,Kota Bogor,,,8,5,3", 2, "province", "a province is needed"),
        ("45,Kota Dili,54,,8,5,3", 2, "province_code", "no province"),
        ("45,Kota Dili,,Timor Timur,8,5,3", 2, "province", "no province"),
        ("0,Kota Bogor,32,,8,5,3", 2, "district_id", "whole number"),
        ("45,,32,,8,5,3", 2, "district", "a value is needed"),
        ("45,Kota Bogor,32,,8,5,3\n45,Kota Depok,32,,8,5,3", 3, "district_id", "line 2 has this number"),
        ("45,Kota Bogor,32,,8,5,3\n46,KOTA BOGOR,32,,8,5,3", 3, "district", "line 2 has a district of this name"),
    ],
)
def test_what_contradicts_itself_is_refused_whole(tmp_path: Path, row: str, line: int, column: str, mend: str) -> None:
    said = refused(tmp_path, f"{HEADING}\n{row}\n99,Kota Cimahi,32,,8,5,3\n")
    assert f"line {line}, column {column}, value " in said and mend in said and "1 to mend" in said


@pytest.mark.django_db
def test_a_total_may_be_larger_where_a_year_is_not_published(tmp_path: Path) -> None:
    assert "1 added" in run(tmp_path, f"{HEADING}\n45,Kota Bogor,32,,9,8,\n")
    assert DistrictYear.objects.get(district=45).year == 2020


@pytest.mark.django_db
def test_a_known_name_under_a_new_number_is_refused(tmp_path: Path) -> None:
    run(tmp_path, GOOD)
    said = refused(tmp_path, "district_id,district,province\n77,Kota Pangkalpinang,Babel\n")
    assert "line 2, column district" in said and "district 44 has this name" in said
    assert "no rows below its heading" in refused(tmp_path, f"{HEADING}\n")


@given(st.integers(0, 100_000_000))
def test_a_number_is_read_in_all_three_ways(number: int) -> None:
    grouped = f"{number:,}"
    assert people(str(number)) == people(grouped) == people(grouped.replace(",", ".")) == number


@given(st.from_regex(r"[0-9]{1,4}([.,][0-9]{1,4}){1,3}", fullmatch=True))
def test_what_is_read_is_what_is_written(text: str) -> None:
    try:
        number = people(text)
    except FieldError:
        return
    assert text in (f"{number:,}", f"{number:,}".replace(",", "."))


@pytest.mark.parametrize(
    "text", ["2,16", "2165,000", "2,165.000", ",165", "0,165", "1 000", "-5", "٣", "1e3", "5.0", "9" * 30]
)
def test_anything_else_is_no_number_of_people(text: str) -> None:
    with pytest.raises(FieldError):
        people(text)


@pytest.mark.django_db
@pytest.mark.skipif(
    not PUBLISHED.exists(), reason="the published list of districts is not here: BEKAL_DISTRICTS_FILE can name it"
)
def test_the_published_list_comes_in_whole() -> None:
    for said in ("514 added, 0 changed, 0 unchanged", "0 added, 0 changed, 514 unchanged"):
        out = StringIO()
        call_command("import-data", "districts", str(PUBLISHED), stdout=out, stderr=out)
        assert said in out.getvalue()
    assert District.objects.values("province").distinct().count() == 38
    by_year = DistrictYear.objects.values("year").annotate(people=Sum("accepted_count")).order_by("year")
    assert {row["year"]: row["people"] for row in by_year} == {
        2020: 5_987_674,
        2021: 6_019_842,
        2022: 5_076_928,
        2023: 1_272_177,
        2024: 1_510_968,
    }
