"""``lab``: JupyterLab on a lesson, reachable from this machine only, and only with a token."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from jupyterlab.labapp import LabApp

if TYPE_CHECKING:
    from collections.abc import Sequence


def open_lab(folder: Path, notebook: str, arguments: Sequence[str] = ()) -> int:
    """Serve JupyterLab until it is stopped, with a notebook open in the browser.

    Parameters
    ----------
    folder
        What JupyterLab's file browser shows.
    notebook
        The notebook to open, relative to `folder`.
    arguments
        More arguments for JupyterLab, such as ``--no-browser`` or ``--port=9000``.

    Returns
    -------
    int
        Exit status.
    """
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    own = {
        # Both also against a user's own configuration: a course does not open a shell to everyone nearby.
        "ServerApp.ip": "127.0.0.1",
        "IdentityProvider.token": token,
        "ServerApp.root_dir": str(folder),
        "ServerApp.log_level": "WARN",
        # No pop-up asks a student about news or updates, and starting needs no network. Widgets are saved with the
        # notebook: opened again they are drawn as they were, where JupyterLab would say "model not found".
        "LabApp.app_settings_dir": str(Path(__file__).with_name("lab_settings")),
    }
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        own["ServerApp.allow_root"] = "True"
    given = {argument.partition("=")[0].lstrip("-").rpartition(".")[2].replace("-", "_") for argument in arguments}
    options = [f"--{name}={value}" for name, value in own.items() if name.rpartition(".")[2] not in given]
    print("JupyterLab opens in your browser. To stop it: save, then press Ctrl-C here twice.", flush=True)
    server = LabApp.initialize_server([str(folder / notebook), *options, *arguments])
    # Otherwise the address that it prints for copying would hide the token.
    server.identity_provider.token_generated = True
    server.start()
    return 0
