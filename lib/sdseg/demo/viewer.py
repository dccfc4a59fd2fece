"""What a viewer does when someone clicks "auto-segment": MONAI Label's REST calls."""

from __future__ import annotations

import json
from typing import Any

import requests

from sdseg.errors import DeliveryError

_TIMEOUT = (5, 600)


class Viewer:
    """Talks to a MONAI Label server as 3D Slicer and OHIF do.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def info(self) -> dict[str, Any]:
        """`GET /info/`: models, labels, datastore."""
        return dict(self._json(requests.get(f"{self._url}/info/", timeout=_TIMEOUT), "list its models"))

    def next_image(self) -> str:
        """`POST /activelearning/random`: the id (SeriesInstanceUID) of an image without a label."""
        reply = requests.post(f"{self._url}/activelearning/random", json={}, timeout=_TIMEOUT)
        sample = self._json(reply, "choose an image")
        if not sample.get("id"):
            raise DeliveryError("The server has no unlabelled image.")
        return str(sample["id"])

    def infer(self, model: str, image: str, **params: Any) -> dict[str, Any]:
        """`POST /infer/{model}`: run the model and return the JSON part of the reply."""
        reply = requests.post(
            f"{self._url}/infer/{model}",
            params={"image": image, "output": "json"},
            data={"params": json.dumps(params)},
            timeout=_TIMEOUT,
        )
        return dict(self._json(reply, f"segment {image}"))

    @staticmethod
    def _json(reply: requests.Response, doing: str) -> Any:
        if not reply.ok:
            try:
                reason = reply.json().get("detail", reply.text)
            except ValueError:
                reason = reply.text
            raise DeliveryError(f"The server could not {doing}: {reply.status_code} {reason}")
        return reply.json()
