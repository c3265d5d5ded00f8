"""A papermill engine that refuses wrong parameters of this project's notebooks at once.

Papermill finds it by the entry point group `papermill.engine`. It is also the engine for notebooks
run without `--engine`: those of other projects it hands on as they are.
"""

from typing import Any

import click
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

from prunelib.book.parameters import check_parameters
from prunelib.errors import PrunelibError


class BadParameter(click.ClickException):
    """Shown by papermill's command as one line."""

    exit_code = 2


class CheckedEngine(NBClientEngine):
    """papermill's default engine, after a look at the parameters."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str | None, **options: Any
    ) -> Any:
        """Check the parameters if the notebook is one of ours, then execute."""
        metadata = nb_man.nb.metadata
        if metadata.get("prunelib"):
            given = dict(metadata.get("papermill", {}).get("parameters", {}))
            try:
                check_parameters({"scale": "mini"} | given).folder  # noqa: B018
            except PrunelibError as error:
                raise BadParameter(str(error)) from None
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register(None, CheckedEngine)
