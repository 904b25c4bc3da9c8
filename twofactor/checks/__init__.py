"""System checks. Importing this registers them."""

from twofactor.checks import configuration, sign_in_views

__all__ = ["configuration", "sign_in_views"]
