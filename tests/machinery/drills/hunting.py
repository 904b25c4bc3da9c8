"""pytest -p tests.machinery.drills.hunting: hunt for leaks (hunter.py), once Django is ready."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    from tests.machinery.drills import hunter

    config.pluginmanager.register(hunter)
