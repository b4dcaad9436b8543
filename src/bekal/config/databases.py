"""The three connections of the program: `default` runs, `owner` migrates, `proof` only reads.

On a server of one's own (DATABASE_URL alone) all three log in with that URL and step down to their role at connection
start; where separate logins exist (the embedded server has them) BEKAL_APP_DATABASE_URL and BEKAL_PROOF_DATABASE_URL
name them and no step is needed.
"""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

APP_ROLE = "bekal_app"
PROOF_ROLE = "bekal_proof"


def connection_settings(url: str, *, role: str | None = None) -> dict[str, Any]:
    """Django's settings for one connection from `postgresql://user:password@host:port/name?option=value`.

    Raises ValueError where the address is not PostgreSQL's or names no database."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or len(parts.path) < 2:
        raise ValueError("DATABASE_URL must look like postgresql://user:password@host:5432/bekal")
    options: dict[str, str] = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    if role is not None:
        options["options"] = f"{options.get('options', '')} -c role={role}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def connections_from(environ: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The DATABASES setting from the environment.

    Raises ValueError where DATABASE_URL is missing."""
    owner_url = environ.get("DATABASE_URL")
    if not owner_url:
        raise ValueError("DATABASE_URL is not set: start through `python3 dev` (manage, test, …), or set it")
    app_url = environ.get("BEKAL_APP_DATABASE_URL")
    proof_url = environ.get("BEKAL_PROOF_DATABASE_URL")
    return {
        "default": connection_settings(app_url or owner_url, role=None if app_url else APP_ROLE),
        "owner": connection_settings(owner_url),
        "proof": connection_settings(proof_url or owner_url, role=None if proof_url else PROOF_ROLE),
    }


def sandbox_from(environ: dict[str, str]) -> dict[str, Any] | None:
    """Where the partners' sandbox is when BEKAL_SANDBOX_DATABASE_URL names it (its owner logs in there and steps down);
    None where it lies beside the programme's database under its name with `_sandbox`.

    `beside` is the database that this address belongs to."""
    url = environ.get("BEKAL_SANDBOX_DATABASE_URL")
    if not url:
        return None
    default, owner = connection_settings(url, role=APP_ROLE), connection_settings(url)
    beside = connection_settings(environ["DATABASE_URL"])["NAME"]
    if owner["NAME"] == beside:
        raise ValueError("BEKAL_SANDBOX_DATABASE_URL names the programme's own database: the sandbox needs another")
    return {"beside": beside, "default": default, "owner": owner}


class OwnerMigrates:
    """Only the owner's connection changes the schema; the program's own role cannot."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        return True
