"""DICOM archives: a folder or a DICOMweb server, one interface. Series out, segmentations in."""
