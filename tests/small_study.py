"""The `prunelib` command with a smaller `smoke`, for tests that kill it many times."""

from dataclasses import replace

from prunelib import cli, study
from prunelib.profile import ChannelProfile

SMOKE = study.SCALES["smoke"]
study.SCALES["smoke"] = replace(
    SMOKE,
    base=ChannelProfile.full(10, 0.5),
    train=SMOKE.train.lasting(6),
    prune=replace(SMOKE.prune, stop_params=9_000),
    budgets=(12_000,),
)

if __name__ == "__main__":
    cli.main()
