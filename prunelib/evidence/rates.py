"""How fast processors trained: work over time, from the records."""

from collections.abc import Sequence

import pandas as pd

from prunelib.evidence.statistics import exact
from prunelib.evidence.view import View


def training_rates(view: View, families: Sequence[str], budget: int | None = None) -> pd.Series:
    """Training multiply-accumulates a second on one CPU thread, by processor: medians over the
    runs that the library's own kernels computed.

    Args:
        view: of the records.
        families: whose runs; narrow networks do less in a second than wide ones.
        budget: by default all.
    """
    seen = {}
    for request, record in view.planned:
        if record is None or request.family not in families:
            continue
        if budget is not None and request.budget != budget:
            continue
        made, outcome = record.circumstances, record.outcome
        on_a_core = made.get("device", "cpu") == "cpu" and made.get("threads", 1) == 1
        if on_a_core and "kernels" not in made and outcome["seconds"]:
            rate = float(exact(outcome["training_macs"]) / exact(outcome["seconds"]))
            seen[record.key] = (f"{made['hardware']}, {made['precision']}", rate)
    frame = pd.DataFrame(seen.values(), columns=["hardware", "rate"])
    return frame.groupby("hardware")["rate"].median().sort_values()
