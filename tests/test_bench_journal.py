"""What is measured stays, whatever happens to the run."""

import json

from patchwrap.bench.journal import Journal


def record(image, row, value=1.0):
    return {"image": image, "row": row, "value": value}


def test_records_come_back(tmp_path):
    path = tmp_path / "deep" / "records.jsonl"
    journal = Journal(path)
    journal.add(record("ü", "a"))
    assert path.read_text("utf-8").count("\n") == 1
    again = Journal(path)
    assert again.get("ü", "a") == record("ü", "a") and again.get("ü", "b") is None


def test_a_later_record_takes_the_place_of_an_earlier(tmp_path):
    journal = Journal(tmp_path / "records.jsonl")
    for value in (1.0, 2.0):
        journal.add(record("x", "a", value))
    assert Journal(journal.path).get("x", "a")["value"] == 2
    assert len(journal.path.read_text().splitlines()) == 1


def test_torn_and_foreign_lines_are_dropped(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text(json.dumps(record("x", "a")) + '\n[1]\n{"run": 1}\n{"image": "y", "ro')
    journal = Journal(path)
    journal.add(record("y", "a"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["image"] for line in lines] == ["x", "y"]


def test_without_a_file_records_stay_in_memory():
    journal = Journal()
    journal.add(record("x", "a"))
    assert journal.get("x", "a") == record("x", "a")
