"""What a page asks for and complains about."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext

# Any other name, even of an address of this machine, is news.
THIS_MACHINE = {"127.0.0.1", "localhost"}

# What JupyterLab itself logs as an error although nothing is wrong; each with the reason.
NO_NEWS: list[str] = []


class Watch:
    """Records requests to other machines, errors in the console and uncaught exceptions of all pages of a context.

    Attributes
    ----------
    problems : list of str
        A sentence for each, so far.
    allowed : list of str
        A problem that contains one of these does not count.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.allowed = list(NO_NEWS)

    def listen(self, context: BrowserContext) -> None:
        """Begin, with everything that happens in this context from now on."""
        context.on("request", lambda request: self._see_address(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._see_address(socket.url)))
        context.on("console", self._see_message)
        context.on("weberror", lambda error: self.problems.append(f"uncaught in the page: {error.error}"))

    def check(self) -> None:
        """Fail if there is a problem that is not allowed."""
        found = [problem for problem in self.problems if not any(part in problem for part in self.allowed)]
        assert not found, "\n".join(["The page did what it must not:", *found])

    def _see_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in THIS_MACHINE:
            self.problems.append(f"request to another machine: {url}")

    def _see_message(self, message) -> None:
        if message.type == "error":
            self.problems.append(f"error in the console: {message.text} ({message.location['url']})")
