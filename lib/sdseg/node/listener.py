"""The node's application entity: C-STORE, C-ECHO and reports of storage commitment."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, evt

from sdseg.dimse.commitment import Commitments
from sdseg.dimse.contexts import listener_contexts
from sdseg.dimse.listener import Listening, listening
from sdseg.node.associations import Associations
from sdseg.node.callers import CALLED_UNKNOWN, Callers
from sdseg.node.config import NodeConfig
from sdseg.node.intake import OUT_OF_RESOURCES, Intake, Request
from sdseg.node.metrics import Counters
from sdseg.node.targets import tls_files

log = logging.getLogger(__name__)
ACSE_SECONDS, IDLE_SECONDS = 30.0, 60.0
# How long an open association may go on when the node stops.
GRACE_SECONDS = 2.0


class Listener:
    """What happens to associations and requests.

    Args:
        config: of the node.
        associations: notes them.
        intake: takes instances.
        counters: of the metrics.
    """

    def __init__(self, config: NodeConfig, associations: Associations, intake: Intake, counters: Counters) -> None:
        self._config, self._associations, self._intake, self._counters = config, associations, intake, counters
        self._callers = Callers(config.ae_title, () if config.allow_any_caller else config.callers)

    @contextmanager
    def running(self, commitments: Commitments) -> Iterator[None]:
        """Listen until the block ends. Raises InputError: the port is taken, or TLS files do not fit."""
        config = self._config
        ae = AE(ae_title=config.ae_title)
        ae.maximum_associations = config.maximum_associations
        ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = ACSE_SECONDS, IDLE_SECONDS, IDLE_SECONDS
        handlers = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_ACCEPTED, lambda event: self._associations.opened(event.assoc)),
            (evt.EVT_RELEASED, lambda event: self._associations.ended(event.assoc, "released")),
            (evt.EVT_ABORTED, lambda event: self._associations.ended(event.assoc, "aborted")),
            (evt.EVT_C_STORE, self._store),
            *commitments.handlers,
        ]
        where = Listening(config.ae_title, config.host, config.port, tls_files(config.tls))
        with listening(ae, where, listener_contexts(), handlers, grace=GRACE_SECONDS):
            yield

    def _requested(self, event: evt.Event) -> None:
        remote = event.assoc.requestor
        called, calling = remote.primitive.called_ae_title, remote.primitive.calling_ae_title
        refusal = self._callers.refusal(called, calling, remote.address)
        if refusal is None:
            return
        reason = "called AE title" if refusal == CALLED_UNKNOWN else "calling AE title or host"
        self._counters.rejected(reason)
        facts = {"calling_ae": calling, "called_ae": called, "host": remote.address, "why": reason}
        log.warning("association refused", extra=facts)
        event.assoc.acse.send_reject(*refusal)
        event.assoc.is_rejected = True
        event.assoc.kill()

    def _rejected(self, event: evt.Event) -> None:
        """By pynetdicom itself, whose only reason left is the limit."""
        self._counters.rejected("too many associations")
        log.warning("association refused", extra={"host": event.assoc.requestor.address, "why": "too many"})

    def _store(self, event: evt.Event) -> Any:
        number = self._associations.number_of(event.assoc)
        if number is None:
            return OUT_OF_RESOURCES
        request = Request(
            association=number,
            calling_ae=event.assoc.requestor.ae_title,
            sop_class=str(event.request.AffectedSOPClassUID),
            sop_uid=str(event.request.AffectedSOPInstanceUID),
            file=event.encoded_dataset(),
            data_set=event.encoded_dataset(include_meta=False),
        )
        return self._intake.store(request).to_dataset()
