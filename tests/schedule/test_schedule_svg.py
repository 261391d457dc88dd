"""The picture of a schedule: well-formed, with every step, one dot each, and every switch."""

from dataclasses import replace
from xml.etree.ElementTree import fromstring

from harness.report.schedule_svg import schedule_svg, write_schedule_pictures
from harness.schedule.schedule_lanes import lane_steps
from tests.schedule.test_schedules_report import BROKEN, GOOD, LOST, PROGRAM, result

SVG = "{http://www.w3.org/2000/svg}"


def test_every_step_and_every_switch_is_drawn():
    picture = fromstring(schedule_svg(PROGRAM, LOST))
    steps = list(lane_steps(PROGRAM, LOST))
    words = [one.text for one in picture.iter(f"{SVG}text")]
    assert len(list(picture.iter(f"{SVG}circle"))) == len(steps)
    assert {one.words.strip() for one in steps} | {"thread 0", "thread 1"} <= set(words)
    dashed = [one for one in picture.iter(f"{SVG}line") if one.get("stroke-dasharray")]
    assert len(dashed) == 2


def test_words_of_the_kernel_are_escaped():
    assert "<b>" not in schedule_svg(PROGRAM, replace(LOST, rule="<b>"))


def test_only_programs_that_broke_a_rule_get_a_picture(tmp_path):
    made = write_schedule_pictures(result(GOOD, BROKEN, replace(GOOD, crash="Oops")), tmp_path)
    assert [path.name for path in made] == ["schedule-1.svg"]
    assert [path.name for path in tmp_path.iterdir()] == ["schedule-1.svg"]
