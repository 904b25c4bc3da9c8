ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS += ["shop"]
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
DATABASES["default"]["ATOMIC_REQUESTS"] = True
DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": BASE_DIR / "cache",
    }
}
