"""Finding images and their masks in folders, and saying what was found where that fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sdseg.errors import InputError
from sdseg.volume.volume_files import ITK, NIFTI, PICTURES

Files = Mapping[str, tuple[Path, Path]]
"""id -> (image, mask)."""

VOLUMES = (*NIFTI, *ITK)
SEG = ".dcm"
SHOWN = 8


def few(names: Iterable[str], count: int = 3) -> str:
    """The first names of many: "a, b, c and 5 more"."""
    listed = sorted(names)
    more = f" and {len(listed) - count} more" if len(listed) > count else ""
    return ", ".join(listed[:count]) + more


def inventory(folder: Path) -> str:
    """What a folder holds, in a few words: "folders a, b, 3 files *.txt"."""
    if not folder.exists():
        return "no such folder"
    if not folder.is_dir():
        return "a file, not a folder"
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    folders = [entry.name for entry in entries if entry.is_dir()]
    kinds = Counter(suffix_of(entry.name) or entry.suffix for entry in entries if not entry.is_dir())
    files = [f"{n} file{'s' if n > 1 else ''} *{suffix}" for suffix, n in sorted(kinds.items())]
    if folders:
        files.insert(0, f"folder{'s' if len(folders) > 1 else ''} {few(folders, SHOWN)}")
    return ", ".join(files) or "an empty folder"


def unexpected(name: str, root: Path, layout: str, looked_into: Iterable[Path] = ()) -> InputError:
    """The error for a folder that is not what it was said to be."""
    inside = [f"in {folder.name}/ {inventory(folder)}" for folder in looked_into if folder.is_dir()]
    return InputError(f"{root} is not {name}: expected {layout}; found: {'; '.join([inventory(root), *inside])}.")


def first_folder(parents: Iterable[Path], names: Iterable[str]) -> Path | None:
    """The first of `names` that is a folder in one of `parents`."""
    choices = list(names)
    return next((parent / name for parent in parents for name in choices if (parent / name).is_dir()), None)


def suffix_of(name: str) -> str:
    """The suffix where it is one of an image or mask, ".nii.gz" as a whole; else nothing: "1.2.840" has none."""
    known = [suffix for suffix in (*VOLUMES, *PICTURES, SEG) if name.lower().endswith(suffix)]
    return name[-max(map(len, known)) :] if known else ""


def stem_of(name: str) -> str:
    """A file name without the suffix of an image or mask."""
    return name.removesuffix(suffix_of(name))


def by_id(
    folder: Path, suffixes: tuple[str, ...], id_of: Callable[[str], str | None] = str, folders: bool = False
) -> dict[str, Path]:
    """The files in a folder by id.

    Args:
        folder: where.
        suffixes: of the files that count; others, and hidden ones, are passed over.
        id_of: file name without suffix -> id, or None where the file is none of the data set.
        folders: count folders too, as DICOM series.

    Raises:
        InputError: two files with one id.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        counts = (folders and path.is_dir()) or (path.is_file() and path.name.lower().endswith(suffixes))
        name = (
            None
            if path.name.startswith(".") or not counts
            else id_of(path.name if path.is_dir() else stem_of(path.name))
        )
        if name is None:
            continue
        if name in found:
            raise InputError(f"{found[name]} and {path.name} have the same name: keep one of them.")
        found[name] = path
    return found


def pair_up(root: Path, images: Mapping[str, Path], masks: Mapping[str, Path]) -> Files:
    """Images and masks of the same id; InputError counts and names those that have no partner."""
    problems = []
    if alone := images.keys() - masks.keys():
        problems.append(f"{len(alone)} of {len(images)} images have no mask ({few(alone)})")
    if alone := masks.keys() - images.keys():
        problems.append(f"{len(alone)} of {len(masks)} masks have no image ({few(alone)})")
    if problems:
        raise InputError(f"{root}: {' and '.join(problems)}: every image needs a mask of the same name.")
    return {name: (images[name], masks[name]) for name in sorted(images)}


def two_folders(name: str, layout: str, root: Path, images: str, masks: str, suffixes: tuple[str, ...]) -> Files:
    """The pairs in two folders of `root`, by file name without suffix; InputError, see `unexpected` and `pair_up`."""
    folders = [root / images, root / masks]
    found = [by_id(folder, suffixes) if folder.is_dir() else {} for folder in folders]
    if not all(found):
        raise unexpected(name, root, layout, folders)
    return pair_up(root, *found)
