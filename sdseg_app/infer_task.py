"""MONAI Label's inference task, made of the segmenter's steps."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from monai.transforms import Compose
from monailabel.interfaces.tasks.infer_v2 import InferType
from monailabel.tasks.infer.basic_infer import BasicInferTask
from monailabel.utils.others.generic import device_list

from sdseg.errors import InputError
from sdseg.inference.provenance import facts_of
from sdseg.inference.segmenter import Segmenter
from sdseg.volume.load import load_failures
from sdseg.volume.recipe import invert
from sdseg.volume.series_reader import CORRECTIONS
from sdseg_app.infer_params import EXTENSIONS, SEGMENTATION_TYPES, InferParams
from sdseg_app.label_files import result_file
from sdseg_app.segmenters import Segmenters
from sdseg_app.served import describe, is_random

_SEGMENTER = "segmenter"  # key in a request's data: every step of one inference uses the same weights

MEASURED = "measured"  # key in what is told: an `Uncertainty`, not for JSON; the app takes it out


class SDSegInferTask(BasicInferTask):
    """Segmentation by SDSeg or a rival. The reply is a uint8 labelmap in the source's own voxel order."""

    _one_at_a_time = threading.Lock()  # of all models: two at once would need twice the memory and take as long

    def __init__(self, segmenters: Segmenters, device: str | None, archive: bool) -> None:
        """`device` is the default of requests, None for a GPU where there is one; with an `archive` a result can
        be filed there."""
        self._segmenters = segmenters
        devices = device_list()
        config: dict[str, Any] = {
            # Lists become combo boxes in 3D Slicer, their first item the default; numbers travel as text.
            "device": [device, *(name for name in devices if name != device)] if device else devices,
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
        return {**super().info(), "labels": card.labels, "modalities": list(card.modalities)}

    def is_valid(self) -> bool:
        return True

    def __call__(
        self, request: dict[str, Any], callbacks: dict[Any, Any] | None = None
    ) -> tuple[str | None, dict[str, Any]]:
        """The path of the result file and what is to be told about it. Raises SdsegError."""
        params = InferParams.parse({**self.config(), **request})
        # Nothing else goes on: a request must not reach the switches of the stock task.
        checked = {"model": request.get("model"), "image": request["image"], **params.as_request()}
        file, told = super().__call__(checked, callbacks)
        return file, told

    def pre_transforms(self, data: dict[str, Any] | None = None) -> Sequence[Callable[..., Any]]:
        if data is None:
            raise TypeError("The transforms depend on the image; data is needed.")
        segmenter = self._segmenters.get(data["device"])
        data[_SEGMENTER] = segmenter
        return segmenter.pre_transforms(data["image_path"], data.get("modality"))

    def run_pre_transforms(self, data: dict[str, Any], transforms: Any) -> dict[str, Any]:
        # The transforms see the image alone: MONAI 1.6 takes every other `image_*` entry for a meta dictionary.
        # Compose wraps what they raise, which `load_failures` takes apart again.
        with load_failures(Path(data["image_path"])):
            return {**data, **Compose(transforms)({"image": data["image_path"]})}

    def run_inferer(self, data: dict[str, Any], convert_to_batch: bool = True, device: str = "cuda") -> dict[str, Any]:
        segmenter: Segmenter = data[_SEGMENTER]
        with self._alone():
            data[self.output_label_key] = segmenter.predict(data["image"], seed=data["seed"])
        return data

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other inference meanwhile. Raises InputError when the GPU has too little memory for this one."""
        try:
            with self._one_at_a_time:
                yield
        except torch.cuda.OutOfMemoryError as error:
            self._segmenters.clear()
            raise InputError("The GPU has too little free memory for this image; choose the device cpu.") from error

    def inverse_transforms(self, data: dict[str, Any] | None = None) -> list[Any]:
        return []  # all of them

    def run_invert_transforms(self, data: dict[str, Any], pre_transforms: Any, names: Any) -> dict[str, Any]:
        # The stock one takes the history of the prediction, which has none; the image has it.
        probability = invert(pre_transforms, data["image"], data[self.output_label_key])
        data[self.output_label_key], data[MEASURED] = probability, None
        if data["uncertainty"]:
            segmenter: Segmenter = data[_SEGMENTER]
            with self._alone():
                data[MEASURED] = segmenter.uncertainty(
                    pre_transforms, data["image"], probability, data["seed"], data["uncertainty"]
                )
        return data

    def post_transforms(self, data: dict[str, Any] | None = None) -> Sequence[Callable[..., Any]]:
        return []  # the writer turns probabilities into label values

    def writer(self, data: dict[str, Any], extension: Any = None, dtype: Any = None) -> tuple[str, dict[str, Any]]:
        segmenter: Segmenter = data[_SEGMENTER]
        probability = data[self.output_label_key]
        labelmap = segmenter.to_labelmap(probability)
        self.labels = segmenter.card.labels
        told = {
            **facts_of(segmenter, data["seed"]),
            "device": data["device"],
            "empty": not labelmap.any(),
            "corrections": list(data["image"].meta.get(CORRECTIONS, ())),
            MEASURED: data[MEASURED],
        }
        file = result_file(labelmap, probability.affine, data["result_extension"], data["result_compress"])
        return str(file), told

    def clear(self) -> None:
        self._segmenters.clear()

    clear_cache = clear
