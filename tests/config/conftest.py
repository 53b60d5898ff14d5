from pathlib import Path

import pytest

from tokenfall.config import Folders


@pytest.fixture
def where(tmp_path: Path) -> Folders:
    return Folders(tmp_path, tmp_path / "data", tmp_path / "state")
