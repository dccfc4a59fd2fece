"""`python -m sdseg.serving.start ARGUMENTS`: MONAI Label's own command, without optional packages nobody asked for.

MONAI Label imports all of MONAI, and MONAI whatever of MLflow and transformers is installed: seconds that a person
waits.
"""

from __future__ import annotations

import runpy

from sdseg.quick_start import leave_out_extras

if __name__ == "__main__":
    leave_out_extras()
    runpy.run_module("monailabel.main", run_name="__main__", alter_sys=True)
