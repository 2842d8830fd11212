from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from raglab import paths
from raglab.services import models
from raglab.services.prometheus import install
from raglab.targets.network import reserved
from tests import schemas
from tests.cli.lab import Lab


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """The prepared models, shared by all labs."""
    models.prepare(paths.models(), lambda what, share: None)
    return paths.models()


@pytest.fixture(scope="session")
def prometheus_folder() -> Path:
    """The prepared Prometheus, shared by all labs."""
    folder = install.place(paths.home())
    install.prepare(folder, lambda what, share: None)
    return folder


@pytest.fixture
def lab(tmp_path: Path, model_folder: Path, prometheus_folder: Path) -> Iterator[Lab]:
    """A lab that has been set up and was never started."""
    with reserved() as network:
        made = Lab(tmp_path, network, model_folder, prometheus_folder)
        made.user.mkdir()
        made.home.mkdir(mode=0o700)
        shutil.copytree(schemas.folder(), made.home / "cache" / "schemas")
        yield made
        if made.processes():
            made.finish(made.begin("down"))
