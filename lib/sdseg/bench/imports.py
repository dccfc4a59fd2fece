"""What the process of every contestant imports, kept in the one that they are forked from: it does nothing else."""

from sdseg.quick_start import leave_out_extras

leave_out_extras()

import sdseg.bench.slices_stand  # noqa: E402
import sdseg.bench.training_stand  # noqa: E402
import sdseg.bench.whole_stand  # noqa: E402, F401
