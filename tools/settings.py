"""Keep personal settings away from what the course starts: its setup, and kernels whose outputs are compared.

Every Python from 3.8 on must be able to read this file: it uses the standard library alone, and no newer syntax.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

#: Variables of the programs that the course uses: any of them can change what these install, print, draw or compute.
_PERSONAL = re.compile(
    "PIP_|UV_|PYTEST_|PYTHON|IPYTHON|JUPYTER|NBVAL|MPL|MATPLOTLIB|KERAS_|TF_|XLA_|ONEDNN_|DNNL_|TQDM_"
    "|COURSE_SETTINGS_NOT_USED|COLUMNS$|LINES$|TTY_|NO_COLOR|FORCE_COLOR|CLICOLOR"
)
#: Those that people need: indexes, proxies, certificates, caches and timeouts; Python's paths and encoding.
_NEEDED = re.compile(
    "PIP_(NO_INDEX|INDEX|EXTRA_INDEX|FIND_LINKS|CONFIG_FILE|CERT|CLIENT_CERT|TRUSTED|PROXY|KEYRING|CACHE|NO_CACHE"
    "|TIMEOUT|DEFAULT_TIMEOUT|RETRIES|USE_FEATURE)"
    "|UV_(NO_INDEX|INDEX|EXTRA_INDEX|DEFAULT_INDEX|FIND_LINKS|CONFIG_FILE|NATIVE_TLS|SYSTEM_CERTS|INSECURE|HTTP"
    "|KEYRING|CACHE|NO_CACHE|REQUEST|OFFLINE|LINK_MODE|CONCURRENT)"
    "|PYTHON(PATH|HOME|HASHSEED|DONTWRITE|PYCACHE|USERBASE|NOUSERSITE|UTF8|IOENCODING|COERCE|FAULTHANDLER)"
    "|KERAS_HOME$"
)


def without_personal(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment without those that change what the course installs, prints or draws."""
    return {name: value for name, value in environment.items() if not _PERSONAL.match(name) or _NEEDED.match(name)}


def drop_personal() -> None:
    """Remove personal settings from this process, and so from everything that it starts."""
    for name in os.environ.keys() - without_personal(os.environ).keys():
        del os.environ[name]


def prepare_output() -> None:
    """Print a question mark for each character that a terminal lacks, such as an arrow."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def give_home(folder: Path) -> None:
    """Use another home folder if the usual one is not writable: Jupyter, uv and Matplotlib need one to start."""
    if not os.access(os.path.expanduser("~"), os.W_OK):  # noqa: PTH111 - `Path.expanduser` raises an error here
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(dict.fromkeys(("HOME", "USERPROFILE"), str(folder)))
