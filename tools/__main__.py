"""``python -m course_utils COMMAND``: the front door of the course; see ``course_utils/authoring/cli.py``."""

import sys

if sys.version_info < (3, 8):  # noqa: UP036 - this file is what an outdated Python reads first
    sys.exit(
        "This is Python %d.%d; the course needs Python 3.11, 3.12 or 3.13. Install one (python.org, or your system's "  # noqa: UP031
        "package manager) and run the same command with it, e.g. python3.12 -m course_utils." % sys.version_info[:2]
    )

from tools.commands import main

if __name__ == "__main__":
    sys.exit(main())
