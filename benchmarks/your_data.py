"""What `prunelib recommend` prints for photos: those of three classes of CIFAR-10, as folders.

Takes as long as it may, and goes on where it was stopped.

examples:
  python benchmarks/your_data.py --data ~/cifar10
  python benchmarks/your_data.py --classes airplane ship --params 40k --time 5m --out planes.json
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import timing
from benchmarks.timing import keep
from prunelib.nets.inputs import CLASSES
from prunelib.training.data import load
from prunelib.training.machine import Machine

NAMES = CLASSES["cifar10"]


def write_photos(folder: Path, classes: list[str], root: Path | None) -> None:
    """Class folders `train/CLASS` and `test/CLASS` of pictures, unless they are there."""
    if folder.exists():
        return
    data = load("cifar10", root=root)
    unfinished = folder.with_name(f"{folder.name}.part")
    for part, split in (("train", data.train), ("test", data.test)):
        for name in classes:
            place = unfinished / part / name
            place.mkdir(parents=True, exist_ok=True)
            for i in (split.y == NAMES.index(name)).nonzero()[:, 0].tolist():
                Image.fromarray(split.x[i].numpy()).save(place / f"{i:05}.png")
    unfinished.replace(folder)


def main() -> None:
    """Run the command, show what it prints, and keep it."""
    parser = timing.parser(__doc__, "recommended")
    parser.add_argument("--classes", nargs="+", choices=NAMES, default=["cat", "dog", "horse"])
    parser.add_argument("--params", default="80k", help="budget (default: 80k)")
    parser.add_argument("--time", default="20m", help="for all of it (default: 20m)")
    parser.add_argument("--data", type=Path, help="folder with CIFAR-10")
    parser.add_argument(
        "--folder",
        type=Path,
        help="for records and pictures; takes those that it has (default: new)",
    )
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="prunelib-"))
    write_photos(folder / "photos", given.classes, given.data)
    words = ["recommend", "--data", "photos/", "--params", given.params, "--time", given.time]
    command = [sys.executable, "-m", "prunelib", *words, "--results", "results"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    print(done.stdout)
    found = {"command": " ".join(["prunelib", *words]), "printed": done.stdout.splitlines()}
    keep(given.out, found, Machine.here("cpu", 1))


if __name__ == "__main__":
    main()
