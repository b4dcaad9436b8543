"""The sandbox is another database: the same verbs, no row of the programme's."""

import ast
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.test import override_settings

from bekal.catalogue.models import Institution, Training
from bekal.catalogue.search import search_trainings
from bekal.ledger.models import Transfer
from bekal.partners import world as world_module
from bekal.partners.models import Partner, PartnerCall
from bekal.partners.world import SandboxUnavailableError, world_of, world_of_partner
from bekal.purchases.models import Purchase
from tests import databases, factories
from tests.conftest import StoppedClock
from tests.contracts.house import ROOT
from tests.factories.partners import key_of, live_partner, sandbox_partner

pytestmark = pytest.mark.django_db(transaction=True)


def database_name() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return str(cursor.fetchone()[0])


def rows_of(name: str) -> dict[str, tuple[int, Any]]:
    """How many rows each table has, and a sum over what stands in them, as the owner sees it."""
    with databases.owner_connection(name) as owner:
        tables = owner.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        ).fetchall()
        return {str(table): _sum_of(owner, str(table)) for (table,) in tables}


def _sum_of(owner: psycopg.Connection[Any], table: str) -> tuple[int, Any]:
    found = owner.execute(f'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM "{table}" t').fetchone()
    assert found is not None
    return found


@pytest.fixture
def real_name() -> Iterator[str]:
    yield str(connections.settings["default"]["NAME"])
    assert connections["default"].settings_dict["NAME"] == connections.settings["default"]["NAME"]


def walk() -> int:
    """Somebody is accepted, buys, learns, reviews and is reconciled."""
    (participation_id,) = factories.accepted(1)
    return factories.reconciled(participation_id, factories.training())


def test_a_journey_in_the_sandbox_leaves_the_programmes_books_alone(
    sandbox: databases.TestDatabase, real_name: str
) -> None:
    key = key_of(sandbox_partner())
    walk()
    before = rows_of(real_name)
    with world_of(key) as world:
        assert database_name() == sandbox.name
        assert world.is_sandbox
        walk()
        assert Transfer.objects.exists()
    assert rows_of(real_name) == before


def test_a_journey_in_the_programme_leaves_the_sandbox_alone(sandbox: databases.TestDatabase, real_name: str) -> None:
    institution = factories.institution()
    live = key_of(live_partner(institution), is_sandbox=False)
    with world_of(key_of(sandbox_partner())):
        walk()
    before = rows_of(sandbox.name)
    with world_of(live) as world:
        assert database_name() == real_name
        assert (world.institution_id, world.is_sandbox) == (institution.pk, False)
        walk()
    assert rows_of(sandbox.name) == before
    assert Purchase.objects.count() == 1


def test_each_partner_is_an_institution_or_platform_of_its_own_there(sandbox: databases.TestDatabase) -> None:
    first, second = key_of(sandbox_partner("SATU")), key_of(sandbox_partner("DUA"))
    third = key_of(sandbox_partner("TIGA", kind="platform"), generation=2)
    with world_of(first) as world:
        own = world.institution_id
        assert Institution.objects.get(pk=own).code == "SATU"
    with world_of(second) as world:
        assert world.institution_id not in (own, None)
    with world_of(third) as world:
        assert world.institution_id is None
        assert world.platform_id is not None
    with world_of(first) as world:
        assert world.institution_id == own
    assert not Institution.objects.exists()


def test_each_partner_has_a_clock_of_its_own(sandbox: databases.TestDatabase, clock: StoppedClock) -> None:
    first, second = sandbox_partner("SATU"), sandbox_partner("DUA")
    with world_of_partner(first, is_sandbox=True):
        Partner.objects.filter(pk=first.pk).update(sandbox_offset=timedelta(days=36))
    with world_of_partner(first, is_sandbox=True) as world:
        assert world.at == clock.now() + timedelta(days=36)
    with world_of_partner(second, is_sandbox=True) as world:
        assert world.at == clock.now()
    with world_of_partner(first, is_sandbox=False) as world:
        assert world.at == clock.now()


def test_a_call_can_be_written_in_the_transaction_that_answers_it(sandbox: databases.TestDatabase) -> None:
    key = key_of(sandbox_partner())
    with world_of(key), transaction.atomic():
        PartnerCall.objects.create(
            key=key, request_hash=b"r" * 32, body_hash=b"b" * 32, operation="commit", called_at=factories.BOUGHT_AT
        )
    assert not PartnerCall.objects.exists()
    with world_of(key):
        call = PartnerCall.objects.select_related("key").get()
        assert bytes(call.key.secret_encrypted) == b""  # what it signs with stays in the programme's database


def test_it_is_left_however_the_block_ends(sandbox: databases.TestDatabase, real_name: str) -> None:
    key = key_of(sandbox_partner())
    with pytest.raises(ZeroDivisionError), world_of(key), transaction.atomic():
        factories.institution()
        raise ZeroDivisionError
    assert database_name() == real_name
    with world_of(key):
        assert Institution.objects.values_list("code", flat=True).get() == "BELAJAR"
        transaction.set_autocommit(False)
        factories.institution()  # neither committed nor rolled back
    with world_of(key):
        assert Institution.objects.values_list("code", flat=True).get() == "BELAJAR"


def test_what_is_done_on_commit_is_done_there(sandbox: databases.TestDatabase) -> None:
    seen: list[str] = []
    with world_of(key_of(sandbox_partner())), transaction.atomic():
        transaction.on_commit(lambda: seen.append(database_name()))
    assert seen == [sandbox.name]


def test_never_inside_a_transaction_of_the_programme_or_another_world(sandbox: databases.TestDatabase) -> None:
    key = key_of(sandbox_partner())
    with transaction.atomic(), pytest.raises(RuntimeError, match="leave the transaction"), world_of(key):
        pytest.fail("two databases are never one transaction")
    with world_of(key), pytest.raises(RuntimeError, match="never from another world"), world_of(key):
        pytest.fail("a world in a world")


def test_other_threads_stay_where_they_are(sandbox: databases.TestDatabase, real_name: str) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(database_name())
        connections.close_all()

    with world_of(key_of(sandbox_partner())):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [real_name]


def test_the_connection_is_kept_and_mended(sandbox: databases.TestDatabase) -> None:
    key = key_of(sandbox_partner())

    def process() -> int:
        with world_of(key), connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    first = process()
    assert process() == first
    with databases.owner_connection(sandbox.name) as owner:
        owner.execute("SELECT pg_terminate_backend(%s)", [first])
    assert process() != first


def test_without_a_sandbox_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, real_name: str) -> None:
    key = key_of(sandbox_partner())
    monkeypatch.setattr(world_module, "SUFFIX", "_nowhere")
    with pytest.raises(SandboxUnavailableError, match="manage setup"), world_of(key):
        pytest.fail("there is none")
    assert database_name() == real_name
    monkeypatch.setattr(world_module, "SUFFIX", "_" * 60)
    with pytest.raises(SandboxUnavailableError, match="too long"), world_of(key):
        pytest.fail("cut off, it could be the programme's own")


def test_an_address_of_its_own_belongs_to_the_environments_database(sandbox: databases.TestDatabase) -> None:
    named = {"beside": connections.settings["default"]["NAME"], "default": {"NAME": "uji"}, "owner": {"NAME": "uji"}}
    with override_settings(SANDBOX_DATABASE=named):
        assert world_module.sandbox_settings()["NAME"] == "uji"
        assert world_module.sandbox_settings("owner")["NAME"] == "uji"
    with override_settings(SANDBOX_DATABASE=named | {"beside": "another"}):
        assert world_module.sandbox_settings()["NAME"] == sandbox.name


def test_words_of_one_catalogue_never_mend_a_search_in_the_other(sandbox: databases.TestDatabase) -> None:
    factories.training(title="Merangkai bunga kering")
    assert search_trainings(text="bungo").did_you_mean == "bunga"
    with world_of(key_of(sandbox_partner())):
        factories.training(title="Menyetel piano tua")
        assert search_trainings(text="piono").did_you_mean == "piano"
        assert search_trainings(text="bungo").did_you_mean is None
        assert Training.objects.count() == 1
    assert search_trainings(text="piono").did_you_mean is None


# What a process remembers must hang on what it was made from, never on "the" database: there are two. These hang on …
REMEMBERED = {
    "api/v2/faults.py:_sentences": "a packaged file",
    "api/v2/openapi.py:_text": "the endpoints",
    "api/v2/openapi.py:document": "the endpoints",
    "api/v2/problems.py:catalogue": "a packaged file",
    "accounts/privacy.py:_keys": "the key of the settings",
    "catalogue/search.py:_vocabulary": "a sum over all words",
    "incentives/house_rails.py:rails_of": "the name of the settings' file",
    "incentives/partners/bank_lines.py:rupiah_of": "the argument",
    "incentives/partners/https.py:_trusted": "the certificates of the machine",
    "ledger/copy_rows.py:_statement": "the models",
    "partners/named_key.py:_statement": "the models",
    "purchases/certificate_numbers.py:_key": "the key of the settings",
    "purchases/record_attendance.py:institution": "the argument",
}
# The rooms a partner's call can reach.
REACHED = [
    "ledger",
    "accounts",
    "messaging",
    "participants",
    "catalogue",
    "purchases",
    "incentives",
    "lifecycle",
    "partners",
    "api",
]


def test_nothing_is_remembered_by_the_database_it_came_from() -> None:
    house = ROOT / "src" / "bekal"
    found = {
        f"{path.relative_to(house)}:{node.name}"
        for room in REACHED
        for path in sorted((house / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        for decorator in map(ast.unparse, node.decorator_list)
        if decorator.split("(")[0].split(".")[-1] in ("cache", "lru_cache")
    }
    assert found - set(REMEMBERED) == set(), "say above what each hangs on, or let it hang on its content"
    assert set(REMEMBERED) - found == set()
