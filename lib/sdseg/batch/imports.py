"""What every worker process imports, kept in the process that they are forked from."""

import logging

from sdseg.quick_start import leave_out_extras

leave_out_extras()
logging.getLogger().setLevel(logging.ERROR)  # pydicom tells of every decoder that is not there

import sdseg.inference.to_seg  # noqa: E402, F401
