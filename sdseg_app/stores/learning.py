"""The settings of learning, as the library takes them."""

from sdseg.corrections.material import Choice
from sdseg_app.config.learning import LearningSettings


def choice_of(settings: LearningSettings) -> Choice:
    """Who judges, and what is added to the annotators' labels."""
    return Choice(settings.validation_fraction, settings.validation_data, settings.replay_data)
