"""POST /activelearning/{strategy}: which image to label next."""

from typing import Any

from fastapi import APIRouter
from monailabel.endpoints.activelearning import sample

from sdseg_app.routes.access import Reader, running_app

router = APIRouter(prefix="/activelearning", tags=["ActiveLearning"])


@router.post("/{strategy}", summary="The next image to label; {} when nothing is left")
def next_sample(strategy: str, user: Reader, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """404 for an unknown strategy."""
    running_app().check_strategy(strategy)
    # A strategy in the body must not replace the checked one.
    wanted = {key: value for key, value in (params or {}).items() if key != "strategy"}
    return dict(sample(strategy, wanted, user.name))
