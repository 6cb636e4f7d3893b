"""Settings, all of them from the environment or from `.env`; `.env.example` explains each name.

Only `DEMO=on` has defaults that are unsafe on a public address. Without it a missing secret stops the start.
"""

from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from whitenoise.compress import Compressor

from queuesite.launcher import postgres

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(postgres.env_file())
VAR_DIR = postgres.var_dir()


def whole(name: str, *, default: int) -> int:
    """A setting that is a whole number. Raises ImproperlyConfigured, whose sentence `manage.py` prints."""
    try:
        return env.int(name, default=default)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, and is {env(name)!r}.") from None


DEMO = env.bool("DEMO", default=False)
_DEMO_KEY = {"default": "demo-only-and-known-to-everyone-" * 2} if DEMO else {}

SECRET_KEY = env("SECRET_KEY", **_DEMO_KEY)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
CITIZEN_ID_KEY = env("CITIZEN_ID_KEY", **_DEMO_KEY)
CITIZEN_ID_KEY_FALLBACKS = env.list("CITIZEN_ID_KEY_FALLBACKS", default=[])
# The password of every demo log-in.
DEMO_PASSWORD = env("DEMO_PASSWORD", default="demo-queue-2569") if DEMO else None
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEMO else [])
CSRF_FAILURE_VIEW = "booking.views.faults.expired"
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- the office --------------------------------------------------------------------------------------------------

OFFICE_NAME = env("OFFICE_NAME", default="สหกรณ์ออมทรัพย์ครู (ตัวอย่าง)" if DEMO else "สหกรณ์ออมทรัพย์")
OFFICE_NAME_EN = env("OFFICE_NAME_EN", default="Teachers' Savings Cooperative")
OFFICE_PHONE = env("OFFICE_PHONE", default="038 000 000" if DEMO else "")
OFFICE_ADDRESS = env("OFFICE_ADDRESS", default="")
IMEMBER_LOGIN_URL = env("IMEMBER_LOGIN_URL", default="")
IMEMBER_REGISTER_URL = env("IMEMBER_REGISTER_URL", default="")
IMEMBER_FORGOT_URL = env("IMEMBER_FORGOT_URL", default="")
# Whether members sign in here with a password, where i-member's members are in our own table and no IMEMBER_LOGIN_URL
# leads elsewhere.
OWN_IMEMBER = env.bool("OWN_IMEMBER", default=True)
# What a member must know besides the number: "none", or "phone_last4".
MEMBER_PROOF = env.str("MEMBER_PROOF", default="none")

# Where i-member's members are: "table" (our own, filled from files), "database" or "http" (members/directory says).
MEMBER_DIRECTORY = env("MEMBER_DIRECTORY", default="table")
DIRECTORY_URL = env("DIRECTORY_URL", default="")
DIRECTORY_TOKEN = env("DIRECTORY_TOKEN", default="")
DIRECTORY_DATABASE_URL = env("DIRECTORY_DATABASE_URL", default="")
DIRECTORY_TABLE = env("DIRECTORY_TABLE", default="")
# Our names of the columns, each with the table's.
DIRECTORY_COLUMNS = env.dict("DIRECTORY_COLUMNS", default={})
# What stands in the column `registered` of who is registered; whoever is in the table, where nothing is named.
DIRECTORY_REGISTERED = [word.strip().lower() for word in env.list("DIRECTORY_REGISTERED", default=[])]

# Look-ups of members, each as "tries/seconds".
LOOKUP_LIMITS = {
    "identifier": env("LOOKUP_LIMIT_IDENTIFIER", default="10/900"),
    "device": env("LOOKUP_LIMIT_DEVICE", default="20/900"),
    "address": env("LOOKUP_LIMIT_ADDRESS", default="200/900"),
    "network": env("LOOKUP_LIMIT_NETWORK", default="1000/900"),
}
# What members may book for themselves: live tickets and bookings (moves too) a day of one member, bookings an hour from
# one device and from one address. Past the last of them they are asked for a proof; past the others they are refused.
BOOKING_LIMITS = {
    "live": whole("BOOKING_LIMIT_LIVE", default=3),
    "day": whole("BOOKING_LIMIT_DAY", default=6),
    "device": whole("BOOKING_LIMIT_DEVICE", default=6),
    "address": whole("BOOKING_LIMIT_ADDRESS", default=60),
}
# How often its holder may move one ticket; staff may go on.
MOST_MOVES = whole("MOST_MOVES", default=10)
# Days after which a past ticket is no longer linked to its member (the PDPA asks for the least data).
UNLINK_AFTER_DAYS = whole("UNLINK_AFTER_DAYS", default=90)
# The Computer-Related Crime Act has traffic data kept for 90 days at least.
KEEP_LOG_INS_DAYS = whole("KEEP_LOG_INS_DAYS", default=180)
# What came of an imported file, with the rows that were refused.
KEEP_FILES_DAYS = whole("KEEP_FILES_DAYS", default=180)
KEEP_LINE_EVENTS_DAYS = whole("KEEP_LINE_EVENTS_DAYS", default=7)
# How many look-ups found nobody; surges are compared with four weeks.
KEEP_LOOKUP_COUNTS_DAYS = whole("KEEP_LOOKUP_COUNTS_DAYS", default=35)
KEEP_HISTORY_DAYS = whole("KEEP_HISTORY_DAYS", default=3 * 365)

# --- LINE and e-mail --------------------------------------------------------------------------------------------

# Where the service is reached from outside: messages carry links to it.
PUBLIC_URL = env("PUBLIC_URL", default="").rstrip("/")
LINE_API_BASE = env("LINE_API_BASE", default="https://api.line.me").rstrip("/")
LINE_CHANNEL_ACCESS_TOKEN = env("LINE_CHANNEL_ACCESS_TOKEN", default="")
LINE_CHANNEL_SECRET = env("LINE_CHANNEL_SECRET", default="")
LINE_LOGIN_CHANNEL_ID = env("LINE_LOGIN_CHANNEL_ID", default="")
LINE_LOGIN_CHANNEL_SECRET = env("LINE_LOGIN_CHANNEL_SECRET", default="")
LINE_LIFF_ID = env("LINE_LIFF_ID", default="")
# What links a LINE account to a member, beside the number and the confirmed name: "none", "member_proof" or "code".
LINE_LINK_PROOF = env("LINE_LINK_PROOF", default="code")
# Cards of a member's own bookings and moves in 24 hours; whatever else a member has to know is always sent.
LINE_CARDS_A_DAY = env.int("LINE_CARDS_A_DAY", default=20)

EMAIL_HOST = env("EMAIL_HOST", default="")
EMAIL_PORT = whole("EMAIL_PORT", default=587)
EMAIL_HOST_USER = env("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="queue@localhost")

# --- where it runs ---------------------------------------------------------------------------------------------

# What `make run` listens on, and how many processes answer the public, and staff and boards.
HOST = env("HOST", default="127.0.0.1")
PORT = whole("PORT", default=8000)
WEB_WORKERS = whole("WEB_WORKERS", default=2)
STAFF_WORKERS = whole("STAFF_WORKERS", default=2)
# The nginx that `make run` puts in front: a path, "off", or whichever is found.
NGINX = env("NGINX", default="")
# Proxies of the office's own before that nginx, by address: theirs alone is the X-Forwarded-For that is believed.
PROXIES = env.list("PROXIES", default=[])
# The nginx of deploy/ stands before this process, and nobody else reaches it. `make run` and the units set it.
BEHIND_FRONT = env.bool("BEHIND_FRONT", default=False)

# Who may read /metrics: whoever sends this as a Bearer token. Empty: there is no such page.
METRICS_TOKEN = env("METRICS_TOKEN", default="")
# Where the worker leaves a backup each night, and how many of them stay; none without a folder.
BACKUP_DIR = env("BACKUP_DIR", default="")
BACKUP_KEEP = whole("BACKUP_KEEP", default=7)

# --- Django ------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "django_q",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "simple_history",
    "office",
    # Before booking: it gives its roles their permissions when it is migrated.
    "members",
    "holidays",
    "booking",
    "queuesite",
]
if DEMO:
    INSTALLED_APPS.append("queuesite.demo")

# `/api/v1/` is answered by queuesite.middleware.api, before the rest is asked: what stands below it is for pages alone.
# Whatever is added is decided for both, in tests/test_middleware.py.
MIDDLEWARE = [
    "queuesite.logs.request_id",
    "queuesite.middleware.whose_address",
    "queuesite.middleware.small_bodies",
    "django.middleware.security.SecurityMiddleware",
    "queuesite.away.database_faults",
    "queuesite.middleware.api",
    "queuesite.cleaned.addresses_and_cookies",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "queuesite.middleware.content_security_policy",
    "django.middleware.gzip.GZipMiddleware",
    "queuesite.middleware.thai_until_switched",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "queuesite.cleaned.forms",
    "queuesite.cleaned.ranges",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "queuesite.middleware.uploads_of_staff",
    "django_otp.middleware.OTPMiddleware",
    "queuesite.staff_door.door",
    "queuesite.log_in.limits",
    "queuesite.middleware.MessagesOfTheBackOffice",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "queuesite.urls"
WSGI_APPLICATION = "queuesite.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "queuesite.context.of_the_office",
                *(["queuesite.demo.context.examples"] if DEMO else []),
            ],
            "libraries": {"i18n": "queuesite.i18n_tags"},
        },
    }
]

# "Used for multiple template tag modules": i18n is, on purpose (queuesite/i18n_tags.py). tests/test_i18n_tags.py holds
# that nothing else is.
SILENCED_SYSTEM_CHECKS = ["templates.W003"]

HAS_EMBEDDED_DATABASE = not env("DATABASE_URL", default="")
# The role of web and worker, where migrations run as another, the owner (queuesite/database_roles.py). On the embedded
# server what the launcher starts (it names the kind) works as that role, and commands as the owner.
DATABASE_APP_ROLE = postgres.APP_ROLE if HAS_EMBEDDED_DATABASE else env("DATABASE_APP_ROLE", default="")
_role = postgres.APP_ROLE if env("PROCESS_KIND", default="") else postgres.ROLE
DATABASES = {"default": env.db_url_config(env("DATABASE_URL", default="") or postgres.embedded_url(role=_role))}
DATABASES["default"] |= {"CONN_MAX_AGE": whole("CONN_MAX_AGE", default=600), "CONN_HEALTH_CHECKS": True}
# What is asked most is prepared in each connection (booking/prepared.py): planning it takes longer than running it.
DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 0
# How long a statement may take, and wait for a lock, by what its process answers (the launcher names it): a page is
# waited for. A report may think for a minute (booking/time_limits.py); the background and commands take as long as they
# need. What DATABASE_URL says in `options` stands behind, and wins.
STATEMENT_LIMITS = {
    "public": "-c statement_timeout=5s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s",
    "staff": "-c statement_timeout=5s -c lock_timeout=5s -c idle_in_transaction_session_timeout=90s",
}
# "transaction": a pool (PgBouncer) lends a connection for one transaction at a time. Nothing may be left in it, be it a
# prepared statement, a cursor or a setting; the limits stand on the database's roles (docs/operations.md).
DATABASE_POOLING = env("DATABASE_POOLING", default="")
if DATABASE_POOLING not in ("", "transaction"):
    raise ImproperlyConfigured(f"DATABASE_POOLING must be transaction or nothing, and is {DATABASE_POOLING!r}.")
if DATABASE_POOLING:
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = None
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
elif _limits := STATEMENT_LIMITS.get(env("PROCESS_KIND", default="")):
    _given = DATABASES["default"]["OPTIONS"].get("options", "")
    DATABASES["default"]["OPTIONS"]["options"] = f"{_limits} {_given}".strip()
# A copy that PostgreSQL streams, for reads that may be a second old (booking/replica.py).
if _replica := env("DATABASE_REPLICA_URL", default=""):
    _limits = DATABASES["default"]["OPTIONS"].get("options", "")
    DATABASES["replica"] = env.db_url_config(_replica) | {
        "CONN_MAX_AGE": DATABASES["default"]["CONN_MAX_AGE"],
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": bool(DATABASE_POOLING),
        "TEST": {"MIRROR": "default"},
    }
    # Neither to connect nor on a line that has gone silent (milliseconds) does anybody wait for it longer.
    DATABASES["replica"]["OPTIONS"] = {
        "connect_timeout": 3,
        "tcp_user_timeout": 3000,
        "prepare_threshold": DATABASES["default"]["OPTIONS"]["prepare_threshold"],
    } | DATABASES["replica"].get("OPTIONS", {})
    if _limits:
        DATABASES["replica"]["OPTIONS"].setdefault("options", _limits)
    DATABASE_ROUTERS = ["booking.replica.Router"]
# What is sent is kept in memory alone: a file of members has citizen IDs in it, which no temporary file may show.
FILE_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "th"
LANGUAGES = [("th", "ไทย"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Bangkok"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = VAR_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "queuesite.static_files.StaticFiles"},
}
# Source maps are large and nobody waits for them.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*Compressor.SKIP_COMPRESS_EXTENSIONS, "map"]

# --- who is who --------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "booking.rights_of_users.InOneQuery",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Of members, where i-member is ours: Django's own rules.
MEMBER_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["member_number", "given_name", "family_name", "phone", "email"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
LOGIN_FAILURE_LIMIT = whole("LOGIN_FAILURE_LIMIT", default=8)
AXES_FAILURE_LIMIT = "queuesite.log_in.most_failures"
AXES_COOLOFF_TIME = 0.25  # hours
# Of devices that have not signed in under that name before: wrong passwords of one name from anywhere, and names tried
# from one address, within the same time (queuesite/log_in.py).
LOGIN_LIMIT_NAME = whole("LOGIN_LIMIT_NAME", default=50)
LOGIN_LIMIT_ADDRESS = whole("LOGIN_LIMIT_ADDRESS", default=20)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "members.throttle.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "members.free_text.login_name"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "next"]
AXES_VERBOSE = False

# Whether the back office asks for a code of an app beside the password, and whether the counters do.
SECOND_FACTOR = env.bool("SECOND_FACTOR", default=not DEMO)
SECOND_FACTOR_AT_COUNTERS = env.bool("SECOND_FACTOR_AT_COUNTERS", default=False)
OTP_TOTP_ISSUER = OFFICE_NAME
# After how long without a page asked for staff are signed out of the back office.
STAFF_IDLE_MINUTES = env.int("STAFF_IDLE_MINUTES", default=30)
PASSWORD_RESET_TIMEOUT = 24 * 60 * 60  # of the one-time link that a manager hands out

SESSION_ENGINE = "queuesite.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 12
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = env.bool("HTTPS", default=not DEMO)
if SESSION_COOKIE_SECURE:  # a cookie that no neighbour below the same domain can set
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = env.bool("HTTPS", default=not DEMO)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^workerz$", r"^metrics$"]
SECURE_HSTS_SECONDS = whole("HSTS_SECONDS", default=0 if DEMO else 31536000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("HSTS_SUBDOMAINS", default=not DEMO)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if BEHIND_FRONT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_QUEUESCHEME", "https")

# The pages of members: nothing inline, nothing from elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# The back office's theme (Alpine) evaluates expressions and styles elements; see queuesite.middleware.
ADMIN_CONTENT_SECURITY_POLICY = CONTENT_SECURITY_POLICY["DIRECTIVES"] | {
    "script-src": [SELF, "'unsafe-eval'", NONCE],
    "style-src": [SELF, "'unsafe-inline'"],
}

# --- work in the background --------------------------------------------------------------------------------------

Q_CLUSTER: dict[str, Any] = {
    "name": "queuesite",
    "orm": "default",
    # One of them is busy sending messages all the time.
    "workers": whole("WORKERS", default=3),
    "timeout": 300,
    "retry": 360,
    "max_attempts": 5,
    "poll": 0.5,
    "catch_up": False,
    "save_limit": 200,
    "label": "งานเบื้องหลัง",
}

# --- the API -----------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["booking.api.parsers.SmallJSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "booking.api.errors.answer_refusal",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "บัตรคิวออนไลน์",
    "DESCRIPTION": "Book, see, move and cancel queue tickets.",
    "VERSION": "1",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "booking.api.schema.say_whose_it_is"],
    "SERVERS": [{"url": PUBLIC_URL or "/"}],
    # An operation's tag is the first part of its path.
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "TAGS": [
        {"name": "departments", "description": "What can be booked: departments, their days and times."},
        {"name": "members", "description": "Who is asking, before a booking."},
        {"name": "tickets", "description": "Book, see, move and cancel a ticket; say that its holder has come."},
        {"name": "waiting", "description": "Wait for a place of a full day; take or leave what is offered."},
        {"name": "walk-ins", "description": "Tickets for those who come without one. For staff."},
        {"name": "counters", "description": "Call and serve at a counter. For staff."},
        {"name": "board", "description": "What everybody in the office may see."},
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "ticketSecret": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Ticket <secret>`, with the secret that came with the ticket.",
            },
            "waitingSecret": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Waiting <secret>`, with the secret that came with the entry of the waiting list.",
            },
            "staffToken": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Token <token>` of a member of staff, made by `manage.py staff_token <user>`.",
            },
        }
    },
}

UNFOLD = {
    "SITE_TITLE": _("บัตรคิวออนไลน์"),
    "SITE_HEADER": _("บัตรคิวออนไลน์"),
    "SITE_SUBHEADER": "queuesite.context.name_of_office",
    "SITE_SYMBOL": "confirmation_number",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "THEME": "light",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/icon.svg")}],
    "STYLES": [lambda request: static("css/admin.css")],
    "SCRIPTS": [lambda request: static("js/admin.js")],
    "DASHBOARD_CALLBACK": "booking.admin.dashboard.dashboard",
    "SIDEBAR": {"navigation": "booking.admin.dashboard.sidebar"},
    "ACCOUNT": {"navigation": "booking.admin.dashboard.own_pages"},
    # Slate: blue, purple and red say something on the pages of members.
    "COLORS": {
        "primary": {
            "50": "oklch(98.4% .003 247.858)",
            "100": "oklch(96.8% .007 247.896)",
            "200": "oklch(92.9% .013 255.508)",
            "300": "oklch(86.9% .022 252.894)",
            "400": "oklch(70.4% .04 256.788)",
            "500": "oklch(44.6% .043 257.281)",
            "600": "oklch(37.2% .044 257.287)",
            "700": "oklch(32% .044 257.287)",
            "800": "oklch(27.9% .041 260.031)",
            "900": "oklch(20.8% .042 265.755)",
            "950": "oklch(12.9% .042 264.695)",
        },
        "font": {"subtle-light": "var(--color-base-600)", "default-light": "var(--color-base-700)"},
    },
}
# Going back to an older state is a change like any other: what has to be asked before one is asked.
SIMPLE_HISTORY_REVERT_DISABLED = True
AXES_LOCKOUT_TEMPLATE = "admin/locked.html"

# --- what is written down ----------------------------------------------------------------------------------------


def _without_traceback(record) -> bool:
    record.exc_info = None
    return True


LOG_FORMAT = env("LOG_FORMAT", default="text")
if LOG_FORMAT not in ("text", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT must be text or json, and is {LOG_FORMAT!r}.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "queuesite.logs.Lines", "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "queuesite.logs.JSONLines"},
    },
    "filters": {"without_traceback": {"()": "django.utils.log.CallbackFilter", "callback": _without_traceback}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        # One line says it all: which name was asked for.
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
        "axes": {"level": "WARNING"},
        "django-q": {"level": "WARNING", "handlers": ["console"], "propagate": False},
    },
}
