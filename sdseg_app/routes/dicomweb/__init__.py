"""DICOMweb under /dicom-web: of a folder by ourselves, of a server by passing on."""

from fastapi import APIRouter

router = APIRouter(prefix="/dicom-web", tags=["DICOMweb"])
