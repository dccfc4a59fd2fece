"""12-bit JPEG (Extended, process 4) through GDCM, as a plug-in of pydicom's decoder, whose own ones refuse it.

GDCM 3 decodes it; pydicom's plug-in for GDCM still refuses because older versions did not.
"""

import gdcm  # type: ignore[import-untyped]
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import JPEGExtended12Bit

NAME = "sdseg-gdcm"
DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("gdcm>=3.0.10",)}


def is_available(uid: str) -> bool:
    """Whether this plug-in decodes a transfer syntax; pydicom asks."""
    return uid in DECODER_DEPENDENCIES


def register() -> None:
    """Add the plug-in to pydicom's decoder, once."""
    decoder = get_decoder(JPEGExtended12Bit)
    if NAME not in decoder.available_plugins:
        decoder.add_plugin(NAME, (__name__, decode_frame.__name__))


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """One decoded frame of one 12-bit sample per pixel, 16 bits little endian; pydicom asks."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(source)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(runner.photometric_interpretation)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(JPEGExtended12Bit))))
    bits = runner.bits_stored
    image.SetPixelFormat(gdcm.PixelFormat(runner.samples_per_pixel, 16, bits, bits - 1, runner.pixel_representation))
    runner.set_option("bits_allocated", 16)
    return bytes(image.GetBuffer().encode("utf-8", "surrogateescape"))
