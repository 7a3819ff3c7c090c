"""From records to cells: what is compared with what."""

import pytest

from patchwrap.bench.report import Row
from patchwrap.bench.summary import summarize
from patchwrap.bench.tables import verdict

ROWS = [Row("single", "single pass", "n"), Row("2x2", "2x2", "n", "2x2", reference="single")]


def cells(**values):
    """A table of one measure: one value an image, of the single pass and of the row."""
    [(name, (single, row))] = values.items()
    records = {
        key: [{"own": {name: value}} for value in column] for key, column in (("single", single), ("2x2", row))
    }
    return summarize(ROWS, records)["own"]


def of(table, name):
    from patchwrap.bench.measures import MEASURES

    [measure] = [one for one in MEASURES if one.key == name]
    return verdict(table[ROWS[1].key].get(measure.key), measure)


def test_a_seam_is_better_where_it_is_nearer_to_one_image_by_image():
    # The mean of .8 and 1.3 is nearer to 1 than 1.2, and yet every second image has a worse seam.
    table = cells(seam=([1.2] * 12, [0.8, 1.3] * 6))
    assert table["2x2"]["seam"].comparison.difference.mean == pytest.approx(0.05)
    assert of(table, "seam") == "worse"
    assert of(cells(seam=([1.2, 0.7] * 6, [0.95, 1.05] * 6)), "seam") == "better"


def test_time_is_compared_by_medians_as_it_is_shown():
    table = cells(seconds=([1.0] * 12, [9.0] + [0.9] * 11))
    assert table["2x2"]["seconds"].estimate.mean == 0.9 and of(table, "seconds") == "better"
