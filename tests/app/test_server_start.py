"""Starting the stock command with something wrong: one clear line, an exit code, no traceback."""

from pathlib import Path

import pytest
from app.running_server import SAMPLE, free_port, run_until_exit, stock_command


@pytest.mark.parametrize("wrong", ["studies", "weights"])
def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, weights: Path, wrong: str) -> None:
    nowhere = tmp_path / "nowhere"
    studies, given = (nowhere, weights) if wrong == "studies" else (SAMPLE, nowhere)
    settings = ("model_dir", str(tmp_path / "model"), "weights", str(given))
    ended = run_until_exit(stock_command(studies, *settings, port=free_port()), tmp_path)
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    told = [
        line
        for line in output.splitlines()
        if str(nowhere) in line and f"check --{'conf ' * (wrong == 'weights')}{wrong}" in line
    ]
    assert len(told) == 1, output
    assert "Traceback" not in output, output
    assert 'File "' not in output, output
