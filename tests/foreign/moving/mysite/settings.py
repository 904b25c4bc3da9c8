ALLOWED_HOSTS = ["localhost"]
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
LOGIN_URL = "two_factor:login"
