"""Schemathesis reads the OpenAPI document and sends valid and invalid requests."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.program import Program
from tests.people import person

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
ARGUMENTS = ["--checks=all", "--exclude-checks=positive_data_acceptance", "--no-color", "--seed=1"]


@pytest.mark.long
@pytest.mark.usefixtures("api")
@pytest.mark.django_db(transaction=True)
def test_no_answer_is_one_that_the_document_does_not_know(live_server, settings, capsys, tmp_path):
    settings.TOTP_THROTTLE_RATE = "9999/second"
    person("ann@example.com")
    program = Program("ann@example.com")
    program.give_password()
    command = [SCHEMATHESIS, "run", f"{live_server.url}/api/schema/", *ARGUMENTS]
    bearer = f"--header=Authorization: Bearer {program.access}"
    done = subprocess.run([*command, bearer], cwd=tmp_path, capture_output=True, text=True)
    with capsys.disabled():
        print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout
