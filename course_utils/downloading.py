"""MNIST from the network into Keras' cache, or in plain words why not, within seconds."""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from requests import Response

# Address and SHA-256 of the archive as in keras/src/datasets/mnist.py (Keras 3).
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_ARCHIVE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

_ANSWER_SECONDS = 4.0  # name, connection and first line of the answer together
_STALL_SECONDS = 4.0  # without one more byte
_SLOW_SECONDS, _SLOW_BYTES = 8.0, 128 * 1024  # slower than this, the 11 MB take over ten minutes
_MAX_DOWNLOAD_BYTES = 64 * 1024 * 1024

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


def _download(target: Path) -> None:
    import pooch  # here, since most lessons never need the network

    with closing(_ask(MNIST_URL)) as response:

        def save(url: str, output_file: str, pooch_instance: object) -> None:
            Path(output_file).chmod(0o644)  # pooch makes it private, and this cache may be shared
            _save_body(response, Path(output_file))

        logger = pooch.get_logger()
        level = logger.level
        logger.setLevel("ERROR")  # it would announce the address and the folder on stderr
        try:
            pooch.retrieve(
                MNIST_URL, f"sha256:{MNIST_ARCHIVE_SHA256}", fname=target.name, path=target.parent, downloader=save
            )
        finally:
            logger.setLevel(level)


def _ask(url: str) -> Response:
    """Return the server's answer, its body unread, within `_ANSWER_SECONDS`.

    In a thread, since no timeout reaches a look-up of a name that nobody answers, and it can hang for a minute.
    """
    import requests

    answers: queue.SimpleQueue[Response | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            # Unpacked on the way, the file would not have the size and hash that are expected.
            headers = {"Accept-Encoding": "identity"}
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
    answer.raise_for_status()
    return answer


def _save_body(response: Response, file: Path) -> None:
    """Write the body of an answer to a file with a progress bar, unless it stalls, crawls or never ends."""
    from tqdm.auto import tqdm

    total = int(response.headers.get("Content-Length", 0)) or None
    received = window_received = 0
    window_start = time.monotonic()
    with file.open("wb") as stream, tqdm(desc="MNIST", total=total, unit="B", unit_scale=True, leave=False) as bar:
        # read1 returns what has arrived; the usual iteration waits for a full block, from a crawling server for hours.
        while block := response.raw.read1(65_536):
            stream.write(block)
            bar.update(len(block))
            received += len(block)
            if received > _MAX_DOWNLOAD_BYTES:
                raise DownloadError("the download was far larger than MNIST")
            if (now := time.monotonic()) - window_start > _SLOW_SECONDS:
                if received - window_received < _SLOW_BYTES:
                    raise DownloadError("the network is too slow for the download")
                window_start, window_received = now, received


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
        case requests.exceptions.SSLError():
            return f"no secure connection to {host}; perhaps the network wants you to log in first"
        case requests.Timeout():
            return f"no answer from {host} within {_ANSWER_SECONDS:.0f} seconds"
        case urllib3.exceptions.TimeoutError():
            return f"the download from {host} stalled"
        case requests.RequestException():
            return f"no network connection to {host}"
        case urllib3.exceptions.HTTPError():
            return "the download broke off"
        case ValueError():  # this is how pooch reports a hash
            return f"what came from {host} was not the expected file (wrong hash), so it was thrown away"
        case OSError():
            return f"the download could not be stored in Keras' cache ({error.strerror or 'no permission'})"
        case _:
            return f"the download failed ({type(error).__name__})"
