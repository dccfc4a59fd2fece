"""The weights that are served."""

from fastapi import APIRouter

router = APIRouter(tags=["Model"])
