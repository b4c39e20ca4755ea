"""Download MNIST, or say within seconds why not.

`pooch.retrieve` sets no time limit on a name look-up or on a very slow server, and leaves 11 MB in the cache whenever
its process is killed. So pooch's downloader runs in a thread that is watched from outside, and `atomic_path` cleans up.
"""

from __future__ import annotations

import os
import time
from functools import cache
from multiprocessing.pool import ThreadPool
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from tqdm.auto import tqdm

from course_utils.course import CourseError
from course_utils.workspace import atomic_path

# Address, SHA-256 and size of the archive as in keras/src/datasets/mnist.py (Keras 3).
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_ARCHIVE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
_NUM_BYTES = 11_490_434

_ANSWER_SECONDS = 8.0  # for name look-up, connection and response together; and for each further byte
_BYTES_PER_SECOND = 16 * 1024  # slower than this, the download takes over ten minutes
_LOGIN = "the network may want you to log in first: open any page in a browser"


class _Bar(tqdm):
    """A progress bar whose next update ends the download if nobody waits for it or it is far too large."""

    received, is_abandoned = 0, False

    def update(self, n: int = 1) -> bool | None:
        self.received += n  # pooch sets the bar back at the end, so this is not `self.n`
        if self.is_abandoned or self.received > 4 * _NUM_BYTES:
            raise CourseError("the download was far larger than MNIST")
        return super().update(n)


@cache  # a lesson that loads the digits twice must not wait twice
def download_mnist(target: Path) -> str | None:
    """Download MNIST to `target`, whole or not at all; return None, or why it is not there now."""
    # The threads of this pool are daemons, so a name look-up that hangs does not keep Python from exiting.
    with (
        ThreadPool(1) as pool,
        _Bar(desc="MNIST", total=_NUM_BYTES, unit="B", unit_scale=True, leave=False, delay=1) as bar,
    ):
        start = time.monotonic()
        result = pool.apply_async(_download, [target, bar])
        try:
            while not result.ready():
                result.wait(0.1)
                if bar.received < _BYTES_PER_SECOND * (time.monotonic() - start - _ANSWER_SECONDS):
                    raise CourseError("the internet connection is too slow") if bar.received else requests.Timeout
            return result.get()
        except Exception as error:  # whatever a network, a proxy, a disk or a server does, the lesson goes on
            return _explain(error)
        finally:
            bar.is_abandoned = True


def _download(target: Path, bar: _Bar) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        pooch.HTTPDownloader(progressbar=bar, timeout=_ANSWER_SECONDS)(MNIST_URL, temporary, None)
        if pooch.file_hash(temporary) != MNIST_ARCHIVE_SHA256:
            raise CourseError(f"the downloaded file is not MNIST (wrong hash); {_LOGIN}")


def _explain(error: Exception) -> str:
    """Say in plain words what went wrong, never quoting an error, which may contain a proxy's password."""
    host = urlsplit(MNIST_URL).hostname
    is_proxied = requests.utils.select_proxy(MNIST_URL, requests.utils.get_environ_proxies(MNIST_URL))
    proxy = " through the proxy set by HTTPS_PROXY or the system settings" if is_proxied else ""
    bundles = [name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)]
    match error:
        case CourseError():
            return str(error)
        case requests.HTTPError(response=requests.Response(status_code=status)):
            return f"{host} refused the download (status {status})"
        case requests.exceptions.SSLError():
            why = f" with the certificates in {bundles[0]}" if bundles else f"; {_LOGIN}"
            return f"no secure connection to {host}{why}"
        case requests.Timeout():
            return f"no answer from {host} within {_ANSWER_SECONDS:.0f} seconds{proxy}"
        case requests.RequestException():
            return f"the connection to {host} failed{proxy}"
        case OSError(errno=int()):  # only what the system refuses has a number
            return f"the download could not be stored in Keras' cache ({error.strerror})"
        case OSError() if bundles:
            return f"{bundles[0]} does not name a certificate file"
        case _ if proxy:
            return "the proxy address set by HTTPS_PROXY or the system settings is not valid"
        case _:
            return f"the download failed ({type(error).__name__})"
