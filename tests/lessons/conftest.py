from __future__ import annotations

import pytest

from tests.lessons.notebook import NOTEBOOKS, Notebook, read


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request) -> Notebook:
    return read(request.param)
