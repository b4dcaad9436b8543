"""The hostility of the test run itself: each trap must snap."""

import socket
import warnings
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.template import Context, Template

from bekal.accounts.models import Role, User
from bekal.ledger.clock import programme_day, programme_now, set_programme_clock
from tests.conftest import PROGRAMME_INSTANT, StoppedClock
from tests.hostile import OutsideWorld, UndefinedVariable


def make_users(count: int) -> None:
    User.objects.bulk_create(
        User(login_name=f"u{number}", display_name=f"U{number}", role=Role.OFFICER) for number in range(count)
    )


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{{ person.missing }}",
        "{{ missing|upper }}",
        "{% for x in missing %}{% endfor %}",
        "{% with y=missing %}{% endwith %}",
        "{% if there %}{{ missing }}{% endif %}",
    ],
)
def test_an_undefined_variable_fails_by_name(source: str) -> None:
    with pytest.raises(UndefinedVariable, match="missing"):
        Template(source).render(Context({"person": {}, "there": True}))


@pytest.mark.django_db
def test_a_related_object_that_is_not_there_fails() -> None:
    with pytest.raises(UndefinedVariable, match="participant"):
        Template("{{ user.participant }}").render(Context({"user": User(pk=1)}))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% if missing %}yes{% else %}no{% endif %}", "no"),
        ("{{ missing|default:'none' }}", "none"),
        ("{{ empty }}", ""),
        ("{% for x in empty %}{% empty %}nothing{% endfor %}", "nothing"),
        ("{% firstof missing 'first' %}", "first"),
    ],
)
def test_asking_whether_a_variable_is_there_is_allowed(source: str, expected: str) -> None:
    assert Template(source).render(Context({"empty": ""})) == expected


@pytest.mark.django_db
def test_rows_without_an_order_come_in_another_order() -> None:
    make_users(40)
    names = lambda rows: [user.login_name for user in rows]  # noqa: E731
    assert names(User.objects.order_by("id")) == [f"u{number}" for number in range(40)]
    assert names(User.objects.all()) != names(User.objects.all())
    assert names(User.objects.iterator()) != names(User.objects.iterator())
    assert sorted(User.objects.values_list("login_name", flat=True)) == sorted(names(User.objects.all()))


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="careful"):
        warnings.warn("careful", stacklevel=1)


@pytest.mark.parametrize("address", ["192.0.2.1", "example.org"])
def test_other_machines_are_out_of_reach(address: str) -> None:
    with socket.socket() as sock, pytest.raises(OutsideWorld, match=address):
        sock.connect((address, 80))


def test_the_programme_clock_stands_still(clock: StoppedClock, db: None) -> None:
    assert programme_now() == programme_now() == PROGRAMME_INSTANT
    assert programme_day(clock.set(2021, 3, 25)).isoformat() == "2021-03-25"
    clock.forward(days=1)
    assert programme_now().isoformat() == "2021-03-26T10:00:00+07:00"
    set_programme_clock(at=PROGRAMME_INSTANT)
    assert programme_now() == PROGRAMME_INSTANT


@pytest.mark.django_db
def test_counting_statements_says_which(assert_queries: Callable[..., Any]) -> None:
    with assert_queries(1):
        User.objects.count()
    told = r"1 statements expected, 2 sent(.|\n)*2 times: SELECT COUNT"
    with pytest.raises(pytest.fail.Exception, match=told), assert_queries(1):
        User.objects.count(), User.objects.count()


@pytest.mark.django_db
def test_the_program_works_with_its_own_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchone()[0] == "bekal_app"
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            cursor.execute("CREATE TABLE anything (id int)")


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
@pytest.mark.parametrize("time", [1, 2])
def test_rows_of_a_transactional_test_are_removed_by_the_owner(time: int) -> None:
    assert not User.objects.exists()
    make_users(1)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_user")
        assert cursor.fetchone() == (1,)
    with connections["proof"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_transfer")
        assert cursor.fetchone() == (0,)


def test_rivals_run_at_the_same_time_on_connections_of_their_own(race: Callable[..., list[Any]]) -> None:
    def backend() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    def fail() -> None:
        raise LookupError("lost")

    first, second, third = race(backend, backend, fail)
    assert first != second
    assert isinstance(third, LookupError)


def test_a_database_of_ones_own_is_migrated_and_not_the_tests(new_database: Callable[..., Any], db: None) -> None:
    own = new_database("hostile")
    with psycopg.connect(own.environ["DATABASE_URL"]) as owner:
        assert owner.execute("SELECT count(*) FROM ledger_transfer").fetchone() == (0,)
    assert own.name != connections["default"].settings_dict["NAME"]


@pytest.mark.django_db
def test_nothing_is_vacuumed_when_the_server_likes() -> None:
    """Else how a statement is planned, and a hundredfold in its time, depends on when autovacuum came by."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE reloptions @> '{autovacuum_enabled=false}') FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        table_count, left_alone_count = cursor.fetchone()
    assert table_count == left_alone_count > 40
