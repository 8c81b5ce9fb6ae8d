"""Every exercise of every lesson: right ways are taken, known mistakes meet their hints, and the tables are full."""

import pytest

from minivae.learn import exercises
from minivae.learn.exercises import lesson04
from minivae.learn.law import ALARM
from tests.learn.exercises import Table, accept, are_apart, is_complete, is_sound, refuse, tables

EXERCISES = {e.ref: e for lesson in exercises.lessons() for e in exercises.exercises(lesson).values()}
TABLES = tables()
every = pytest.mark.parametrize("ref", EXERCISES)


def test_every_exercise_has_a_table_and_every_table_an_exercise():
    assert set(TABLES) == set(EXERCISES)
    assert EXERCISES


@every
def test_the_table_is_complete(ref):
    is_complete(EXERCISES[ref], TABLES[ref])


@every
def test_the_exercise_itself_is_sound(ref):
    is_sound(EXERCISES[ref])


@every
def test_no_two_mistakes_look_the_same(ref):
    are_apart(EXERCISES[ref])


@pytest.mark.parametrize(("ref", "name"), [(ref, name) for ref in TABLES for name in TABLES[ref].right])
def test_a_right_function_is_accepted(ref, name):
    accept(EXERCISES[ref], TABLES[ref].right[name])


@pytest.mark.parametrize(("ref", "name"), [(ref, name) for ref in TABLES for name in TABLES[ref].wrong])
def test_a_wrong_function_meets_the_hint_that_was_meant(ref, name):
    refuse(EXERCISES[ref], TABLES[ref].wrong[name], name)


def test_the_harness_catches_an_exercise_that_is_wrong_itself():
    exercise, table = lesson04.REPARAMETERIZE, TABLES["04/reparameterize"]
    with pytest.raises(AssertionError):
        accept(exercise, table.wrong["minus"])
    with pytest.raises(AssertionError):
        refuse(exercise, exercise.solution, "minus")
    with pytest.raises(AssertionError, match="not yet"):
        refuse(exercise, table.wrong["minus"], "no-noise")
    with pytest.raises(AssertionError, match="5 right functions"):
        is_complete(exercise, Table(dict(list(table.right.items())[:5]), table.wrong))
    with pytest.raises(AssertionError, match="no function in WRONG makes these mistakes: \\['minus'\\]"):
        is_complete(exercise, Table(table.right, {k: f for k, f in table.wrong.items() if k != "minus"}))


def test_the_rate_of_false_alarms_is_stated():
    assert ALARM == 1e-6
