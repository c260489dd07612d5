"""Chromium, driven by Playwright, and somebody who uses the dashboard in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from backend.api.dashboard import FOLDER
from backend.api.routes.auth import COOKIE, COOKIE_PATH
from tests.support.server import PASSWORD, ROOT, Person, Server

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Chromium asks its maker for this and that when it starts, and a closed network refuses it many times."""
AXE = ROOT / "web-dashboard" / "node_modules" / "axe-core" / "axe.min.js"
LONG = 60_000
"""Milliseconds: generous, so that a busy machine doesn't fail a test."""
expect.set_options(timeout=LONG)


def reason_without() -> str | None:
    """Why the dashboard can't be tested in a browser here; None when it can."""
    if shutil.which("chromium") is None:
        return "there is no chromium on PATH"
    if not (FOLDER / "index.html").exists():
        return "the dashboard isn't built (make dashboard)"
    return None


@contextmanager
def running_browser() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


_NORMAL = (("/auth/refresh", "401"), ("/cancel", "409"))


@dataclass
class Visitor:
    """Somebody at the dashboard. What the console complains of is kept: nothing is expected there."""

    page: Page
    server: Server
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen to the console."""
        self.page.set_default_timeout(LONG)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("dialog", self._alarmed)

    def _heard(self, message: Any) -> None:
        """Anything worse than a remark. A browser reports each refusal, also the two that are normal.

        One says that there is no session, the other that a preview that nobody waits for any more has ended by itself.
        """
        url = message.location.get("url", "")
        normal = any(url.endswith(path) and code in message.text for path, code in _NORMAL)
        if message.type in ("error", "warning") and not normal:
            self.complaints.append(f"{message.type}: {message.text} ({url})")

    def _alarmed(self, dialog: Any) -> None:
        """No script of a file's name may ever run."""
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: str) -> None:
        """Go to an address of the dashboard."""
        self.page.goto(self.server.url + path)

    def sign_in(self, person: Person, at: str = "/") -> None:
        """Come in by the cookie of a new session of theirs, right at an address."""
        asked = {"email": person.username, "password": PASSWORD}
        answer = httpx.post(f"{self.server.url}/api/v1/auth/login", json=asked, trust_env=False)
        cookie = {"name": COOKIE, "value": answer.cookies[COOKIE], "domain": "127.0.0.1", "path": COOKIE_PATH}
        self.page.context.add_cookies([{**cookie, "httpOnly": True, "sameSite": "Strict"}])  # type: ignore[typeddict-item]
        self.open(at)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def button(self, name: str) -> Any:
        """A button by what it says, from the beginning."""
        return self.page.get_by_role("button", name=re.compile("^" + re.escape(name)))

    def pick_home(self, *, recursive: bool = True) -> None:
        """From any view to the three layouts of the own folder."""
        self.page.get_by_role("link", name="Organize", exact=True).click()
        self.button("My folder").click()
        if recursive:
            self.page.get_by_label("Go into its subfolders, too").check()
        self.button("Look at it").click()

    def see_plan(self, *, in_a_hurry: bool = False) -> None:
        """From the three layouts to the plan of the first; in a hurry, while the other two are still worked out."""
        if not in_a_hurry:
            expect(self.page.get_by_role("link", name=re.compile("^See the plan"))).to_have_count(3)
        card = self.page.get_by_role("region", name="By kind, then year")
        card.get_by_role("link", name=re.compile("^See the plan")).click()
        expect(self.button("Apply to")).to_be_visible()

    def run_by(self, name: str) -> None:
        """Press a button that starts an operation, and wait for the end of it on its own page."""
        here = self.page.url
        self.button(name).click()
        self.ended(here)

    def ended(self, before: str) -> None:
        """Until the page is another one than ``before`` and the operation on it has ended."""
        expect(self.page).not_to_have_url(before)
        expect(self.page.get_by_role("heading", name=re.compile(r"files? done"))).to_be_visible()

    def violations(self) -> list[str]:
        """What axe finds against the rules of accessibility."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]
