"""The site under gunicorn, where a drill can change the clock, or kill it before a statement."""

import os
import signal
from datetime import UTC, datetime, timedelta

import time_machine

if off := int(os.environ.get("DRILL_CLOCK_OFF", "0")):
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=off), tick=True).start()

from django.db import connection

from config.wsgi import application as site

DIE_AT = "HTTP_X_DIE_AT"


class Death:
    """Kills the process before the statement with this number, or, after the last one, before the answer."""

    def __init__(self, number):
        self.left = number

    def __call__(self, execute, sql, params, many, context):
        self.comes_nearer()
        return execute(sql, params, many, context)

    def comes_nearer(self):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


def application(environ, start_response):
    if DIE_AT not in environ:
        return site(environ, start_response)
    death = Death(int(environ[DIE_AT]))
    with connection.execute_wrapper(death):
        answer = site(environ, start_response)
    death.comes_nearer()
    return answer
