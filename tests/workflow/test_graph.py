"""Who waits for whom: pure work over keys."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.workflow.graph import Graph, cut, cycle_in, in_order, levels

KEYS = ["a", "b", "c", "d", "e", "f"]
edges = st.sets(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).filter(lambda pair: pair[0] != pair[1]))


def graph_of(pairs: set[tuple[str, str]]) -> Graph:
    needs: dict[str, set[str]] = {key: set() for key in KEYS}
    for waiting, awaited in pairs:
        needs[waiting].add(awaited)
    return Graph(KEYS, needs=needs)


def test_a_circle_reads_from_who_waits_to_who_is_awaited():
    circle = cycle_in(graph_of({("a", "b"), ("b", "c"), ("c", "a")}))

    assert circle is not None
    assert circle[0] == circle[-1]
    assert all((waiting, awaited) in {("a", "b"), ("b", "c"), ("c", "a")} for waiting, awaited in pairwise(circle))


def test_the_written_order_is_a_chain():
    graph = Graph(["a", "b", "c"])

    graph.chain(["a", "b", "c"])

    assert levels(graph) == {"a": 0, "b": 1, "c": 2}


@given(edges)
def test_cutting_ends_with_an_order_in_which_everything_comes_after_what_it_waits_for(pairs: set[tuple[str, str]]):
    graph = graph_of(pairs)

    while (circle := cycle_in(graph)) is not None:
        cut(graph, circle)

    height = levels(graph)
    assert all(height[key] > height[other] for key in KEYS for other in graph.before(key))


@given(edges)
def test_the_order_of_looking_holds_every_key_once_and_respects_what_it_can(pairs: set[tuple[str, str]]):
    before = {key: {awaited for waiting, awaited in pairs if waiting == key} for key in KEYS}

    order = in_order(KEYS, before)

    assert sorted(order) == KEYS
    if cycle_in(graph_of(pairs)) is None:
        assert all(order.index(other) < order.index(key) for key in KEYS for other in before[key])
