"""``python -m tools COMMAND``: the commands of the course."""

import sys

if sys.version_info < (3, 8):  # noqa: UP036 - this is what an outdated Python reads first
    sys.exit("This is Python %d.%d; the course needs Python 3.11, 3.12 or 3.13." % sys.version_info[:2])  # noqa: UP031

from tools import bootstrap, interpreters, settings

if __name__ == "__main__":
    settings.prepare_output()
    if not {"lab", "lab-source", "check-setup"}.intersection(sys.argv[1:2]):  # these open a person's own notebooks
        settings.drop_personal()
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        bootstrap.continue_in(interpreters.find_python(), sys.argv[1:])

    from tools.commands import main

    sys.exit(main(sys.argv[1:]))
