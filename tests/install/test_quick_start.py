"""Optional packages are left alone by libraries that would only import them, and are there for who needs them."""

import subprocess
import sys

CODE = """
import sys
from sdseg.quick_start import leave_out_extras
leave_out_extras()
leave_out_extras()
import sdseg.inference.segmenter
assert not {"mlflow", "peft", "transformers"} & {name for name, module in sys.modules.items()}
from diffusers.utils import is_transformers_available
assert not is_transformers_available()
from importlib.util import find_spec
for name in ("mlflow", "peft"):
    if find_spec(name):
        __import__(name)
import monai.handlers
print(sorted({"mlflow", "peft"} & set(sys.modules)), len([1 for finder in sys.meta_path if "Keeper" in repr(finder)]))
"""


def test_optional_packages_are_imported_by_those_who_use_them_only() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("['mlflow', 'peft'] 1\n", "[] 1\n")  # without the optional requirements, none
