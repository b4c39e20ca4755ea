"""``lab-source``: JupyterLab for this machine alone, with a token, whatever Jupyter's personal files say."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from course_utils.course import ROOT, lesson_file

#: No news and no updates, so that starting needs no network; widgets are saved with the notebook; closing a notebook
#: frees its memory.
SETTINGS = Path(__file__).with_name("lab_settings")


def open_lab(arguments: Sequence[str] = (), *, folder: Path = ROOT) -> int:
    """Serve JupyterLab on the first lesson of `folder` until it is stopped; the arguments are JupyterLab's own.

    Settings that you change there, such as the theme, are kept in ``.jupyter`` of that folder.
    """
    with TemporaryDirectory(prefix="digit-course-", ignore_cleanup_errors=True) as temporary:
        _leave_personal_settings(folder.absolute() / ".jupyter", Path(temporary))
        _serve(arguments, folder.absolute())
    return 0


def _leave_personal_settings(kept: Path, temporary: Path) -> None:
    for name in [name for name in os.environ if name.startswith("JUPYTER")]:
        del os.environ[name]
    # Connection files must be private, which a USB stick or a Windows disk under WSL cannot guarantee. And each tab
    # left open on an earlier day would start a kernel.
    folders = {"JUPYTER_RUNTIME_DIR": temporary / "runtime", "JUPYTERLAB_WORKSPACES_DIR": temporary / "workspaces"}
    folders |= {"JUPYTER_CONFIG_DIR": kept, "JUPYTER_DATA_DIR": kept, "IPYTHONDIR": temporary / "ipython"}
    os.environ |= {name: str(folder) for name, folder in folders.items()}
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # the kernel of this environment, not another of the same name
    profile = temporary / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    # Otherwise each kernel warns in the terminal that it sends without encryption, although only to this machine, and a
    # kernel that is restarted while it computes leaves a traceback there.
    quiet = "import logging\nlogging.getLogger('tornado').setLevel(50)\nget_config().IPKernelApp.log_level = 50\n"
    (profile / "ipython_kernel_config.py").write_text(quiet, encoding="utf-8")


def _serve(arguments: Sequence[str], folder: Path) -> None:
    # Not earlier: parts of Jupyter read the environment when they are imported.
    from jupyter_server.serverapp import ServerApp
    from traitlets.config import Config

    class Server(ServerApp):
        @property
        def config_file_paths(self) -> list[str]:
            return []

    # An edition may begin with another lesson.
    lessons = sorted(path.name for path in (folder / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    start = f"notebooks/{[*lessons, lesson_file('00')][0]}"
    promised = {"hostname": "127.0.0.1", "token": secrets.token_hex(24), "root_dir": str(folder), "secure": False}
    config = {
        "Application": {"log_level": "ERROR"},
        "ServerApp": {"ip": promised["hostname"], "root_dir": str(folder), "allow_root": True},
        "IdentityProvider": {"token": promised["token"]},
        "LabApp": {"app_settings_dir": str(SETTINGS), "default_url": f"/lab/tree/{start}"},
    }
    extensions = dict.fromkeys(("jupyterlab", "jupyter_lsp", "jupyter_server_terminals"), True)
    server = Server.instance(jpserver_extensions=extensions, config=Config(config))
    server.initialize([*arguments], find_extensions=False, starter_extension="lab")
    found = server.server_info()
    if wrong := [f"{name} {found[name]!r}, not {value!r}" for name, value in promised.items() if found[name] != value]:
        causes = ", ".join([*arguments, *server.loaded_config_files])
        sys.exit(f"JupyterLab was not started: unsafe settings ({', '.join(wrong)}). Remove them from: {causes}")
    address = f"{server.connection_url}lab/tree/{start}?token={found['token']}"
    print(
        f"JupyterLab opens in your browser. If it does not, open this address:\n\n    {address}\n\n"
        "To stop it, save your work, then press Ctrl-C here twice.",
        flush=True,
    )
    server.start()
