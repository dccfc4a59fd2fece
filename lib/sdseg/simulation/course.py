"""A course of a simulation: one seed, one strategy, round after round."""

from __future__ import annotations

import time
from typing import Any

import torch

from sdseg.simulation.annotator import work_on
from sdseg.simulation.drawing import candidates, draw_start
from sdseg.simulation.ground import Ground
from sdseg.simulation.learning import retrain_on
from sdseg.simulation.measure import dice_of_cases, find, mean_dice
from sdseg.simulation.pool import Pool
from sdseg.simulation.records import FIRST, Asked, Round, Scored
from sdseg.simulation.strategies import STRATEGIES, Answer, Question
from sdseg.training.draws import seed_of


def play_start(ground: Ground, seed: int) -> Round:
    """The model of the start, which all strategies of the seed share: from the book, or begun and kept."""
    if known := ground.book.read(seed, FIRST, 0):
        return known
    began = time.monotonic()
    chosen = draw_start(ground.pool, ground.plan.start, seed)
    model = ground.begin(chosen, seed_of(seed, 1))
    truth = ground.pool.truth(chosen)
    asked = _asked(ground.pool, chosen, torch.zeros_like(truth))  # there was no help yet
    return _keep(ground, model, Round(seed, FIRST, 0, len(chosen), asked, seconds=_since(began)))


def play_round(ground: Ground, before: Round, labelled: list[int], strategy: str) -> Round:
    """Ask, correct, learn, measure - or take all that from the book; `labelled` grows by the images asked for."""
    number = before.number + 1
    pool, plan = ground.pool, ground.plan
    if known := ground.book.read(before.seed, strategy, number):
        labelled += pool.places([item.image for item in known.asked])
        return known
    began = time.monotonic()
    seed = seed_of(before.seed, 2, number)  # the same for all strategies
    model: Any = ground.book.model(before, ground.device)
    answer = _ask(ground, model, labelled, strategy, seed)
    new = list(answer.chosen)
    asked = _asked(pool, new, find(model, pool.images(new)))
    scored = _scored(model, pool, answer)
    retrain_on(model, pool, labelled, new, plan, seed_of(seed, 2), ground.device, ground.watch)
    labelled += new
    done = Round(before.seed, strategy, number, len(labelled), asked, scored=scored, seconds=_since(began))
    return _keep(ground, model, done)


def _ask(ground: Ground, model: Any, labelled: list[int], strategy: str, seed: int) -> Answer:
    plan = ground.plan
    free = candidates(ground.pool, labelled, plan.candidates, seed_of(seed, 1))
    question = Question(
        model,
        ground.pool,
        labelled,
        free,
        plan.ask,
        plan.noises,
        seed,
        lambda done, total: ground.watch("score", done, total),
    )
    return STRATEGIES[strategy](question)


def _asked(pool: Pool, chosen: list[int], found: torch.Tensor) -> tuple[Asked, ...]:
    """The work on the chosen images, given what the model found in them."""
    work = work_on(found, pool.truth(chosen))
    return tuple(Asked(pool.names[place], item) for place, item in zip(chosen, work, strict=True))


def _scored(model: Any, pool: Pool, answer: Answer) -> tuple[Scored, ...]:
    """The uncertainty of each candidate, and what it should tell: how right the model is about it."""
    places = list(answer.uncertainty)
    if not places:
        return ()
    found, truth = find(model, pool.images(places)), pool.truth(places)
    dice = [mean_dice(one, other, pool.labels) for one, other in zip(found, truth, strict=True)]
    uncertainty = [answer.uncertainty[place] for place in places]
    names = [pool.names[place] for place in places]
    return tuple(Scored(*item) for item in zip(names, uncertainty, dice, strict=True))


def _keep(ground: Ground, model: Any, done: Round) -> Round:
    """Measure the model on the validation part and keep the round."""
    judges = ground.validation
    found = find(model, judges.stack.images, lambda *count: ground.watch("measure", *count))
    truth = judges.stack.masks
    work = work_on(found, truth)
    measured = done.measured(dice_of_cases(found, truth, judges.cases, judges.labels), judges.patients, work)
    ground.book.write(measured, model, ground.card)
    return measured


def _since(began: float) -> float:
    return round(time.monotonic() - began, 1)
