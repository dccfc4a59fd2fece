"""What Python reads first in every process that a test starts, MONAI Label's too: it starts in half the time."""

from contextlib import suppress

with suppress(ImportError):  # a Python in which SDSeg is not installed
    from sdseg.quick_start import leave_out_extras

    leave_out_extras()
