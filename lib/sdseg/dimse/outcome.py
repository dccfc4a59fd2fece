"""What a report of storage commitment says (PS3.4 J.3.3)."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydicom import Dataset


@dataclass(frozen=True)
class Outcome:
    """One report, over the objects of one transaction.

    Attributes:
        committed: SOPInstanceUIDs which the archive took over the responsibility for.
        failed: SOPInstanceUID -> FailureReason (0008,1197) of those which it did not.
    """

    committed: frozenset[str]
    failed: Mapping[str, int]

    @classmethod
    def of(cls, information: Dataset) -> "Outcome":
        """Of the Event Information of an N-EVENT-REPORT. Raises ValueError: an item without an instance."""
        try:
            committed = frozenset(str(item.ReferencedSOPInstanceUID) for item in _items(information, "ReferencedSOP"))
            failed = {
                str(item.ReferencedSOPInstanceUID): int(item.get("FailureReason", 0x0110))
                for item in _items(information, "FailedSOP")
            }
        except (AttributeError, TypeError) as error:
            raise ValueError("a reference without an instance") from error
        return cls(committed - failed.keys(), failed)


def _items(information: Dataset, name: str) -> list[Dataset]:
    return list(information.get(f"{name}Sequence") or [])
