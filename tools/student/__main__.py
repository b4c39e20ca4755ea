"""``python -m tools COMMAND``: the commands of the students' edition."""

import sys

if sys.version_info < (3, 8):  # noqa: UP036 - this is what an outdated Python reads first
    sys.exit("This is Python %d.%d; the course needs Python 3.11, 3.12 or 3.13." % sys.version_info[:2])  # noqa: UP031

from tools import bootstrap, interpreters, settings


def main(argv):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - read by an old Python
    """Run one of the three commands, and return the exit status."""
    command = argv[0] if argv else ""
    if command not in ("setup", "lab", "check-setup"):
        sys.exit("Usage: python -m tools lab, python -m tools setup, or python -m tools check-setup")
    settings.prepare_output()
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        bootstrap.continue_in(interpreters.find_python(), argv)
    if command == "check-setup":
        problem = bootstrap.ensure_environment(argv, install=False)
        from course_utils.check_setup import report

        return report(problem)
    bootstrap.ensure_environment(argv)
    if command == "lab":
        from tools.lab import open_lab

        return open_lab(argv[1:])
    print("The course is set up. To open it: make lab (or: python -m tools lab)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
