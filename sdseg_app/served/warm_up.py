"""The first model made ready before anybody asks for it: loaded, its engine chosen, one pass made."""

import logging

from sdseg.errors import SdsegError
from sdseg.model.warm_up import warm_up
from sdseg_app.jobs.idle_thread import IdleThread
from sdseg_app.jobs.lanes import Devices
from sdseg_app.jobs.memory import enough_memory, release
from sdseg_app.jobs.quiet import Quiet
from sdseg_app.served.segmenters import Segmenters

logger = logging.getLogger(__name__)
_TICK = 0.25  # seconds between two looks whether the device is free


class WarmUp(IdleThread):
    """A thread that works once, and leaves it to a request that comes first.

    Args:
        segmenters: of the model that is asked for most.
        device: it will run on.
        devices: whose turns are kept.
        quiet: knows whether anybody waits.
    """

    def __init__(self, segmenters: Segmenters, device: str, devices: Devices, quiet: Quiet) -> None:
        super().__init__("warm-up", quiet)
        self._segmenters, self._device, self._devices = segmenters, device, devices

    def _work(self) -> None:
        try:
            with enough_memory(self._device, release):
                self._warm()
        except (SdsegError, OSError, RuntimeError) as error:  # whoever asks for the model is told
            logger.warning("The model is not made ready: %s", error)

    def _warm(self) -> None:
        if not self._quiet.is_now():
            return
        segmenter = self._segmenters.get(self._device)  # a request that comes meanwhile waits for the same
        with self._devices.idle(self._device) as turn:
            while self._quiet.is_now():
                if turn.take():
                    warm_up(segmenter.pipeline)
                    turn.let_go()
                    logger.info("The model %s is ready", segmenter.card.name)
                    return
                if self._quiet.wait(_TICK):
                    return
