"""The parameters that notebooks take, and what they may be: papermill itself checks nothing."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prunelib.errors import PrunelibError
from prunelib.study.folder import PACKAGED, find_results, results_to_write


class Parameters(BaseModel):
    """Parameters of the notebooks.

    `scale` is the name of one, or a TOML file. `results` is a folder with records, by default the
    nearest one, laid over the project's own; `data` one with CIFAR-10.
    `run_missing` computes runs that have no record: None does so only at `smoke`, where all runs
    together take a few minutes, and only if `results` is named. `removals` (of the pruning
    chapters) says which profile to look at, `budget` (of the design chapter) how many parameters
    to design for.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    scale: (
        Literal["smoke", "mini", "midi", "maxi", "paper"]
        | Annotated[str, Field(pattern=r"\.toml$")]
    )
    results: str | None = None
    data: str | None = None
    run_missing: bool | None = None
    seeds: Annotated[int, Field(ge=1, le=1_000)] | None = None
    removals: Annotated[int, Field(ge=0)] | None = None
    budget: Annotated[int, Field(ge=1)] | None = None

    @property
    def trains(self) -> bool:
        """Whether runs without a record are to be computed."""
        if self.run_missing is None:
            return self.scale == "smoke" and self.results is not None
        return self.run_missing

    @property
    def folder(self) -> Path:
        """The folder with records.

        Raises:
            PrunelibError: it was named and is not there, and nobody asked to compute runs.
        """
        if self.trains:
            return results_to_write(self.results)
        return find_results(self.results, PACKAGED)

    @property
    def packaged(self) -> bool:
        """Whether the project's own records are shown where the folder has none."""
        return self.results is None and not self.trains


def check_parameters(given: dict) -> Parameters:
    """Parameters, if they are all known and of the right type.

    Raises:
        PrunelibError: one is not; the message names it, what it is and what it may be.
    """
    try:
        return Parameters(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            known = ", ".join(Parameters.model_fields)
            raise PrunelibError(f"there is no parameter {name!r}; choose one of: {known}") from None
        message = first["msg"].replace("Input should be", "should be")
        message = message.replace("a valid boolean", "True or False")
        raise PrunelibError(f"parameter {name} = {first['input']!r} {message}") from None
