ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS += ["django_htmx", "shop"]
STATICFILES_DIRS = [BASE_DIR / "static"]
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
AUTH_USER_MODEL = "shop.Customer"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
