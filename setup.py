"""Records and released weights travel with the package; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

RESULTS = Path(__file__).parent / "results"
TRAVEL = ("*.json", "released/*.safetensors")
STAY = {"benchmarks", "repeats"}


class WithResults(build_py):
    """Copies the records of each scale, and the weights that are released, into the package."""

    def run(self) -> None:
        """Copy after the modules; an editable install reads `results/` itself."""
        super().run()
        if self.editable_mode:
            return
        there = Path(self.build_lib) / "prunelib" / "results"
        shutil.rmtree(there, ignore_errors=True)
        for scale in (path for path in RESULTS.iterdir() if path.is_dir()):
            if scale.name not in STAY:
                for path in (path for pattern in TRAVEL for path in scale.glob(pattern)):
                    target = there / path.relative_to(RESULTS)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)


setup(cmdclass={"build_py": WithResults})
