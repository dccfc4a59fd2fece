"""The node: a DICOM listener that segments what it receives and delivers the result until it is confirmed."""
