import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from cellwright.reports.charts import Curve, curve_chart, histogram


def bar_counts(svg):
    return [int(count) for count in re.findall(r": (\d+)</title></rect>", svg)]


def test_every_finite_value_is_in_one_bar(rng):
    values = np.concatenate([rng.gamma(3, 50, 1000), [np.nan, np.inf]])
    assert sum(bar_counts(histogram(values, "Size", "area [px]"))) == 1000


@pytest.mark.parametrize("values", [[5.0], [0.0, 0.0], [-3.0, -3.0], [1e-9, 1e9], [7.0] * 50])
def test_any_values_make_a_valid_drawing(values):
    drawing = histogram(np.array(values), "Size", "area")
    ElementTree.fromstring(drawing)
    assert "nan" not in drawing and "inf" not in drawing
    assert sum(bar_counts(drawing)) == len(values)


def test_the_bars_of_a_uniform_sample_are_about_equal():
    counts = bar_counts(histogram(np.linspace(0, 1, 1000), "x", "x", limits=(0, 1)))
    assert max(counts) - min(counts) <= 1 and len(counts) == 20


def ticks(svg, anchor):
    found = re.findall(rf'class="tick"[^>]*text-anchor="{anchor}">([^<]*)<', svg)
    return [float(text.replace(",", "")) for text in found]


def test_numbers_of_objects_have_a_bar_each_and_no_fractions():
    drawing = histogram(np.array([0, 0, 1, 2, 2, 3]), "Cells per image", "cells")
    assert re.findall("<title>([^<]*)</title></rect>", drawing) == ["0: 2", "1: 1", "2: 2", "3: 1"]
    assert ticks(drawing, "middle") == [0, 1, 2, 3]
    assert ticks(drawing, "end") == [0, 1, 2]
    many = histogram(np.arange(5, 300), "Cells per image", "cells")
    assert sum(bar_counts(many)) == 295 and len(set(bar_counts(many)[1:-1])) == 1
    assert all(tick == round(tick) for tick in ticks(many, "middle"))


def test_steps_of_a_training_have_no_fractions():
    drawing = curve_chart(Curve("Loss", "step", "loss", {"a": ([10, 20], [0.5, 0.25])}))
    assert all(tick == round(tick) for tick in ticks(drawing, "middle"))
    assert 0.25 in ticks(drawing, "end") or 0.2 in ticks(drawing, "end")


def test_no_values_make_no_drawing():
    assert histogram(np.array([np.nan]), "Size", "area") == ""
    assert curve_chart(Curve("Loss", "epoch", "loss", {"training": ([], [])})) == ""


def test_a_curve_has_a_line_for_each_name_and_leaves_out_what_is_not_finite():
    curve = Curve(
        "Loss", "epoch", "loss", {"a": ([0, 1, 2], [3, float("nan"), 1]), "b<": ([0], [1])}
    )
    drawing = curve_chart(curve)
    ElementTree.fromstring(drawing)
    lines = re.findall(r'points="([^"]*)"', drawing)
    assert [len(line.split()) for line in lines] == [2, 1]
    assert "b&lt;" in drawing and "b<" not in drawing.replace("b&lt;", "")


def test_names_from_outside_are_escaped():
    assert "<script>" not in histogram(np.arange(5), "<script>", "<script>")


def test_values_that_differ_by_rounding_alone_are_drawn():
    drawn = str(histogram(np.array([0.3, 0.1 + 0.2, 0.3]), "speed", "µm"))
    assert 'class="bar"' in drawn
