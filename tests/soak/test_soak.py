# SPDX-License-Identifier: Apache-2.0
"""Mixed traffic for a while, as run.sh has it for as long as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Say
from .soak import run


@pytest.mark.release_only
@pytest.mark.timeout(0)
def test_nothing_grows_and_nothing_is_lost_in_mixed_traffic(
        tmp_path: Path, say: Say, request: pytest.FixtureRequest) -> None:
    folder = request.config.getoption("--soak-folder") or tmp_path / "results"
    assert run(request.config.getoption("--soak"), tmp_path / "work", folder, say) == []
