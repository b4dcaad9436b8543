"""What the database refuses by itself: `guards.yaml` says how each guard reads, and here is compared what stands there.

A guard of the same name that lets everything pass is none; so definitions are compared, to the letter, not names. All
of it exists only now.
"""

from collections.abc import Iterable
from importlib import resources
from typing import Any

import yaml

from bekal.proofs.invariants_owner import LAWFUL
from bekal.proofs.look import Invariant, Look

_WRITTEN: dict[str, Any] = yaml.safe_load(
    resources.files("bekal.proofs").joinpath("guards.yaml").read_text(encoding="utf-8")
)
FACTS: tuple[str, ...] = tuple(_WRITTEN["facts"])


def _text(value: str) -> str:
    """As an SQL constant; a look is asked with values, so that a percent sign stands twice."""
    return "'" + value.replace("'", "''").replace("%", "%%") + "'"


def _values(rows: Iterable[tuple[str, ...]]) -> str:
    return "VALUES " + ", ".join(f"({', '.join(map(_text, row))})" for row in rows)


_CONSTRAINTS = _values(
    (table, name, definition.replace("{LAWFUL}", LAWFUL))
    for table, names in _WRITTEN["constraints"].items()
    for name, definition in names.items()
)
_INDEXES = _values(_WRITTEN["indexes"].items())
_FUNCTIONS = _values(_WRITTEN["functions"].items())
_FACTS = ", ".join(map(_text, FACTS))
_COMPLETE = ", ".join(map(_text, _WRITTEN["complete"]))
_BLANK = ", ".join(map(_text, _WRITTEN["blank"]))
_MONEY = ", ".join(map(_text, _WRITTEN["constraints"]))
_BODY = r"btrim(regexp_replace(prosrc, '\s+', ' ', 'g'))"
_TRIGGERS = """
    VALUES ('_append_only', 'BEFORE DELETE OR UPDATE', 'ROW'), ('_no_truncate', 'BEFORE TRUNCATE', 'STATEMENT')
"""


def _restored(definition: str) -> str:
    """An SQL expression: a definition as it reads in every database. Where it came back from a dump, PostgreSQL casts
    each member of a list and not the list."""
    members = (
        rf"regexp_replace({definition}, $$\('([^']*)'::character varying\)::text$$, $$'\1'::character varying$$, 'g')"
    )
    return rf"regexp_replace({members}, $$\(ARRAY\[([^]]*)\]\)::text\[\]$$, 'ARRAY[\1]', 'g')"


# Each part: (kind, name, expected, there) of what is not as it is written.
_DIFFERING_CONSTRAINTS = f"""
    SELECT 'constraint' AS kind, wanted.name, wanted.definition AS expected,
           pg_get_constraintdef(standing.oid) AS there
    FROM ({_CONSTRAINTS}) wanted("table", name, definition)
    LEFT JOIN pg_constraint standing ON standing.conname = wanted.name
         AND standing.conrelid = to_regclass('public.' || wanted."table")
    WHERE ({_restored("pg_get_constraintdef(standing.oid)")}, standing.convalidated)
          IS DISTINCT FROM ({_restored("wanted.definition")}, true)
    UNION ALL
    SELECT 'constraint', wanted.name, wanted.definition, pg_get_indexdef(standing.indexrelid)
    FROM ({_INDEXES}) wanted(name, definition)
    LEFT JOIN pg_index standing ON standing.indexrelid = to_regclass('public.' || wanted.name)
         AND standing.indisvalid AND standing.indisready
    WHERE pg_get_indexdef(standing.indexrelid) IS DISTINCT FROM wanted.definition
    UNION ALL
    SELECT 'constraint', tables.relname || '.' || attname, 'NOT NULL', 'NULL'
    FROM pg_attribute JOIN pg_class tables ON tables.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relname IN ({_COMPLETE})
      AND attnum > 0 AND NOT attisdropped AND NOT attnotnull AND tables.relname || '.' || attname NOT IN ({_BLANK})
"""
_DIFFERING_TRIGGERS = f"""
    SELECT 'trigger', coalesce(wanted.name, standing.tgname), wanted.definition,
           CASE WHEN standing.tgenabled NOT IN ('O', 'A') THEN 'disabled' ELSE pg_get_triggerdef(standing.oid) END
    FROM (SELECT fact || suffix AS name, to_regclass('public.' || fact) AS relation,
                 'CREATE TRIGGER ' || fact || suffix || ' ' || event || ' ON public.' || fact || ' FOR EACH ' || level
                 || ' EXECUTE FUNCTION refuse_change()' AS definition
          FROM unnest(ARRAY[{_FACTS}]) fact CROSS JOIN ({_TRIGGERS}) guard(suffix, event, level)) wanted
    FULL JOIN (SELECT pg_trigger.* FROM pg_trigger JOIN pg_class tables ON tables.oid = tgrelid
               WHERE relnamespace = 'public'::regnamespace AND relname IN ({_MONEY}, {_FACTS}) AND NOT tgisinternal
              ) standing ON standing.tgname = left(wanted.name, 63) AND standing.tgrelid = wanted.relation
    WHERE (pg_get_triggerdef(standing.oid), standing.tgenabled IN ('O', 'A')) IS DISTINCT FROM (wanted.definition, true)
    UNION ALL
    SELECT 'trigger', wanted.name || '()', wanted.body, {_BODY}
    FROM ({_FUNCTIONS}) wanted(name, body)
    LEFT JOIN pg_proc standing ON standing.proname = wanted.name AND standing.pronamespace = 'public'::regnamespace
         AND standing.pronargs = 0
    WHERE {_BODY} IS DISTINCT FROM wanted.body
"""
_HIDDEN_ROWS = f"""
    SELECT 'trigger', tables.relname, 'no rules, no row-level security',
           coalesce((SELECT string_agg(rulename, ', ') FROM pg_rewrite WHERE ev_class = tables.oid),
                    'row-level security')
    FROM pg_class tables
    WHERE relnamespace = 'public'::regnamespace AND relname IN ({_MONEY}, {_FACTS})
      AND (relrowsecurity OR EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class = tables.oid))
"""
# Facts are read and added to; no other table is emptied either, and no trigger is put on any. What a role may it may by
# itself, by a role that it belongs to, or because everybody may.
_RIGHTS = f"""
    SELECT 'right', rolname || ' may ' || deed || ' ' || relname, 'no', 'yes'
    FROM pg_roles CROSS JOIN pg_class tables
    CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) deed
    WHERE relnamespace = 'public'::regnamespace AND relname IN ({_MONEY}, {_FACTS})
      AND (rolname = 'bekal_proof' OR rolname = 'bekal_app' AND (
               deed IN ('TRUNCATE', 'TRIGGER') OR deed IN ('UPDATE', 'DELETE') AND relname IN ({_FACTS})))
      AND (has_table_privilege(pg_roles.oid, tables.oid, deed)
           OR deed IN ('INSERT', 'UPDATE') AND has_any_column_privilege(pg_roles.oid, tables.oid, deed))
    UNION ALL
    SELECT 'right', proname || '() works with the rights of ' || pg_get_userbyid(proowner), 'no',
           pg_get_functiondef(pg_proc.oid)
    FROM pg_proc JOIN pg_roles ON rolname = 'bekal_app'
    WHERE prosecdef AND pronamespace = 'public'::regnamespace
      AND proname NOT IN (SELECT name FROM ({_FUNCTIONS}) known(name, body))
      AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')
"""
_SHOWS = "name, expected, there"

GUARDS = Look(
    " UNION ALL ".join((_DIFFERING_CONSTRAINTS, _DIFFERING_TRIGGERS, _HIDDEN_ROWS, _RIGHTS)),
    (
        Invariant(
            "I9",
            "the database still holds the closed list of movements, and each condition and key of the money tables, as "
            "it was written",
            "kind = 'constraint'",
            _SHOWS,
            only_now=True,
        ),
        Invariant(
            "I10",
            "the triggers that refuse to change what is a fact stand on every such table, are on, and refuse; no other "
            "trigger or rule changes or hides a row",
            "kind = 'trigger'",
            _SHOWS,
            only_now=True,
        ),
        Invariant(
            "I10",
            "the program has no right to change, remove or empty facts, nor the proof to write at all",
            "kind = 'right'",
            _SHOWS,
            only_now=True,
        ),
    ),
)
