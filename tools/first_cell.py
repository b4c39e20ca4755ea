# @title This lesson needs the package digit-course. If it is missing, this cell installs it.
import importlib.util
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

wheel, address = "WHEEL", "ADDRESS"
if not importlib.util.find_spec("course_utils"):
    has_tensorflow = importlib.util.find_spec("tensorflow")
    package = "digit-course" if has_tensorflow else "digit-course[tensorflow]"
    source = Path(wheel).absolute().as_uri() if Path(wheel).exists() else address
    if not source:
        remedy = f"Put the file {wheel} into the folder of this notebook, {Path.cwd()}, and run this cell again."
        raise ModuleNotFoundError(f"The package digit-course is missing. {remedy}")
    print(f"Installing {package} from {source} ({'a minute' if has_tensorflow else 'a few minutes, once'})", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", f"{package} @ {source}"]
    done = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout)
        remedy = "Connect to the internet and run this cell again, or ask for the kit, which works without it."
        raise ModuleNotFoundError(f"digit-course could not be installed (see above). {remedy}")
    importlib.invalidate_caches()
    if "numpy" in sys.modules and sys.modules["numpy"].__version__ != version("numpy"):
        raise ImportError(
            "The kernel still uses the NumPy from before the installation. Restart it, then run all cells."
        )
    print("Installed.")
