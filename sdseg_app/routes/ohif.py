"""The OHIF viewer."""

from fastapi import APIRouter

router = APIRouter(tags=["Viewer"])
