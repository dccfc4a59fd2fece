"""Labelled images on disk, checked and divided: the paper's five data sets, and folders of everybody else's data."""

from sdseg.datasets.base import SPLITS, Dataset
from sdseg.datasets.registry import DATASETS, open_dataset

__all__ = ["DATASETS", "SPLITS", "Dataset", "open_dataset"]
