"""What the explorer knows of a scale beside errors: how long networks trained, and their times."""

from prunelib.evidence import benchmarks
from prunelib.evidence.curves import Curve, Reading
from prunelib.evidence.lengths import epochs_of_images
from prunelib.evidence.statistics import mean
from prunelib.evidence.view import View
from prunelib.text import counted, fixed


def base_reading(records: View) -> Reading:
    """The mean error of the base network."""
    errors = records.networks.query("family == 'base'")["error"]
    if errors.empty:
        return Reading(None, "no runs of this network yet")
    return Reading(float(fixed(mean(errors), 4)), f"mean of {counted(len(errors), 'run')}")


def epochs_curve(records: View, family: str) -> Curve:
    """Epochs that the runs of a family were trained for, by size; a mean over seeds."""
    rows = records.networks
    points = sorted(
        (
            float(fixed(mean(runs["params"]))),
            float(fixed(epochs_of_images(records, mean(runs["images_seen"])), 4)),
            len(runs),
        )
        for _, runs in rows[rows["family"] == family].groupby("budget")
    )
    sizes, lasted, counts = zip(*points, strict=True) if points else ((), (), ())
    return Curve(sizes, lasted, counts)


def times_of(records: View, inference: dict | None) -> dict[str, Curve]:
    """Milliseconds for one image of the families that were timed, by MACs."""
    if inference is None:
        return {}
    full = records.scale.base
    network = f"WRN-{full.depth}-{full.width:g}"
    return benchmarks.speeds(inference, network, records.scale.data.image_size)


def timing_note(inference: dict | None) -> str:
    """How the milliseconds were measured, in a sentence; empty where they were not."""
    if inference is None:
        return ""
    return (
        f"Milliseconds are for one image on one thread, with {benchmarks.ENGINES[0]} in float32 on "
        f"{inference['circumstances']['hardware']}."
    )
