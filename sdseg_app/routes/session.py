"""Images that a client sends ahead of its questions."""

from fastapi import APIRouter

router = APIRouter(tags=["Session"])
