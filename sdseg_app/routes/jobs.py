"""Inferences that wait, run and ran, and their progress."""

from fastapi import APIRouter

router = APIRouter(tags=["Jobs"])
