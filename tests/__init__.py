"""Tests of JSONgle-Server; one module for each module of the server, and whole conversations beside them.

What hypothesis tries is new with every run at a desk, and the same in every run of CI, where a change is judged by what
it does and not by luck. The time that an example takes says nothing on a busy machine.
"""

import os

from hypothesis import settings

from tests.witness import watch_every_test

settings.register_profile("jsongle", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("jsongle")

watch_every_test()
