"""Where records are looked up."""

from collections.abc import Callable

from prunelib.study.scales import SCALES
from prunelib.study.specs import Spec, key
from prunelib.study.store import Record, Store

Find = Callable[[Spec], Record | None]
"""The record of a spec, or None if there is none."""


def cached_lookup(*stores: Store) -> Find:
    """A lookup that reads each record at most once, from the first store that has it.

    Some runs rest on those of another scale, whose records lie beside.
    """
    records: dict[str, Record] = {}
    places = [
        place
        for store in stores
        for place in (store, *(store.beside(name) for name in SCALES if name != store.folder.name))
    ]

    def find(spec: Spec) -> Record | None:
        name = key(spec)
        if name not in records:
            there = (place.named(name, spec) for place in places)
            record = next((record for record in there if record is not None), None)
            if record is None:
                return None
            records[name] = record
        return records[name]

    return find
