"""kill -9 of the node at random moments, while the archives stop, refuse, abort, hang, lie: nothing lost or doubled."""

import json
import random
from pathlib import Path

import pytest
from helpers.orthanc import require_orthanc

from faults.campaign import Campaign
from faults.check_seg import check_seg
from faults.privacy import names_in, names_somebody
from faults.traffic import is_broken
from faults.world import World, world
from sdseg.demo.verdict import segs_of

SEED = 4
CHECKED = 6


# `kinds`: of 15 faults of the gates, at least; how many come up depends on how long it takes.
@pytest.mark.slow
@pytest.mark.timeout(1800)  # a hang; 200 studies take three minutes on two cores
@pytest.mark.parametrize(("studies", "kills", "kinds"), [(60, 5, 3), pytest.param(200, 12, 8, marks=pytest.mark.long)])
def test_every_study_gets_one_seg_or_one_reason(studies: int, kills: int, kinds: int, tmp_path: Path) -> None:
    require_orthanc()
    with world(tmp_path, seed=SEED) as here:
        outcome = Campaign(here, studies, kills, SEED).run()
        told = f"{outcome.line}; lost {outcome.verdict.lost}, doubled {outcome.verdict.doubled}, {outcome.reasons}"
        print(f"{told}; {outcome.seconds:.0f} s; {outcome.taken_up} taken up; {dict(outcome.met)}")
        assert outcome.is_sound, told
        assert outcome.verdict.studies == studies and outcome.kills == kills, told
        assert outcome.refused == {number for number in range(studies) if is_broken(number)}
        assert all("missing" in outcome.reasons[number] for number in outcome.refused)
        assert len([what for what in outcome.met if not what.endswith("works")]) >= kinds, dict(outcome.met)
        check_segs(here)
        status = here.node.ask("status", "--json")
        assert not json.loads(status.stdout)["queue"]
        assert here.node.stop() == 0, "SIGTERM was not answered with an orderly end"
        assert not names_in(here)
        assert not names_somebody(status.stdout + status.stderr)


def check_segs(here: World) -> None:
    """Some of those stored, drawn: made of their own study's images, and what the model gives here."""
    draws = random.Random(SEED)
    for name, found in segs_of(here.archives).items():
        for seg in draws.sample(found, min(len(found), CHECKED)):
            (study,) = (item for item in here.studies.made if item.study_uid == seg.study_uid)
            check_seg(here, here.archives[name], seg, study)
