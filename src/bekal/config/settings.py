"""Settings of every process. What differs between places comes from the environment, nothing else does."""

import os
from pathlib import Path

from bekal.config.databases import connections_from, sandbox_from

ROOT = Path(__file__).resolve().parents[3]
DEMO = os.environ.get("BEKAL_DEMO") == "1"

try:
    SECRET_KEY = os.environ["BEKAL_SECRET_KEY"]
except KeyError:
    raise RuntimeError(
        "BEKAL_SECRET_KEY is not set: start through `python3 dev`, or set 50 random characters"
    ) from None
# Personal data has a key of its own, so that sessions can be rotated without re-encrypting people.
PRIVACY_KEY = os.environ.get("BEKAL_PRIVACY_KEY", SECRET_KEY)
# What signs certificates has one, too; the public keys used before stay published (purchases/certificate_keys.py).
CERTIFICATE_KEY = os.environ.get("BEKAL_CERTIFICATE_KEY", SECRET_KEY)
CERTIFICATE_KEYS_BEFORE = os.environ.get("BEKAL_CERTIFICATE_KEYS_BEFORE", "")
# Who issues them, and the address printed on them; without one it is the address at which the page was asked for.
PROGRAMME_NAME = os.environ.get("BEKAL_PROGRAMME_NAME", "Bekal")
PUBLIC_ADDRESS = os.environ.get("BEKAL_PUBLIC_ADDRESS", "").rstrip("/")

DEBUG = False
ALLOWED_HOSTS = os.environ.get("BEKAL_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
# Behind a proxy that ends TLS the cookies must never travel in clear; on the loopback demo there is no TLS.
SECURE = os.environ.get("BEKAL_TLS") == "1"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "bekal.web.errors.form_too_old"
SECURE_REFERRER_POLICY = "same-origin"

INSTALLED_APPS = [
    "bekal.ledger",
    "bekal.accounts",
    "bekal.messaging",
    "bekal.participants",
    "bekal.catalogue",
    "bekal.holds",
    "bekal.purchases",
    "bekal.incentives",
    "bekal.recommender",
    "bekal.lifecycle",
    "bekal.alarms",
    "bekal.partners",
    "bekal.engagement",
    "bekal.exchange",
    "bekal.simulation",
    "bekal.proofs",
    "bekal.ui",
    "bekal.web",
    "bekal.console",
    "bekal.api",
    "bekal.config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "bekal.ui.language.ReaderLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "bekal.accounts.access.DenyByDefault",
    "bekal.api.conformance.NoteConformance",
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
ROOT_URLCONF = "bekal.config.urls"
WSGI_APPLICATION = "bekal.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "bekal.ui.context.house",
            ],
            "builtins": ["bekal.ui.templatetags.ui", "django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]

DATABASES = connections_from(dict(os.environ))
SANDBOX_DATABASE = sandbox_from(dict(os.environ))
DATABASE_ROUTERS = ["bekal.config.databases.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "web:sign_in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Who takes messages to people, by channel (docs/runbooks/messages.md); a channel without an address waits.
CARRIER_ADDRESSES = {
    "email": os.environ.get("BEKAL_SMTP_URL", ""),
    "sms": os.environ.get("BEKAL_SMS_URL", ""),
    "whatsapp": os.environ.get("BEKAL_WHATSAPP_URL", ""),
}

# Over which rail each payment partner is paid (docs/bank-files.md); without one officers hand the files over.
PAYOUT_RAILS_FILE = os.environ.get("BEKAL_PAYOUT_RAILS", "")

LANGUAGE_CODE = "id"
LANGUAGES = [("id", "Bahasa Indonesia"), ("en", "English")]
LOCALE_PATHS = [ROOT / "src" / "bekal" / "locale"]
TIME_ZONE = "Asia/Jakarta"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("BEKAL_STATIC_ROOT", ROOT / ".local" / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("BEKAL_LOG_LEVEL", "WARNING")},
}
