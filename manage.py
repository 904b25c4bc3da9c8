#!/usr/bin/env python
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from twofactor.sealing import generate_key


def main() -> None:
    if sys.argv[1:] == ["twofactor", "generate-key"]:
        print(generate_key())  # the one thing that is needed before there are any settings
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(f"Countersign cannot start: {problem}")


if __name__ == "__main__":
    main()
