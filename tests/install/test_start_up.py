"""What is imported at a start: told by names, not by seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    *("torch", "monai", "diffusers", "highdicom", "monailabel", "numpy", "scipy", "pydicom", "SimpleITK"),
    *("matplotlib", "sqlalchemy", "fastapi", "pandas", "skimage", "nibabel", "openvino", "onnxruntime", "ray"),
)


def imported(code: str) -> set[str]:
    """Which of the heavy packages are there after `code`."""
    told = f"import sys\n{code}\nprint()\nprint(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "module", ["sdseg", "sdseg.errors", "sdseg.quick_start", "sdseg.cli.main", "sdseg.serving.launch"]
)
def test_nothing_heavy_is_imported(module: str) -> None:
    assert imported(f"import {module}") == set()


@pytest.mark.parametrize("command", ["", "segment", "serve", "bench", "batch", "distill", "evaluate", "node", "models"])
def test_help_imports_nothing_heavy(command: str) -> None:
    arguments = [word for word in ("sdseg", command, "--help") if word]
    code = (
        f"sys.argv = {arguments!r}\n"
        "from sdseg.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code"
    )
    assert imported(code) == set()


def test_the_server_is_started_without_optional_packages() -> None:
    """MONAI would import them whole, and nobody asked for them."""
    code = (
        "sys.argv = ['start', '--help']\n"
        "import runpy\n"
        "try:\n    runpy.run_module('sdseg.serving.start', run_name='__main__')\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "assert 'monai' in sys.modules\n"
        "print(*sorted({'mlflow', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", f"import sys\n{code}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_the_app_keeps_diffusers_from_optional_packages() -> None:
    """MONAI Label's own command imports MONAI before it knows of the app; what comes after is the app's."""
    code = (
        "import monai.networks.nets, sys\nbefore = sys.modules.get('transformers')\n"
        "import sdseg_app.main, gc, diffusers.utils as ours\n"
        "assert sys.modules.get('transformers') is before\n"
        "assert gc.isenabled() and gc.get_freeze_count()\n"
        "print('peft' in sys.modules or ours.is_transformers_available())"
    )
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # not as the tests start it
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "False"
