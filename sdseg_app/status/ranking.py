"""In which order the images are asked for, without asking for one."""

from sdseg_app.selection.pool import Pool
from sdseg_app.selection.selection import Selection
from sdseg_app.status.shapes import StudyStatus

_MOST = 1000  # the order costs the square of the number, and the page is asked for often


def ranked(studies: list[StudyStatus], selection: Selection, pool: Pool) -> list[StudyStatus]:
    """The same images, with their place and novelty where the strategy sdseg_uncertainty knows them."""
    if len(pool.open) > _MOST:
        return studies
    places = {choice.candidate.image: (place, choice.told) for place, choice in enumerate(selection.ranked(pool), 1)}
    return [_with_place(study, *places[study.image]) if study.image in places else study for study in studies]


def _with_place(study: StudyStatus, place: int, told: dict[str, float | None]) -> StudyStatus:
    return study.model_copy(update={"rank": place, "novelty": told.get("novelty")})
