"""MNIST from the network into Keras' cache, or in plain words why not, within seconds.

A download that does not come to anything is given up 4 seconds after the last sign of life: until the server's answer,
whatever resolvers, proxies and redirections there are on the way, or until one more byte. It is also given up after 8
seconds with less than 128 KB, since then the 11 MB would take over ten minutes.

What came so far is kept beside the file as ``mnist.npz.part``. Where it broke off or stalled, the rest is asked for at
once, up to twice, and else by whoever tries next. Which part and which server can be trusted is not asked: the hash of
the whole decides, and what does not have it is thrown away.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from course_utils.workspace import one_at_a_time

if TYPE_CHECKING:
    from requests import Response

# Address and SHA-256 of the archive as in keras/src/datasets/mnist.py (Keras 3).
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_ARCHIVE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

_ANSWER_SECONDS = 4.0  # name, connection and first line of the answer together
_STALL_SECONDS = 4.0  # without one more byte
_SLOW_SECONDS, _SLOW_BYTES = 8.0, 128 * 1024  # slower than this, the 11 MB take over ten minutes
_MAX_DOWNLOAD_BYTES = 64 * 1024 * 1024
_MOST_REQUESTS = 3

_failure: str | None = None  # of this process: a lesson that loads the digits twice must not wait twice


class DownloadError(Exception):
    """MNIST cannot be downloaded; the message is a part of a sentence that tells why."""


def keras_file() -> Path:
    """Return where Keras keeps MNIST, whether it is there or not.

    Returns
    -------
    pathlib.Path
        ``datasets/mnist.npz`` in the folder named by the environment variable ``KERAS_HOME``, or else in ``~/.keras``.

    Raises
    ------
    RuntimeError
        There is no home folder.
    """
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"


def download_mnist() -> None:
    """Download MNIST to `keras_file`, whole and with the expected hash or not at all.

    Raises
    ------
    DownloadError
        This, or an earlier try of the same process, did not work.
    """
    global _failure
    if _failure is None:
        try:
            _download(keras_file())
        # Whatever a network, a proxy, a disk or a server comes up with: the lesson goes on.
        except Exception as error:
            _failure = _explain(error)
    if _failure:
        raise DownloadError(_failure)


def ask_server() -> str:
    """Find out whether the server that has MNIST can be reached, and download nothing.

    Returns
    -------
    str
        Name of the server.

    Raises
    ------
    DownloadError
        It cannot be reached, or something else answers in its place.
    """
    host = urlsplit(MNIST_URL).hostname
    try:
        with closing(_ask(MNIST_URL, 0)) as response:
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise DownloadError(f"a web page answers for {host}; perhaps the network wants you to log in first")
    except Exception as error:
        raise DownloadError(_explain(error)) from error
    return host


def _download(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    lock_file = target.with_name(f".{target.name}.lock")
    with one_at_a_time(lock_file, "Another program is downloading MNIST; waiting for it ...") as word:
        if _has_hash(target):
            return
        if reason := word.read():  # of the program that this one waited for: no need to find out again
            raise DownloadError(reason)
        try:
            part = target.with_name(f"{target.name}.part")
            _complete(part)
            part.replace(target)
        except Exception as error:
            word.write(_explain(error))
            raise


def _has_hash(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == MNIST_ARCHIVE_SHA256


def _complete(part: Path) -> None:
    """Bring a file, of which a part may be there, to its end."""
    import urllib3

    for requests_left in reversed(range(_MOST_REQUESTS)):
        if _has_hash(part):  # a process was killed when all had come
            return
        start = part.stat().st_size if part.exists() else 0
        with closing(_ask(MNIST_URL, start)) as response:
            is_rest = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if response.status_code == 200:  # from the beginning, whatever was asked for
                start = 0
            elif start and not is_rest:
                part.unlink()
                continue
            try:
                _save_body(response, part, start)
            except urllib3.exceptions.HTTPError:
                if requests_left and part.exists() and part.stat().st_size > start:
                    continue
                raise
        if _has_hash(part):
            return
        part.unlink()
        if not start:
            break
    host = urlsplit(MNIST_URL).hostname
    raise DownloadError(f"what came from {host} was not the expected file (wrong hash), so it was thrown away")


def _ask(url: str, start: int) -> Response:
    """Return the server's answer, its body unread, within `_ANSWER_SECONDS`.

    In a thread, since no timeout reaches a look-up of a name that nobody answers, and it can hang for a minute.
    """
    import requests  # here, since most lessons never need the network

    answers: queue.SimpleQueue[Response | Exception] = queue.SimpleQueue()
    # Unpacked on the way, the file would not have the size and hash that are expected.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})

    def ask() -> None:
        try:
            answers.put(requests.get(url, stream=True, headers=headers, timeout=(_ANSWER_SECONDS, _STALL_SECONDS)))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=_ANSWER_SECONDS)
    except queue.Empty:
        raise requests.Timeout from None
    if isinstance(answer, Exception):
        raise answer
    if answer.status_code != requests.codes.range_not_satisfiable or not start:
        answer.raise_for_status()
    return answer


def _save_body(response: Response, file: Path, start: int) -> None:
    """Append the body of an answer to a file with a progress bar, unless it stalls, crawls or never ends."""
    from tqdm.auto import tqdm

    total = start + int(response.headers.get("Content-Length", 0)) or None
    # read1 returns what has arrived; the usual iteration waits for a full block, from a crawling server for hours.
    block = response.raw.read1(65_536)
    if not start and not b"PK".startswith(block[:2]):  # as every .npz begins
        raise DownloadError(
            "something else came in place of the file; perhaps the network wants you to log in first, which any page "
            "in a browser will show"
        )
    window_start, window_received, received = time.monotonic(), start, start
    with (
        file.open("ab" if start else "wb") as stream,
        tqdm(desc="MNIST", initial=start, total=total, unit="B", unit_scale=True, leave=False) as bar,
    ):
        while block:
            stream.write(block)
            bar.update(len(block))
            received += len(block)
            if received > _MAX_DOWNLOAD_BYTES:
                stream.truncate(0)
                raise DownloadError("the download was far larger than MNIST")
            if (now := time.monotonic()) - window_start > _SLOW_SECONDS:
                if received - window_received < _SLOW_BYTES:
                    raise DownloadError("the network is too slow for the download")
                window_start, window_received = now, received
            block = response.raw.read1(65_536)


def _explain(error: Exception) -> str:
    """Say in plain words why a download did not work."""
    import requests
    import urllib3

    host = urlsplit(MNIST_URL).hostname
    match error:
        case DownloadError():
            return str(error)
        case requests.HTTPError():
            return f"{host} refused the download (status {error.response.status_code})"
        case requests.exceptions.ProxyError():
            return f"no connection to {host}{_proxy()}"
        case requests.exceptions.SSLError():
            return (
                f"no secure connection to {host}, since something answers in its place; perhaps the network wants you "
                "to log in first, or inspects connections with a certificate that REQUESTS_CA_BUNDLE must name"
            )
        case requests.TooManyRedirects():
            return f"the way to {host} leads in circles; perhaps the network wants you to log in first"
        case requests.Timeout():
            return f"no answer from {host} within {_ANSWER_SECONDS:.0f} seconds{_proxy()}"
        case urllib3.exceptions.TimeoutError():
            return f"the download from {host} stalled"
        case requests.RequestException():
            return f"no network connection to {host}{_proxy()}"
        case urllib3.exceptions.HTTPError():
            return "the download broke off"
        case OSError():
            return f"the download could not be stored in Keras' cache ({error.strerror or 'no permission'})"
        case _:
            return f"the download failed ({type(error).__name__})"


def _proxy() -> str:
    """Name the proxy on the way, if there is one."""
    import requests

    proxy = requests.utils.select_proxy(MNIST_URL, requests.utils.get_environ_proxies(MNIST_URL))
    if not proxy:
        return ""
    address = urlsplit(proxy)
    return f" through the proxy {address.hostname or proxy}, which HTTPS_PROXY or the system's settings name"
