"""The server's log."""

from fastapi import APIRouter

router = APIRouter(tags=["Others"])
