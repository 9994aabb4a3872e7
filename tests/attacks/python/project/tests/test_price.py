"""What a quote must be."""

from shop.price import ranks_of


def test_the_cheapest_line_has_rank_0():
    assert ranks_of([2.0, 1.0]) == [1, 0]
