"""A smaller `smoke`: a study of it takes seconds."""

from dataclasses import replace

from prunelib.nets.profile import ChannelProfile
from prunelib.study.scales import SCALES

SMALL_SCALE = replace(
    SCALES["smoke"],
    base=ChannelProfile.full(10, 0.5),
    train=SCALES["smoke"].train.lasting(4),
    prune=replace(SCALES["smoke"].prune, stop_params=11_000),
    budgets=(12_000,),
)
