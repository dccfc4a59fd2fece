"""A folder of DICOM files as a DICOMweb origin server (PS3.18): searches, metadata, frames, storing."""
