"""What torch calls its devices."""

import re

DEVICE = re.compile(r"cpu|cuda(:\d+)?|mps")
