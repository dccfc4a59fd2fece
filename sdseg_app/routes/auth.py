"""Logging in."""

from fastapi import APIRouter

router = APIRouter(tags=["Login"])
