"""The rule loader: what it answers, and that every fault in a file is refused with a message that helps to mend it."""

import shutil
from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import bekal.core.rules
from bekal.core.rules import RULES, Basis, MonthDay, RuleError, Rules, Scheme, Unit, load_rules

PACKAGED = Path(bekal.core.rules.__file__).parent
FILES = sorted(path.name for path in PACKAGED.glob("*.yaml"))
DOCUMENTS: dict[str, Any] = {
    name: yaml.load((PACKAGED / name).read_text("utf-8"), Loader=yaml.BaseLoader) for name in FILES
}
PLACES = [(file, parameter) for file, document in DOCUMENTS.items() for parameter in document]

SURVEY = """\
survey_rupiah:
  label: Incentive for each survey
  unit: rupiah
  basis: acceptance
  values:
    2020-01-01: {value: 50000, source: Published figures of 2020}
    2023-01-01: {value: 60000, source: A later decree}
"""


def one(parameter: str, unit: str, value: str) -> str:
    """A file with one parameter of one value."""
    head = f"{parameter}:\n  label: A label\n  unit: {unit}\n  basis: event\n  values:\n"
    return f"{head}    2020-01-01: {{value: {value}, source: A decree}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(folder: Path, text: str, name: str = "amounts.yaml") -> Rules:
    (folder / name).write_text(text, "utf-8")
    return load_rules(folder)


def refusal(folder: Path, text: str, name: str = "amounts.yaml") -> RuleError:
    with pytest.raises(RuleError) as caught:
        read(folder, text, name)
    assert str(caught.value) == (
        f"{caught.value.file}: {caught.value.parameter}: {caught.value.problem}. {caught.value.mend}."
    )
    assert caught.value.file == name
    return caught.value


# What it answers


def test_a_value_holds_from_its_date_until_the_next_one(folder: Path) -> None:
    rules = read(folder, SURVEY)
    asked = {
        day: rules.value("survey_rupiah", date.fromisoformat(day)) for day in ("2020-01-01", "2022-12-31", "2023-01-01")
    }
    assert asked == {"2020-01-01": 50_000, "2022-12-31": 50_000, "2023-01-01": 60_000}


def test_a_value_is_cited(folder: Path) -> None:
    cited = read(folder, SURVEY).cited("survey_rupiah", date(2024, 5, 5))
    assert (cited.value, cited.since_on, cited.source) == (60_000, date(2023, 1, 1), "A later decree")
    assert (cited.label, cited.unit, cited.basis) == ("Incentive for each survey", Unit.RUPIAH, Basis.ACCEPTANCE)
    assert cited.file == "amounts.yaml"


def test_the_order_of_dates_in_the_file_does_not_matter(folder: Path) -> None:
    lines = SURVEY.splitlines()
    swapped = "\n".join([*lines[:5], lines[6], lines[5]])
    assert read(folder, swapped).history("survey_rupiah") == read(folder, SURVEY).history("survey_rupiah")


def test_a_day_before_the_first_value_is_refused() -> None:
    with pytest.raises(RuleError) as caught:
        RULES.scheme(date(2019, 12, 31))
    assert caught.value.file == "amounts.yaml"
    assert caught.value.parameter == "training_balance_rupiah"
    assert "no value for 2019-12-31, the first one begins on 2020-01-01" in caught.value.problem
    assert "earlier value" in caught.value.mend


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RuleError, match=r"survey_fee_rupiah: no rule of this name.*survey_rupiah"):
        RULES.value("survey_fee_rupiah", date(2020, 4, 11))


def test_the_packaged_rules_are_read_once() -> None:
    assert load_rules() is RULES
    assert RULES.scheme(date(2020, 4, 11)) is RULES.scheme(date(2020, 4, 11))


def test_another_folder_is_another_set_of_rules(folder: Path) -> None:
    shutil.copytree(PACKAGED, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "instalments.yaml"
    file.write_text(file.read_text("utf-8").replace("value: 4", "value: 6"), "utf-8")
    day = date(2020, 4, 11)
    assert load_rules(folder).scheme(day).envelope_rupiah == RULES.scheme(day).envelope_rupiah + 2 * 600_000


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_a_scheme_is_every_rule_that_is_kept_from_acceptance(accepted_on: date) -> None:
    scheme = RULES.scheme(accepted_on)
    kept = {name for name in RULES if RULES.history(name)[0].basis is Basis.ACCEPTANCE}
    assert kept == {name for name in Scheme.__dataclass_fields__ if name != "accepted_on"}
    assert all(getattr(scheme, name) == RULES.value(name, accepted_on) for name in kept)
    assert scheme.accepted_on == accepted_on
    parts = scheme.training_balance_rupiah + scheme.incentives_rupiah + scheme.surveys_rupiah
    assert scheme.envelope_rupiah == parts


def test_a_draft_whose_promise_follows_events_makes_no_scheme(folder: Path) -> None:
    shutil.copytree(PACKAGED, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "deadlines.yaml"
    file.write_text(file.read_text("utf-8").replace("acceptance\n", "event\n"), "utf-8")
    with pytest.raises(RuleError, match=r"deadlines\.yaml: first_purchase_days: its basis is event.*acceptance"):
        load_rules(folder).scheme(date(2020, 4, 11))


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.dates(date(2001, 1, 1), date(2001, 12, 31)))
def test_a_day_of_the_year_is_found_on_or_after(day: date, of_year: date) -> None:
    found = MonthDay(of_year.month, of_year.day).first_on_or_after(day)
    assert (found.month, found.day) == (of_year.month, of_year.day)
    assert day <= found <= day + timedelta(days=366)


# The packaged files


@pytest.mark.parametrize("name", FILES)
def test_a_packaged_file_is_one_readable_topic(name: str) -> None:
    lines = (PACKAGED / name).read_text("utf-8").splitlines()
    assert len(lines) < 100
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("parameter", list(RULES))
def test_every_packaged_value_has_a_source_that_names_something(parameter: str) -> None:
    for value in RULES.history(parameter):
        assert len(value.source) >= 40 or value.source.startswith("SKB 3 Menteri")
        assert not value.source.endswith(".\n")
        assert value.since_on.year >= 2020


def test_yearly_lists_begin_on_the_first_of_january() -> None:
    for parameter in ("movable_holiday_month_days", "joint_leave_month_days"):
        years = [(value.since_on.month, value.since_on.day) for value in RULES.history(parameter)]
        assert set(years) == {(1, 1)}


# Every fault is refused with file, parameter and mend

Change = Callable[[dict[str, Any], str], str]


def drop(key: str) -> Change:
    def change(specification: dict[str, Any], _: str) -> str:
        del specification[key]
        return f"no {key}"

    return change


def put(key: str, wrong: Any, told: str) -> Change:
    def change(specification: dict[str, Any], _: str) -> str:
        specification[key] = wrong
        return told

    return change


def drop_of_value(key: str) -> Change:
    def change(specification: dict[str, Any], since: str) -> str:
        del specification["values"][since][key]
        return f"no {key}"

    return change


def put_in_value(key: str, wrong: Any, told: str) -> Change:
    def change(specification: dict[str, Any], since: str) -> str:
        specification["values"][since][key] = wrong
        return told

    return change


def move_value(wrong: str) -> Change:
    def change(specification: dict[str, Any], since: str) -> str:
        specification["values"][wrong] = specification["values"].pop(since)
        return f"'{wrong}' is not a date"

    return change


CHANGES: dict[str, Change] = {
    "no label": drop("label"),
    "no unit": drop("unit"),
    "no basis": drop("basis"),
    "no values": drop("values"),
    "empty label": put("label", " ", "empty"),
    "list as label": put("label", ["a"], "no text"),
    "unknown unit": put("unit", "dollars", "unknown"),
    "unknown basis": put("basis", "whenever", "unknown"),
    "unknown key": put("note", "x", "unknown key 'note'"),
    "no dates": put("values", {}, "no values"),
    "list of values": put("values", ["50000"], "no values"),
    "no source": drop_of_value("source"),
    "empty source": put_in_value("source", "", "empty"),
    "no value": drop_of_value("value"),
    "unknown key of a value": put_in_value("until", "2021-01-01", "unknown key 'until'"),
    **{
        f"value {wrong}": put_in_value("value", wrong, "value of")
        for wrong in ("1.5", "1e3", "-1", "+1", "1_000", "007", "0x1F", "true", "", "~", "1.000", "٣", "12-32", "02-29")
    },
    "list as value": put_in_value("value", ["1"], "value of"),
    "too large": put_in_value("value", "9" * 16, "value of"),
    **{
        f"date {wrong}": move_value(wrong)
        for wrong in ("2020", "2020-02-30", "01-01-2020", "20200101", "2020-1-1", "today", "0000-01-01")
    },
}


@settings(max_examples=300)
@given(st.sampled_from(PLACES), st.sampled_from(sorted(CHANGES)), st.integers(0, 10))
def test_a_planted_fault_is_refused_where_it_is(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[str, str], fault: str, which: int
) -> None:
    file, parameter = place
    document = {parameter: deepcopy(DOCUMENTS[file][parameter])}
    dates = list(document[parameter]["values"])
    told = CHANGES[fault](document[parameter], dates[which % len(dates)])
    error = refusal(tmp_path_factory.mktemp("rules"), yaml.safe_dump(document, allow_unicode=True), file)
    assert error.parameter == parameter
    assert told in error.problem
    assert len(error.mend) > 10


@settings(max_examples=150)
@given(st.sampled_from(FILES), st.data())
def test_any_slip_of_the_pen_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, file: str, data: st.DataObject
) -> None:
    text = (PACKAGED / file).read_text("utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 40, len(text))))
    slip = data.draw(st.text("\n\t :-{}[]&*!|>'\"#%@`,?_.0x~\x00é", max_size=6))
    try:
        read(tmp_path_factory.mktemp("rules"), text[:start] + slip + text[end:], file)
    except RuleError as error:
        assert error.file == file
        assert error.mend


@pytest.mark.parametrize(
    ("text", "parameter", "told"),
    [
        (SURVEY.replace("2023-01-01", "2020-01-01"), "survey_rupiah", "line 7 gives '2020-01-01' a second time"),
        (SURVEY + SURVEY, "survey_rupiah", "line 8 gives 'survey_rupiah' a second time"),
        (SURVEY.replace("  basis", "  unit: days\n  basis"), "survey_rupiah", "line 4 gives 'unit' a second time"),
        (SURVEY.replace("value: 50000", "value: 50000.0"), "survey_rupiah", "'50000.0'"),
        (SURVEY.replace("50000,", "50000, value: 1,"), "survey_rupiah", "'value' a second time"),
        (SURVEY.replace("unit: rupiah", "unit: count"), "survey_rupiah", "the name says rupiah, the unit says count"),
        (SURVEY.replace("survey_rupiah", "survey"), "survey", "the name says flag, the unit says rupiah"),
        (SURVEY.replace("survey_rupiah", "Survey-rupiah"), "Survey-rupiah", "not a parameter name"),
        (SURVEY.replace("{value: 50000, source: Published figures of 2020}", "50000"), "survey_rupiah", "no keys"),
        (SURVEY.replace("label: ", "? [a]\n  : "), "survey_rupiah", "line 2 has a key that is not plain text"),
        ("survey_rupiah: 50000\n", "survey_rupiah", "the parameter has no keys"),
        ("a: &a {b: 1}\nc: *a\n", "file", "an alias"),
        ("", "file", "no parameters"),
        ("{}", "file", "no parameters"),
        ("- a\n", "file", "no parameters"),
        ("a: [\n", "file", "not plain YAML"),
        (SURVEY + "---\n" + SURVEY, "file", "not plain YAML"),
        ("[" * 3_000, "file", "not plain YAML"),
        ("#" * 70_000, "file", "larger than"),
    ],
)
def test_faults_of_form(folder: Path, text: str, parameter: str, told: str) -> None:
    error = refusal(folder, text)
    assert error.parameter == parameter
    assert told in error.problem
    assert len(error.mend) > 10


def test_a_file_in_another_encoding_is_refused(folder: Path) -> None:
    (folder / "amounts.yaml").write_bytes("café: 1".encode("latin-1"))
    with pytest.raises(RuleError, match=r"amounts\.yaml: file: not plain YAML in UTF-8"):
        load_rules(folder)


def test_a_parameter_in_two_files_is_refused(folder: Path) -> None:
    read(folder, SURVEY)
    error = refusal(folder, SURVEY, "surveys.yaml")
    assert (error.parameter, error.problem) == ("survey_rupiah", "amounts.yaml has this parameter, too")


def test_a_folder_without_rules_is_refused(folder: Path) -> None:
    with pytest.raises(RuleError, match=r"no \.yaml file here"):
        load_rules(folder / "nowhere")


@pytest.mark.parametrize(
    "days",
    ["05-07", "{Waisak: 5-7}", "{Waisak: 02-30}", "{Waisak: [05-07, 05-07]}", "{A: 05-07, B: 05-07}", "{A: {B: 1}}"],
)
def test_a_list_of_holidays_with_a_fault_is_refused(folder: Path, days: str) -> None:
    error = refusal(folder, one("closed_month_days", "month_days", days), "holidays.yaml")
    assert error.parameter == "closed_month_days"
    assert "2020-01-01" in error.problem
    assert "Waisak: 05-07" in error.mend


@pytest.mark.parametrize(
    ("parameter", "unit", "given_text", "value"),
    [
        ("late_days", "days", "0", 0),
        ("oldest_years", "years", "none", None),
        ("oldest_years", "years", "64", 64),
        ("paid_day_of_month", "day_of_month", "28", 28),
        ("end_month_day", "month_day", "12-31", MonthDay(12, 31)),
        ("open", "flag", "yes", True),
        ("open", "flag", "no", False),
        (
            "closed_month_days",
            "month_days",
            "{Waisak: [05-07, 05-08]}",
            {MonthDay(5, 7): "Waisak", MonthDay(5, 8): "Waisak"},
        ),
    ],
)
def test_each_unit_reads_its_own_form(folder: Path, parameter: str, unit: str, given_text: str, value: object) -> None:
    found = read(folder, one(parameter, unit, given_text)).value(parameter, date(2020, 1, 1))
    assert found == value
    assert type(found) is type(value) or isinstance(value, dict)


@pytest.mark.parametrize(
    ("parameter", "unit", "wrong"),
    [
        ("paid_day_of_month", "day_of_month", "0"),
        ("paid_day_of_month", "day_of_month", "29"),
        ("late_days", "days", "none"),
        ("open", "flag", "1"),
        ("end_month_day", "month_day", "02-29"),
        ("oldest_years", "years", "151"),
    ],
)
def test_each_unit_refuses_what_it_cannot_mean(folder: Path, parameter: str, unit: str, wrong: str) -> None:
    error = refusal(folder, one(parameter, unit, wrong))
    assert (error.parameter, repr(wrong) in error.problem) == (parameter, True)


def test_a_value_can_be_asked_for_as_if_it_had_always_been_in_force() -> None:
    lasting = RULES.throughout("front_loading", date(2021, 1, 1))
    assert [RULES.value("front_loading", date(2020, month, 1)) for month in (1, 12)] == [False, False]
    assert [lasting.value("front_loading", date(2020, month, 1)) for month in (1, 12)] == [True, True]
    assert (
        lasting.cited("front_loading", date(2020, 5, 1)).source == RULES.cited("front_loading", date(2021, 1, 1)).source
    )
    assert lasting.scheme(date(2020, 5, 1)) == RULES.scheme(date(2020, 5, 1)), "everything else is as it was"
    with pytest.raises(RuleError, match="no value for"):
        RULES.throughout("front_loading", date(2019, 1, 1))
