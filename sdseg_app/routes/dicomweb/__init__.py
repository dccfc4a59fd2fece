"""DICOMweb under /dicom-web: of a folder by ourselves, of a server by passing on."""

from fastapi import APIRouter

from sdseg_app.routes.dicomweb import reading, storing

router = APIRouter(prefix="/dicom-web", tags=["DICOMweb"])
router.include_router(reading.router)
router.include_router(storing.router)
