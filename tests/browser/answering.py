"""How a learner answers a question of each kind, by mouse and by keyboard alone."""

from playwright.sync_api import Locator, Page

from minivae.learn.kinds.number import Number
from minivae.learn.kinds.order import Order
from minivae.learn.kinds.output import Output
from minivae.learn.kinds.predict import Predict
from minivae.learn.kinds.several import Several
from minivae.learn.question import Question

LAB_COMMANDS = ("b", "a", "d", "d", "x", "m", "y")  # insert below, above, delete, cut, to Markdown, to code


def button(card: Locator, question: Question) -> Locator:
    """The button that hands in the answer."""
    return card.get_by_role("button", name="This is my prediction" if isinstance(question, Predict) else "Check")


def by_mouse(card: Locator, question: Question, answer) -> None:
    """Give an answer and hand it in."""
    if isinstance(question, Number | Output):
        card.get_by_role("textbox").click()
        card.get_by_role("textbox").fill(answer)
    elif isinstance(question, Several):
        for box in card.get_by_role("checkbox").all():
            box.set_checked(box.get_attribute("value") in answer)
    elif isinstance(question, Order):
        for place, name in enumerate(answer):
            for _ in range(order(card).index(name) - place):
                card.locator(f"li[data-id={name}]").get_by_role("button", name="Move up").click()
    else:
        card.locator(f"input[value={answer}]").check()
    button(card, question).click()


def by_keyboard(page: Page, card: Locator, question: Question, answer) -> None:
    """The same with keys alone, once the first control has the focus; on the way, keys that JupyterLab would take."""
    first = "li button" if isinstance(question, Order) else "fieldset input, fieldset textarea"
    card.locator(first).first.focus()
    if isinstance(question, Number | Output):
        page.keyboard.press("Control+a")
        page.keyboard.type(answer)
        page.keyboard.press("Enter")
        return
    for key in LAB_COMMANDS:
        page.keyboard.press(key)
    if isinstance(question, Several):
        for name in card.get_by_role("checkbox").evaluate_all("boxes => boxes.map(box => box.value)"):
            if card.locator(f"input[value={name}]").is_checked() != (name in answer):
                page.keyboard.press("Space")
            page.keyboard.press("Tab")
    elif isinstance(question, Order):
        for place, name in enumerate(answer):
            _tab_until(page, f"document.activeElement.closest('li').dataset.id === '{name}'")
            for _ in range(order(card).index(name) - place):
                page.keyboard.press("ArrowUp")
    else:
        names = card.get_by_role("radio").evaluate_all("inputs => inputs.map(input => input.value)")
        page.keyboard.press("Space")
        at = page.evaluate("document.activeElement.value")
        for _ in range(abs(names.index(answer) - names.index(at))):
            page.keyboard.press("ArrowDown" if names.index(answer) > names.index(at) else "ArrowUp")
    _tab_until(page, "document.activeElement.type === 'submit'")
    for key in LAB_COMMANDS:
        page.keyboard.press(key)
    page.keyboard.press("Space")


def order(card: Locator) -> list[str]:
    """The ids of the items as they stand now."""
    return card.locator("li").evaluate_all("rows => rows.map(row => row.dataset.id)")


def given(card: Locator, question: Question):
    """The answer as the control shows it."""
    if isinstance(question, Number | Output):
        return card.get_by_role("textbox").input_value()
    if isinstance(question, Order):
        return order(card)
    chosen = card.locator("input:checked").evaluate_all("inputs => inputs.map(input => input.value)")
    return sorted(chosen) if isinstance(question, Several) else (chosen or [None])[0]


def _tab_until(page: Page, condition: str) -> None:
    """Press Tab until the condition holds; from the last button, Shift+Tab."""
    for key, presses in (("Tab", 30), ("Shift+Tab", 30)):
        for _ in range(presses):
            if page.evaluate(f"() => {{ try {{ return {condition} }} catch {{ return false }} }}"):
                return
            if key == "Tab" and page.evaluate("document.activeElement.type === 'submit'"):
                break
            page.keyboard.press(key)
    raise AssertionError(f"no control where {condition}")
