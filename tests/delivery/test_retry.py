from pathlib import Path

import pytest
from delivery.web_pacs import Answer, WebPacs

from sdseg.delivery.dicomweb_target import DicomWebTarget
from sdseg.delivery.retry import Retries, deliver
from sdseg.errors import DeliveryError, InputError, RefusedError, SetupError
from sdseg.pacs.answers import BusyError, retry_after


@pytest.fixture
def target(pacs: WebPacs) -> DicomWebTarget:
    return DicomWebTarget(pacs.url, looks=(0.0,))


def test_a_busy_server_is_tried_again_after_longer_and_longer_pauses(
    pacs: WebPacs, target: DicomWebTarget, file: Path
) -> None:
    pacs.stores.extend([Answer(503), Answer(reset=True), Answer(200), Answer(429, headers=(("Retry-After", "30"),))])
    pauses: list[float] = []
    receipt = deliver(target, file, Retries(times=4, first=1.0), pauses.append)
    assert not receipt.already_there and len(pacs.kept) == 1
    assert [round(pause / limit, 1) for pause, limit in zip(pauses, (1, 2, 4, 30), strict=True)] == [
        pytest.approx(0.9, abs=0.11),
        pytest.approx(0.9, abs=0.11),
        pytest.approx(0.9, abs=0.11),
        1.0,
    ]


def test_attempts_end(pacs: WebPacs, target: DicomWebTarget, file: Path) -> None:
    pacs.stores.extend([Answer(503)] * 3)
    pauses: list[float] = []
    with pytest.raises(BusyError, match="not available"):
        deliver(target, file, Retries(times=2), pauses.append)
    assert len(pauses) == 2 and not pacs.stores


@pytest.mark.parametrize(("status", "kind"), [(413, RefusedError), (401, SetupError)])
def test_what_no_other_try_helps_is_told_at_once(
    pacs: WebPacs, target: DicomWebTarget, file: Path, status: int, kind: type[DeliveryError]
) -> None:
    pacs.stores.append(Answer(status))
    with pytest.raises(kind):
        deliver(target, file, Retries(), lambda seconds: pytest.fail("it waited"))


def test_pauses_have_a_limit() -> None:
    retries = Retries(first=1.0, longest=10.0)
    assert all(8.0 <= retries.pause(attempt, DeliveryError("x")) <= 10.0 for attempt in (5, 50, 5000))
    assert retries.pause(1, BusyError("x", 3600.0)) == 10.0
    with pytest.raises(InputError):
        Retries(times=-1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("999999999", 3600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 3600.0),
        ("Wed, 21 Oct 2015 07:28:00", 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}) == seconds
