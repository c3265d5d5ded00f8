"""Pictures of the chapter on images of one's own."""

from collections.abc import Mapping

import plotly.graph_objects as go

from prunelib.book.figures.profiles import profile_lines
from prunelib.book.figures.style import sourced
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import FAMILIES


def candidate_shapes(found: Mapping[str, ChannelProfile]) -> go.Figure:
    """The shapes of the networks that are going to be trained."""
    titled = {FAMILIES[family].title: profile for family, profile in found.items()}
    source = "Scale smoke: the networks of this page; the shape that is copied is that of mini."
    return sourced(profile_lines(titled, list(found)), source)
