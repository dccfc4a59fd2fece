"""Optional packages kept from libraries that would import them whole, and never use them here.

MONAI and diffusers take whatever is installed for a wish to use it: with MLflow and peft (requirements-learning.txt)
a process takes nearly twice as long to start. They are told what they are told where these are not installed; our own
code finds them as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

KEPT_FROM = {
    "monai": ("mlflow", "transformers"),
    "diffusers": ("peft", "transformers"),
    "diffusers.quantizers": ("transformers",),
}
"""Package -> what it shall not find while it is imported."""


def leave_out_extras() -> None:
    """From now on; call it before anything else is imported. Twice is as once."""
    if not any(isinstance(finder, _Keeper) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Keeper())


class _Keeper(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in KEPT_FROM:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_without(module: ModuleType) -> None:
            with _hidden(KEPT_FROM[fullname]):
                execute(module)

        spec.loader.exec_module = execute_without  # type: ignore[method-assign]
        return spec


@contextmanager
def _hidden(names: Sequence[str]) -> Iterator[None]:
    """None in `sys.modules` is Python's word for a module that cannot be imported."""
    imported = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(imported)
