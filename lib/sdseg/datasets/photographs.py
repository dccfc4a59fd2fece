"""What data sets of pictures in visible light share."""

from sdseg.volume.window import Window

FULL_RANGE = Window("range", 0, 255)
"""8-bit pictures are shown to the model as they are."""

ENDOSCOPY = {"ES": FULL_RANGE}
OPHTHALMIC = {"OP": FULL_RANGE}
POLYP = {"polyp": 1}
