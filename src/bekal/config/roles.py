"""The database roles and what each may do: the owner migrates, the program's role works, the proof's role reads."""

from django.apps import apps
from django.db import connections

from bekal.config.databases import APP_ROLE, PROOF_ROLE
from bekal.ledger.append_only import AppendOnlyModel

# The checker reads money and its causes, never names, identity numbers, contact points or sign-ins.
PROOF_MAY_NOT_READ = (
    "accounts_",
    "messaging_",
    "django_",
    "auth_",
    "holds_holdevent",
    "incentives_complaintevent",
    "incentives_institutionaccount",
    "participants_attributesighting",
    "participants_contactpoint",
    "participants_nikdirectory",
    "participants_participant",
    "participants_payoutaccount",
    "participants_secondpayoutaccount",
    "partners_",
)
# Of a table it may not read, the columns that say that something is there, and since when.
PROOF_MAY_READ_COLUMNS = {
    "incentives_institutionaccount": ("id", "institution_id", "entered_at", "agreed_at", "pays_from_at", "ended_at"),
    "participants_payoutaccount": ("id", "participant_id", "verified_at", "pays_from_at"),
    # Not the number, which opens the certificate's page, nor an officer's words about somebody.
    "purchases_certificate": (
        *("id", "purchase_id", "sequence", "status_list", "status_index", "completed_at", "issued_at"),
        *("evidence_digest", "evidence_count", "evidence_until_id"),
    ),
    "purchases_certificateevent": (
        "id",
        "certificate_id",
        "kind",
        "officer_id",
        "asked_id",
        "asked_by_id",
        "occurred_at",
    ),
}
# What the program's role may do with the owner's rights: wait until what has been posted is final.
APP_MAY_EXECUTE = ("ledger_digest_boundary()",)


def ensure_roles() -> None:
    """Create the two restricted roles where they are missing; idempotent."""
    with connections["owner"].cursor() as cursor:
        for role in (APP_ROLE, PROOF_ROLE):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE ROLE {role} NOLOGIN")
                cursor.execute(f"GRANT {role} TO CURRENT_USER")


def grant_rights() -> None:
    """Give each role exactly its rights on the tables as migrated; idempotent."""
    tables = connections["owner"].introspection.table_names()
    append_only = {m._meta.db_table for m in apps.get_models() if issubclass(m, AppendOnlyModel)}
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}, {PROOF_ROLE}")
        cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APP_ROLE}, {PROOF_ROLE}")
        cursor.execute(f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {APP_ROLE}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE}")
        for function in APP_MAY_EXECUTE:
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}")
        for table in sorted(tables):
            if table not in append_only and table != "django_migrations":
                cursor.execute(f'GRANT UPDATE, DELETE ON "{table}" TO {APP_ROLE}')
            if not table.startswith(PROOF_MAY_NOT_READ):
                cursor.execute(f'GRANT SELECT ON "{table}" TO {PROOF_ROLE}')
            elif table in PROOF_MAY_READ_COLUMNS:
                columns = ", ".join(PROOF_MAY_READ_COLUMNS[table])
                cursor.execute(f'GRANT SELECT ({columns}) ON "{table}" TO {PROOF_ROLE}')
