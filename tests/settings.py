"""The settings of the site, with environment variables that only the tests use."""

import atexit
import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from config import environment
from twofactor import sealing

# In memory if possible, because SQLite waits for the disk at the end of each transaction.
MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made in it
FOLDER = Path(tempfile.mkdtemp(prefix="countersign-tests-", dir=MEMORY if os.path.isdir(MEMORY) else None))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

environment.read_file = lambda path: None  # a developer's .env must not change the tests
os.environ |= {
    "DEBUG": "false",
    "SECRET_KEY": sealing.generate_key(),
    "TWOFACTOR_KEYS": sealing.generate_key(),
    "BASE_URL": "http://testserver",
    "EMAIL_URL": "console:",
    "TWOFACTOR_MAIL_SENT_BY": "command",  # when a test looks into the mail (accounts/letters.py)
}
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER / 'unused.sqlite3'}")

from config.settings import *  # noqa: E402, F403  -- reads the environment made above
from config.settings import BASE_DIR, DATABASES, INSTALLED_APPS, PASSWORD_HASHERS  # noqa: E402

# A file instead of a database in memory, so that threads and processes use SQLite's real lock.
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": FOLDER / "tests.sqlite3"}
    if "PLAIN_SQLITE" in os.environ:  # as startproject has it; make test runs the races so, too
        DATABASES["default"]["OPTIONS"] = {"timeout": 20}  # a hundred at once wait longer on a busy machine

# Filled by tests/conftest.py, and kept until a file or a package changes: compressing takes seconds.
STATIC_DIGEST = hashlib.sha256(f"{version('django')} {version('whitenoise')} {INSTALLED_APPS}".encode())
for file in sorted(path for path in (BASE_DIR / "twofactor/static").rglob("*") if path.is_file()):
    STATIC_DIGEST.update(str(file.relative_to(BASE_DIR)).encode() + file.read_bytes())
STATIC_ROOT = BASE_DIR / ".pytest_cache" / f"static-{STATIC_DIGEST.hexdigest()[:16]}"

# Argon2 takes 30 ms a password on purpose. Tests of hashing use the `real_hasher` fixture.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
