"""Settings common to every place. Values come from the environment; `.env.example` names them all."""

from pathlib import Path

import environ
from kombu import Queue

BASE_DIR = Path(__file__).resolve().parents[2]
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

# Everything the product writes lives below this one folder.
VAR_DIR = Path(env("DIPTYCH_VAR", default="") or BASE_DIR / "var")
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL = env("SITE_URL", default="http://localhost:8000")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rules.apps.AutodiscoverRulesConfig",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_htmx",
    "imagebank",
    "surveys",
    "models_ml",
    "generative",
    "benchmark",
]

MIDDLEWARE = [
    "config.health.ProbesFirst",
    "surveys.reading.link_guard.LinkHeaders",
    "config.headers.PermissionsPolicy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.idle.SignOffWhenIdle",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.study_chrome.study_chrome",
            ]
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'diptych.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets readers and one writer work together; IMMEDIATE takes the write lock at the start of a transaction, so
    # that a read followed by a write waits for its turn instead of failing with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
# Connections are kept between requests: readers save every few seconds, and each new connection would cost them time.
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://diptych")}

# How many proxies of ours stand in front. Behind one, all visitors come from its address: limits on guessing count by the
# address that the first of them saw (X-Forwarded-For), or one stranger's guesses would shut everybody out. Whatever a visitor
# writes into that header by himself is not believed.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)

AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_REDIRECT_URL = "home"
LOGIN_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_ADAPTER = "imagebank.accounts.InvitedOnlyAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
# A device may be kept signed in for two weeks by its own box on the sign-in page, where the site allows it; else a session
# ends with the browser, and after so many minutes without use (config/idle.py; 0: never).
ACCOUNT_SESSION_REMEMBER = None if env.bool("STAY_SIGNED_IN", default=True) else False
IDLE_MINUTES = env.int("IDLE_MINUTES", default=120)
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
# Nobody signs up here, so nobody can take somebody else's address and shut him out. Without this, whoever came by a
# letter (an address known to allauth, confirmed by no second letter) could not set up a second factor.
MFA_ALLOW_UNVERIFIED_EMAIL = True

LANGUAGE_CODE = "en"
TIME_ZONE = env("TIME_ZONE", default="UTC")
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "surveys" / "locale"]  # what readers are told; the pages of those who run a study are English
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT", default=str(VAR_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "benchmark.finders.PlotlyFinder",
]
MEDIA_ROOT = VAR_DIR / "media"  # never served by address: an authorised view opens each file
# Pictures lie there, or in a bucket of a store that speaks S3; imagebank/bucket.py says how, docs/server.md what else stays here.
AWS_STORAGE_BUCKET_NAME = env("AWS_STORAGE_BUCKET_NAME", default="")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if AWS_STORAGE_BUCKET_NAME:
    STORAGES["default"] = {
        "BACKEND": "imagebank.bucket.PrivateBucket",
        "OPTIONS": {
            "bucket_name": AWS_STORAGE_BUCKET_NAME,
            "location": env("AWS_LOCATION", default=""),
            "endpoint_url": env("AWS_S3_ENDPOINT_URL", default=""),
            "region_name": env("AWS_S3_REGION_NAME", default="us-east-1"),
            "access_key": env("AWS_ACCESS_KEY_ID", default="") or None,
            "secret_key": env("AWS_SECRET_ACCESS_KEY", default="") or None,
        },
    }
WHITENOISE_USE_FINDERS = True

if env("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))
else:  # letters are kept as files, so that an evaluator can read them
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_TIMEOUT = 30  # seconds; without one a silent mail server would hold the worker for ever
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="Diptych <study@localhost>")

# Background work. The default broker is a folder, so that nothing has to be installed.
CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="filesystem://")
if CELERY_BROKER_URL.startswith("filesystem"):
    _broker = {name: VAR_DIR / "broker" / name for name in ("queue", "processed", "control")}
    for _folder in _broker.values():
        _folder.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker["queue"]),
        "data_folder_out": str(_broker["queue"]),
        "processed_folder": str(_broker["processed"]),
        "control_folder": str(_broker["control"]),
        "polling_interval": 0.2,
    }
CELERY_TASK_QUEUES = [Queue("celery"), Queue("long")]  # a worker takes from both, unless it is started with -Q celery
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ALWAYS_EAGER = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "config.api.archived.ArchivedIsReadOnly",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.NumberedPages",
    "PAGE_SIZE": 100,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "config.errors.api_error",
    "DEFAULT_THROTTLE_RATES": {"sign-in": "20/hour"},
    "NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT,
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "config.errors.ServiceErrors"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Diptych",
    "DESCRIPTION": "Reading studies in which people and networks classify the same images.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ValidationErrorEnum": "drf_standardized_errors.openapi_serializers.ValidationErrorEnum.choices",
        "ClientErrorEnum": "drf_standardized_errors.openapi_serializers.ClientErrorEnum.choices",
        "ServerErrorEnum": "drf_standardized_errors.openapi_serializers.ServerErrorEnum.choices",
        "JobStateEnum": "imagebank.models.Job.State",
    },
}

# Files of pretrained weights that a training run may start from, chosen by name.
NETWORK_WEIGHTS = Path(env("NETWORK_WEIGHTS", default=str(VAR_DIR / "weights")))
NETWORK_DEVICE = env("NETWORK_DEVICE", default="auto")
# Sets of auxiliary pictures (ISIC), each a folder with its published CSV files and pictures.
AUXILIARY_PICTURES = Path(env("AUXILIARY_PICTURES", default=str(VAR_DIR / "auxiliary")))

# Nothing from elsewhere: no third-party script, font, picture or connection on any page.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "style-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "config.link_free.LinkFreeFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "fontTools": {"level": "WARNING"},  # it tells every table of every font that it subsets
        # The development server logs every address; its own formatter would write readers' links.
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}

# Limits on what anybody may upload; imagebank.services.decoding says why each is refused.
IMAGE_MAX_BYTES = env.int("IMAGE_MAX_BYTES", default=40 * 2**20)
IMAGE_MAX_PIXELS = env.int("IMAGE_MAX_PIXELS", default=80_000_000)
ARCHIVE_MAX_BYTES = env.int("ARCHIVE_MAX_BYTES", default=50 * 10**9)  # a ZIP of pictures, which the page sends in pieces
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20

METRICS_TOKEN = env("METRICS_TOKEN", default="")
SENTRY_DSN = env("SENTRY_DSN", default="")
if SENTRY_DSN:
    import sentry_sdk

    from config.link_free import link_free_event

    sentry_sdk.init(
        dsn=SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        before_send=link_free_event,
        before_send_transaction=link_free_event,
        before_breadcrumb=link_free_event,
    )
