"""Every kind of exercise grades as it should: the harness for the lessons' exercises, run on one of each kind."""

import pytest

from tests.learn.exercises import accept, are_apart, is_complete, is_sound, refuse
from tests.learn.samples import SAMPLES

each = pytest.mark.parametrize("kind", SAMPLES)


@each
def test_the_exercise_and_its_table_are_sound(kind):
    exercise, table = SAMPLES[kind]
    is_sound(exercise)
    if exercise.law is None:
        are_apart(exercise)
    is_complete(exercise, table)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in SAMPLES for name in SAMPLES[kind][1].right])
def test_a_right_function_is_accepted(kind, name):
    exercise, table = SAMPLES[kind]
    accept(exercise, table.right[name], seeds=1)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in SAMPLES for name in SAMPLES[kind][1].wrong])
def test_a_wrong_function_meets_the_hint_that_was_meant(kind, name):
    exercise, table = SAMPLES[kind]
    refuse(exercise, table.wrong[name], name, seeds=1)
