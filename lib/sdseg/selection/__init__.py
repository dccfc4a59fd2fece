"""Which image to label next: how unsure the model is of each, and how much it resembles what is known."""

from sdseg.selection.ranking import Ranked, rank
from sdseg.selection.score import Score
from sdseg.selection.scoring import score_image, score_slices

__all__ = ["Ranked", "Score", "rank", "score_image", "score_slices"]
