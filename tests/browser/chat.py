"""The chat of the page, as a person uses it: whichever programs stand behind it."""

from __future__ import annotations

from tests.browser.page import Page

READY = "document.querySelector('#services .dot').dataset.state === 'well'"
IDLE = "document.querySelector('#send').innerText === 'Send'"
WORDS = "document.querySelector('.turn:last-child .words')"


def send(page: Page, question: str) -> None:
    """Type a question and press Enter."""
    page.run("document.querySelector('#question').focus()")
    page.type(question)
    page.press("Enter")


def ask(page: Page, question: str, limit: float = 90) -> Page:
    """Send a question and wait for the end of its answer, or for the problem in its place."""
    send(page, question)
    return page.until(f"{WORDS} && {IDLE}", limit)
