from __future__ import annotations

from pathlib import Path

import pytest

from raglab.paths import home
from raglab.services.prometheus import install


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The folder with the real ``prometheus`` and ``promtool``; fetched on first use."""
    return install.prepare(install.place(home()), lambda text, share: None)
