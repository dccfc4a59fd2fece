"""MONAI Label's inference task, made of the segmenter's steps."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monai.transforms import Compose
from monailabel.interfaces.tasks.infer_v2 import InferType
from monailabel.tasks.infer.basic_infer import BasicInferTask
from monailabel.utils.others.generic import device_list

from sdseg.engines.speed import PARTS
from sdseg.inference.provenance import facts_of
from sdseg.inference.segmenter import Segmenter
from sdseg.inference.streaming import Stream, StreamedResult
from sdseg.model.batching import slices_at_a_time
from sdseg.volume.compact import CompactLabelmap
from sdseg.volume.load import load_failures
from sdseg.volume.recipe import invert
from sdseg.volume.series_reader import CORRECTIONS
from sdseg_app.jobs.lanes import Devices
from sdseg_app.jobs.memory import enough_memory
from sdseg_app.jobs.results import Found, KeptResults
from sdseg_app.jobs.watch import Nobody, SliceCount, Watch, watched_by, watching
from sdseg_app.labels.files import result_file
from sdseg_app.names import in_order
from sdseg_app.params.infer_params import EXTENSIONS, FOUND, MEASURED, SEGMENTATION_TYPES, InferParams
from sdseg_app.served.models import describe, is_random
from sdseg_app.served.segmenters import Segmenters

# Keys in a request's data: every step of one inference uses the same weights and counts on.
_SEGMENTER, _COUNT = "segmenter", "count"
_STREAM, _STREAMED = "stream", "streamed"


class SDSegInferTask(BasicInferTask):
    """Segmentation by SDSeg or a rival. The reply is a uint8 labelmap in the source's own voxel order."""

    def __init__(
        self, segmenters: Segmenters, device: str | None, archive: bool, devices: Devices, kept: KeptResults
    ) -> None:
        """`device` is the default of requests, None for a GPU where there is one; with an `archive` a result can
        be filed there."""
        self._segmenters = segmenters
        self._devices = devices
        self._kept = kept
        names = device_list()
        config: dict[str, Any] = {
            # Lists become combo boxes in 3D Slicer, their first item the default; numbers travel as text.
            "device": [device, *(name for name in names if name != device)] if device else names,
            "result_extension": list(EXTENSIONS),
            "result_compress": False,
        }
        if archive:
            config["save_seg"] = False
            config["segmentation_type"] = list(SEGMENTATION_TYPES)
            config["uncertainty"] = "0"
        card = segmenters.card()
        if is_random(card):
            config["seed"] = "0"
        super().__init__(
            path=None,
            network=None,
            type=InferType.SEGMENTATION,
            labels=card.labels,
            dimension=3,
            description=describe(card),
            config=config,
        )

    def info(self) -> dict[str, Any]:
        card = self._segmenters.card()
        return {**super().info(), "labels": in_order(card.labels), "modalities": list(card.modalities)}

    def is_valid(self) -> bool:
        return True

    def parse(self, request: dict[str, Any]) -> InferParams:
        """What a request asks, with the defaults of this server. Raises InputError."""
        return InferParams.parse({**self.config(), **request})

    def __call__(
        self, request: dict[str, Any], callbacks: dict[Any, Any] | None = None, watch: Watch | None = None
    ) -> tuple[str | None, dict[str, Any]]:
        """The path of the result file and what is to be told about it, MEASURED and FOUND among it. Raises
        SdsegError."""
        watch = watch or Nobody()
        params, image = self.parse(request), Path(request["image"])
        with watched_by(watch), enough_memory(params.device, self.clear):
            watch.enter("load")
            key = self._key(image, params)
            found = self._kept.get(key)
            if found is not None:
                watch.cached = True
                return self._tell_again(found, params)
            # Nothing else goes on: a request must not reach the switches of the stock task.
            file, told = super().__call__(
                {"model": request.get("model"), "image": str(image), **params.as_request()}, callbacks
            )
            found = told[FOUND]
            # Unless the image, or the weights, were replaced meanwhile.
            if key is not None and key == self._key(image, params):
                self._kept.put(key, found)
            return file, {**told, "cached": False}

    def _key(self, image: Path, params: InferParams) -> str | None:
        with load_failures(image):
            speed = self._segmenters.speed(params.parts)
            return self._kept.key(image, self._segmenters.sha256(), params, speed)

    def _tell_again(self, found: Found, params: InferParams) -> tuple[str, dict[str, Any]]:
        start = time.monotonic()
        file = result_file(found.labelmap, found.affine, params.extension, params.compress)
        wrote = round(time.monotonic() - start, 2)
        latencies = {"pre": 0.0, "infer": 0.0, "invert": 0.0, "post": 0.0, "write": wrote, "total": wrote}
        told = {**found.facts, "latencies": {**latencies, "transform": None}, "centroids": {}}
        return str(file), {**told, MEASURED: None, FOUND: found, "cached": True}

    def pre_transforms(self, data: dict[str, Any] | None = None) -> Sequence[Callable[..., Any]]:
        if data is None:
            raise TypeError("The transforms depend on the image; data is needed.")
        segmenter = self._segmenters.get(data["device"], {part: data[part] for part in PARTS})
        data[_SEGMENTER] = segmenter
        if not data["uncertainty"]:
            return []  # `Stream` prepares a few slices at a time
        return segmenter.pre_transforms(data["image_path"], data.get("modality"))

    def run_pre_transforms(self, data: dict[str, Any], transforms: Any) -> dict[str, Any]:
        if not data["uncertainty"]:
            return {**data, _STREAM: Stream(data[_SEGMENTER], Path(data["image_path"]), data.get("modality"))}
        # The transforms see the image alone: MONAI 1.6 takes every other `image_*` entry for a meta dictionary.
        # Compose wraps what they raise, which `load_failures` takes apart again.
        with load_failures(Path(data["image_path"])):
            return {**data, **Compose(transforms)({"image": data["image_path"]})}

    def run_inferer(self, data: dict[str, Any], convert_to_batch: bool = True, device: str = "cuda") -> dict[str, Any]:
        segmenter: Segmenter = data[_SEGMENTER]
        if not data["uncertainty"]:
            return self._stream(data)
        noises = data["uncertainty"] if segmenter.is_random else 1
        slices = data["image"].shape[-1] * max(1, noises)
        data[_COUNT] = SliceCount(watching(), slices)
        watching().enter("model", slices)
        with self._devices.inference(data["device"]) as share:
            data[self.output_label_key] = segmenter.predict(
                data["image"], data["seed"], slices_at_a_time(segmenter.pipeline), _both(data[_COUNT], share)
            )
        return data

    def _stream(self, data: dict[str, Any]) -> dict[str, Any]:
        """Nobody asked for probabilities: no more of them is ever there than of a few slices."""
        stream: Stream = data[_STREAM]
        watching().enter("model", stream.slices)
        count, at_a_time = SliceCount(watching(), stream.slices), slices_at_a_time(data[_SEGMENTER].pipeline)
        with self._devices.inference(data["device"]) as share:
            data[_STREAMED] = stream.run(data["seed"], at_a_time, _both(count, share))
        return data

    def inverse_transforms(self, data: dict[str, Any] | None = None) -> list[Any]:
        return []  # all of them

    def run_invert_transforms(self, data: dict[str, Any], pre_transforms: Any, names: Any) -> dict[str, Any]:
        # The stock one takes the history of the prediction, which has none; the image has it.
        noises = data["uncertainty"]
        if not noises:
            watching().enter("restore")
            return {**data, MEASURED: None}
        probability = invert(pre_transforms, data["image"], data[self.output_label_key])
        data[self.output_label_key] = probability
        segmenter: Segmenter = data[_SEGMENTER]
        with self._devices.inference(data["device"]) as share:
            data[MEASURED] = segmenter.uncertainty(
                pre_transforms,
                data["image"],
                probability,
                data["seed"],
                noises,
                slices_at_a_time(segmenter.pipeline),
                _both(data[_COUNT], share),
            )
        watching().enter("restore")
        return data

    def post_transforms(self, data: dict[str, Any] | None = None) -> Sequence[Callable[..., Any]]:
        return []  # the writer turns probabilities into label values

    def writer(self, data: dict[str, Any], extension: Any = None, dtype: Any = None) -> tuple[str, dict[str, Any]]:
        segmenter: Segmenter = data[_SEGMENTER]
        streamed: StreamedResult | None = data.get(_STREAMED)
        if streamed is None:
            probability = data[self.output_label_key]
            labelmap = CompactLabelmap.of(segmenter.to_labelmap(probability))
            affine = probability.affine.numpy().astype(float)
            corrections = tuple(data["image"].meta.get(CORRECTIONS, ()))
            left_out = segmenter.left_out(data["image"])
        else:
            labelmap, affine, corrections = streamed.compact, streamed.affine, streamed.corrections
            left_out = streamed.left_out
        self.labels = segmenter.card.labels
        facts = {
            **facts_of(segmenter, data["seed"]),
            "device": data["device"],
            "empty": labelmap.is_empty,
            "left_out": left_out,
            "corrections": list(corrections),
            "label_names": in_order(segmenter.card.labels),
        }
        found = Found(labelmap, affine, facts)
        file = result_file(labelmap, affine, data["result_extension"], data["result_compress"])
        return str(file), {**facts, MEASURED: data[MEASURED], FOUND: found}

    def clear(self) -> None:
        self._segmenters.clear()

    clear_cache = clear


def _both(count: SliceCount, share: Callable[[], None]) -> Callable[[int, int], None]:
    def progress(done: int, of: int) -> None:
        count(done, of)
        share()

    return progress
