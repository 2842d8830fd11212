"""Settings of all tests, and the browser for those that look at pages."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from raglab.paths import CHECKOUT
from raglab.pocket.kinds.schema import Schemas
from tests import schemas as compiled
from tests.browser import chromium
from tests.browser.page import Browser

# A shell lets what runs in the background ignore Ctrl-C, and so would all programs that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
# How long one example takes depends on what else the machine does; pytest's own time limit bounds the whole test.
# Examples are the same in every run, so that a change is to blame for what fails; others come with
# --hypothesis-profile=explore.
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.register_profile("raglab", deadline=None, derandomize=True)
settings.load_profile("raglab")


TURNS = {"parity": -2, "newcomer": -1, "unit": 1}
"""Folders whose files take minutes come first; those whose files take moments fill what is left at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files of each folder over the run: some folders' tests mostly wait, others' mostly compute."""
    folders: dict[str, list[Path]] = defaultdict(list)
    for path in dict.fromkeys(item.path for item in items):
        folders[path.relative_to(CHECKOUT / "tests").parts[0]].append(path)
    place = {
        path: (TURNS.get(folder, 0), number / len(paths))
        for folder, paths in folders.items()
        for number, path in enumerate(paths)
    }
    items.sort(key=lambda item: place[item.path])


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    """Those of all kinds that the pocket cluster has from the start."""
    return Schemas.load(compiled.folder())


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; fetched on first use, and the tests are skipped where none can be had."""
    try:
        found = chromium.find()
    except chromium.NoBrowser as reason:
        pytest.skip(str(reason))
    running = Browser.start(found.program, found.environment, tmp_path_factory.mktemp("browser") / "profile")
    yield running
    running.stop()
