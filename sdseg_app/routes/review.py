"""What an annotator decides about a result."""

from fastapi import APIRouter

router = APIRouter(tags=["Review"])
