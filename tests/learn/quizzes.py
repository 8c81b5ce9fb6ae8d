"""What the tests of the quizzes share: all questions, and answers to them that are right and wrong."""

import dataclasses

import pytest

from minivae.learn import bank
from minivae.learn.kinds import KINDS
from minivae.learn.kinds.number import Number
from minivae.learn.kinds.order import Order
from minivae.learn.kinds.output import Output
from minivae.learn.kinds.several import Several

QUESTIONS = [question for lesson in bank.lessons() for question in bank.questions(lesson).values()]
EVERY = pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.ref)
# One of each kind, for what costs more than an instant; `one` is the plainest.
SOME = {kind: next(question for question in QUESTIONS if question.kind == kind) for kind in KINDS}


def wrong_answers(question):
    """Answers that are wrong, at least two, all different."""
    if isinstance(question, Number):
        known = [f"{one.value:g}" for one in question.known[1:]]
        return [*known, f"{7.3 * question.known[0].value + 1000:g}"]
    if isinstance(question, Output):
        return [*(text for text, _ in question.known[1:]), "something else"]
    right = question.solution()
    if isinstance(question, Order):
        return [right[1:] + right[:1], right[::-1], [right[0], *right[:0:-1]]]
    ids = [choice.id for choice in question.choices()]
    if isinstance(question, Several):
        return [right[:-1] or ids, ids, [name for name in ids if name not in right]]
    return [name for name in ids if name != right]


def all_words(nodes):
    """Every piece of text in nodes that is long enough to be found by chance nowhere else."""
    for node in nodes:
        if isinstance(node, str):
            if len(node) > 20:
                yield node
        else:
            yield from all_words(node[1:])


def planted(question):
    """The question with a wrong key, in as many ways as there are; each has to be found by recomputing it."""
    if isinstance(question, Number):
        for k, one in enumerate(question.known):
            off = dataclasses.replace(one, value=1.02 * one.value + 0.1 if one.value == one.value else 0.0)
            yield dataclasses.replace(question, known=(*question.known[:k], off, *question.known[k + 1 :]))
    elif isinstance(question, Output):
        (text, feedback), *rest = question.known
        yield dataclasses.replace(question, known=((text + " 0", feedback), *rest))
    elif isinstance(question, Order):
        if question.keys:
            yield dataclasses.replace(question, keys=question.keys[1:] + question.keys[:1])
    elif getattr(question, "below", ()):
        yield question.with_outcome(question.outcome + 1)
    else:
        for k, option in enumerate(question.options):
            if option.check:
                turned = dataclasses.replace(option, right=not option.right)
                yield dataclasses.replace(question, options=(*question.options[:k], turned, *question.options[k + 1 :]))
    for k, claim in enumerate(question.claims):
        denied = (*question.claims[:k], f"not ({claim})", *question.claims[k + 1 :])
        yield dataclasses.replace(question, claims=denied)
