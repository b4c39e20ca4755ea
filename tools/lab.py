"""``lab``: JupyterLab on the first lesson, reachable from this machine only, and only with a token."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from jupyterlab.labapp import LabApp

from course_utils.course import ROOT


def open_lab(
    arguments: Sequence[str] = (), *, folder: Path = ROOT, notebook: str = "notebooks/00_start_here.ipynb"
) -> int:
    """Serve JupyterLab on a notebook until it is stopped; further arguments, such as ``--no-browser``, are its own."""
    options = {
        # These two also against a user's own configuration: a course does not open a shell to everyone nearby.
        "ServerApp.ip": "127.0.0.1",
        "IdentityProvider.token": os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24),
        "ServerApp.root_dir": str(folder),
        "ServerApp.log_level": "WARN",
        # No news and no updates, so that starting needs no network; widgets are saved with the notebook.
        "LabApp.app_settings_dir": str(Path(__file__).with_name("lab_settings")),
    }
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options["ServerApp.allow_root"] = "True"
    print("JupyterLab opens in your browser. To stop it: save, then press Ctrl-C here twice.", flush=True)
    # JupyterLab refuses an option that is given twice.
    given = {argument.partition("=")[0].lstrip("-").rpartition(".")[2].replace("-", "_") for argument in arguments}
    defaults = [f"--{name}={value}" for name, value in options.items() if name.rpartition(".")[2] not in given]
    server = LabApp.initialize_server([str(folder / notebook), *defaults, *arguments])
    # Otherwise the address that it prints for copying would hide the token.
    server.identity_provider.token_generated = True
    server.start()
    return 0
