"""The scales of the project, each a file in `scales/`, and how one finds a scale."""

from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.study.scale import Scale
from prunelib.study.scale_files import project_scale, read_scale

SCALE_NAMES = ("smoke", "mini", "midi", "maxi", "paper")
"""The shortest training first; what one is like comes before it."""
SCALES: dict[str, Scale] = {}
for _name in SCALE_NAMES:
    SCALES[_name] = project_scale(Path(__file__).with_name("scales") / f"{_name}.toml", SCALES)


def scale_named(name: str) -> Scale:
    """A scale of the project by its name, or the one in a TOML file.

    Raises:
        PrunelibError: there is none of this name, or something in the file does not fit.
    """
    if str(name).endswith(".toml"):
        return read_scale(Path(name), SCALES)
    if name not in SCALES:
        raise PrunelibError(f"unknown scale {name!r}; choose one of: {', '.join(SCALES)}")
    return SCALES[name]
