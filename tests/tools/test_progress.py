"""The table of a class counts what is shared, and shows a student's text safely."""

import json

import pytest

from course_utils.course import CourseError
from tools.progress import progress

FILES = {
    "anna": {"01.1": "done", "mistakes": {}},
    "ben": {
        "failures": {"02.1": 3},
        "mistakes": {"02.1": "`n` is 7, less than the right number.", "02.2": "\x1b[2JIt is."},
    },
    "carl": {"01.1": "done", "mistakes": {"02.1": "`n` is 3.5, less than the right number.", "99.1": "unknown"}},
    "dora": {"01.1": "done", "failures": {"02.1": 1}},  # not shared
}


def test_the_table_counts_what_is_shared_and_names_nobody(tmp_path, capsys):
    for name, content in FILES.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "other.json").write_text("{ not JSON", encoding="utf-8")
    assert progress([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    first, _, _, *lines = printed.splitlines()
    assert first == "3 files; 2 not shared and not counted"
    starts = ["2 0 01.1", "0 2 02.1", "2 × `n`", "0 1 02.2", "1 × ?[2JIt"]  # noqa: RUF001
    assert [" ".join(line.split()[:3]) for line in lines] == starts
    progress([str(tmp_path / "*.json")], by_file=True)
    assert capsys.readouterr().out.startswith(printed + "\n")


@pytest.mark.parametrize(("files", "message"), [([], "Name the files"), (["no/*.json"], r"no file no/\*\.json")])
def test_without_files_the_error_gives_an_example(files, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=f"{message}.*make progress FILES="):
        progress(files)
