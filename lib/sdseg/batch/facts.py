"""What a report tells of a run besides its series. No address with a login, no value of a query: it may be a name."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sdseg import __version__
from sdseg.batch.crew import RAY, Crew
from sdseg.batch.order import Order
from sdseg.batch.sources import Sources


def facts_of(sources: Sources, order: Order, crew: Crew) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "version": __version__,
        "date": datetime.now().isoformat(timespec="seconds"),
        "weights_sha256": order.weights_sha256,
        "modalities": list(order.modalities),
        "seed": order.seed,
        **asdict(order.speed),
        "device": crew.device,
        "workers": f"{crew.workers or 'automatic'} on {'Ray' if crew.engine == RAY else 'this machine'}",
        "sources": len(sources.named) + bool(sources.studies),
        "query": sorted(sources.keys),
    }
