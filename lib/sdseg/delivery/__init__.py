"""Where a result goes: one interface for a DICOMweb archive, a folder and a DICOM node."""
