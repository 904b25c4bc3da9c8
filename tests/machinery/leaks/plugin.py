"""pytest -p tests.machinery.leaks.plugin: registers hunter.py once Django is ready."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    from tests.machinery.leaks import hunter

    config.pluginmanager.register(hunter)
