"""JupyterHub for a class on one computer; ``docs/class.md`` says how to start it and what to add."""

import os
import sys

from course_utils.environment import is_switched_on

SHARE = """<p><label><input type="checkbox" name="share"> Share with your instructor which exercises you have solved,
and what was wrong in your latest answers. A table shows totals for the class, but your instructor can also list it by
student.</label></p>"""

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - JupyterHub provides it
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
# The server runs as that student. With -P, no file of theirs can take the place of a module of the course.
c.Spawner.cmd = [sys.executable, "-P", "-m", "tools.classroom.server"]
c.Spawner.environment = {name: os.environ[name] for name in ("MNIST_PATH", "COURSE_OFFLINE") if name in os.environ}
if is_switched_on("COURSE_SHARE_PROGRESS"):
    c.Spawner.options_form = SHARE
    c.Spawner.options_from_form = "simple"
    c.Spawner.environment["COURSE_SHARE_PROGRESS"] = lambda spawner: "1" if spawner.user_options.get("share") else ""
