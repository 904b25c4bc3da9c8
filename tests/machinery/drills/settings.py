"""The site's own settings, for the processes that a drill starts."""

import os

from config import environment

environment.read_file = lambda path: None  # a developer's .env must not change the tests

from config.settings import *  # noqa: E402, F403
from config.settings import PASSWORD_HASHERS  # noqa: E402

STATIC_ROOT = os.environ["DRILL_STATIC_ROOT"]  # filled by the tests already

# Argon2 costs 30 ms a password, on purpose. Where a drill is about writing, it would be about hashing.
if "DRILL_CHEAP_PASSWORDS" in os.environ:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
