"""What the status page shows."""

from fastapi import APIRouter

router = APIRouter(tags=["Status"])
