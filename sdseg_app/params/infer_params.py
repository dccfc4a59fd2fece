"""What a request may ask of an inference, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from monailabel.utils.others.generic import device_list, name_to_device

from sdseg.dicom.seg_writer import SegmentationType, type_value
from sdseg.engines.speed import PARTS, SIZES
from sdseg.errors import InputError
from sdseg.inference.uncertainty import check_noises
from sdseg_app.config.device_names import DEVICE
from sdseg_app.names import check_name

MEASURED = "measured"  # key in what is told of an inference: an `Uncertainty`, not for JSON; the app takes it out
FOUND = "found"  # the same for the result itself, a `Found`
EXTENSIONS = (".nrrd", ".nii.gz", ".nii")
SEGMENTATION_TYPES: tuple[SegmentationType, ...] = get_args(SegmentationType)

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


@dataclass(frozen=True)
class InferParams:
    """Parameters of one inference.

    Attributes:
        seed: of the noise; the same seed gives the same mask.
        device: torch device.
        extension: kind of the result file.
        compress: compress the result file; OHIF's panel needs it plain.
        save_seg: file the result in the archive, beside the source series.
        modality: DICOM Modality of an image whose file does not say (NIfTI, NRRD, pictures).
        save_label: keep the result as a label of the image, under `label_tag`.
        segmentation_type: of a DICOM SEG, see `build_seg`.
        uncertainty: how many noises probability and disagreement are measured over; 0 for none.
        decoder, encoder, unet: full or lite; None for what the server does.
    """

    seed: int = 0
    device: str = "cpu"
    extension: str = ".nrrd"
    compress: bool = False
    save_seg: bool = False
    modality: str | None = None
    save_label: bool = False
    label_tag: str = "original"
    segmentation_type: SegmentationType = "BINARY"
    uncertainty: int = 0
    decoder: str | None = None
    encoder: str | None = None
    unet: str | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "InferParams":
        """From a request; keys that mean nothing here are ignored. Raises InputError naming the wrong one."""
        return cls(
            seed=_seed(_first(values.get("seed", 0))),
            device=_device(_first(values.get("device"))),
            extension=_extension(_first(values.get("result_extension"))),
            compress=as_bool("result_compress", values.get("result_compress", False)),
            save_seg=as_bool("save_seg", values.get("save_seg", False)),
            modality=_modality(_first(values.get("modality"))),
            save_label=as_bool("save_label", values.get("save_label", False)),
            label_tag=check_name("label tag", _first(values.get("label_tag")) or "original"),
            segmentation_type=_segmentation_type(_first(values.get("segmentation_type"))),
            uncertainty=_noises(_first(values.get("uncertainty", 0))),
            **{part: _part(part, _first(values.get(part))) for part in PARTS},
        )

    @property
    def parts(self) -> dict[str, str | None]:
        """Which decoder, encoder and U-Net, by their names."""
        return {part: getattr(self, part) for part in PARTS}

    def as_request(self) -> dict[str, Any]:
        """Under the names that MONAI Label gives them."""
        return {
            "seed": self.seed,
            "device": self.device,
            "result_extension": self.extension,
            "result_compress": self.compress,
            "modality": self.modality,
            "save_label": self.save_label,
            "label_tag": self.label_tag,
            "uncertainty": self.uncertainty,
            **self.parts,
        }


def as_bool(name: str, value: Any) -> bool:
    """A truth value as JSON, a form or a viewer's table sends it. Raises InputError."""
    text = str(_first(value)).lower()
    if text not in _TRUE | _FALSE:
        raise InputError(f"{name} must be true or false, not {str(value)[:40]!r}.")
    return text in _TRUE


def _first(value: Any) -> Any:
    """Choices come as lists whose first item is the default."""
    return (value[0] if value else None) if isinstance(value, list) else value


def _seed(value: Any) -> int:
    text = str(value).strip() or "0"
    if not text.isdecimal() or len(text) > 19 or int(text) >= 2**63:
        raise InputError(f"seed must be a whole number from 0 to 2^63 - 1, not {text[:40]!r}.")
    return int(text)


def _noises(value: Any) -> int:
    text = str(value).strip() or "0"
    if not text.isdecimal() or len(text) > 9:
        raise InputError(f"uncertainty must be a number of noises, not {text[:40]!r}.")
    check_noises(int(text))
    return int(text)


def _segmentation_type(value: Any) -> SegmentationType:
    wanted = str(value or SEGMENTATION_TYPES[0]).upper()
    type_value(wanted[:40])
    return next(known for known in SEGMENTATION_TYPES if known == wanted)


def _part(name: str, value: Any) -> str | None:
    if value in (None, ""):
        return None
    if value not in SIZES:
        raise InputError(f"{name} must be {' or '.join(SIZES)}, not {str(value)[:40]!r}.")
    return str(value)


def _modality(value: Any) -> str | None:
    return check_name("modality", str(value)) if value else None


def _device(value: Any) -> str:
    """Without a choice, or with cuda where there is none, what this machine has."""
    device = str(name_to_device(value if isinstance(value, str) else None))
    if not DEVICE.fullmatch(device):
        raise InputError(f"There is no device {str(value)[:40]!r}; choose one of {', '.join(device_list())}.")
    return device


def _extension(value: Any) -> str:
    extension = value or EXTENSIONS[0]
    if extension not in EXTENSIONS:
        raise InputError(f"result_extension must be one of {', '.join(EXTENSIONS)}, not {str(value)[:40]!r}.")
    return str(extension)
