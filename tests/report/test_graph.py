"""The picture of a small machine: every state once, every transition there is."""

from xml.etree import ElementTree

import pytest

from harness.model.search.explorer import explore
from harness.model.search.standard_machines import MACHINES, TINY
from harness.report.graph import layers, svg

SVG = "{http://www.w3.org/2000/svg}"


def test_every_state_is_drawn_once():
    found = explore(TINY.machine, TINY.limits, keep_edges=True)
    root = ElementTree.fromstring(svg(TINY.machine, found, "tiny & small"))
    assert len(root.findall(f"{SVG}g/{SVG}rect")) == found.states == 13
    arrows = {(edge.source, edge.target) for edge in found.edges if edge.source != edge.target}
    assert len(root.findall(f"{SVG}path")) == len(arrows)
    assert root.find(f"{SVG}title").text == "tiny & small"


def test_layers_are_distances():
    found = explore(TINY.machine, TINY.limits, keep_edges=True)
    rows = layers(found.states, found.edges)
    assert rows[0] == [0]
    assert sorted(number for row in rows for number in row) == list(range(found.states))


def test_too_many_states_are_not_drawn():
    big = next(one for one in MACHINES if one.name == "local-pfn")
    with pytest.raises(ValueError, match="too many to draw"):
        svg(big.machine, explore(big.machine, big.limits, keep_edges=True), big.what)
