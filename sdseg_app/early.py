"""Imported before all else: what makes the server's start short.

diffusers is kept from optional packages that it would import whole (quick_start.py); `monailabel start_server` has
imported MONAI by then, `sdseg serve` keeps that from them too. And what has been imported stays: Python would search
it for garbage again and again.
"""

import gc

from sdseg.quick_start import leave_out_extras

leave_out_extras()
gc.freeze()
gc.enable()  # which `sdseg serve` switched off for the imports before
