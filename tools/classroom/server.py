"""Start one student's JupyterLab under a JupyterHub, on a copy of the lessons in their home folder."""

from __future__ import annotations

import os
import sys

from course_utils.course import lesson_file
from course_utils.workspace import IN_HOME
from tools.lab import SETTINGS
from tools.working_copy import update


def main() -> None:
    """Update the copy without overwriting anybody's work, and serve it; only this student can read its files."""
    os.umask(0o077)
    update(IN_HOME)
    os.environ["COURSE_WORKSPACE"] = str(IN_HOME / "workspace")
    start = f"/lab/tree/notebooks/{lesson_file('00')}"
    os.environ |= {"JUPYTERHUB_ROOT_DIR": str(IN_HOME), "JUPYTERHUB_DEFAULT_URL": start}
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # the kernel of the course, not another with the same name
    from jupyterhub.singleuser import main as serve  # reads the environment when it is imported

    serve([*sys.argv[1:], f"--LabApp.app_settings_dir={SETTINGS}"])


if __name__ == "__main__":
    main()
