"""Imported before all else: diffusers is kept from optional packages that it would import whole (quick_start.py).

`monailabel start_server` has imported MONAI by then; `sdseg serve` keeps that from them too.
"""

from sdseg.quick_start import leave_out_extras

leave_out_extras()
