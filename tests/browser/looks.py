"""What is measured on a page as it is drawn: texts that are too faint, and what sticks out of a card."""


def faint_texts(page) -> list:
    """Texts in cards, with their contrast, where it is below 4.5 to 1."""
    return page.evaluate(
        """() => {
            const parse = c => c.match(/[\\d.]+/g).map(Number);
            const light = c => parse(c).slice(0, 3).map(v => v / 255)
                .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
            const ground = e => {
                const c = getComputedStyle(e).backgroundColor;
                return (parse(c)[3] ?? 1) === 0 ? ground(e.parentElement) : c;
            };
            const faint = [];
            for (const card of document.querySelectorAll('.mv-card')) {
                const walk = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
                while (walk.nextNode()) {
                    const e = walk.currentNode.parentElement;
                    const ink = e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color;
                    const [low, high] = [light(ink), light(ground(e))].sort((a, b) => a - b);
                    const ratio = (high + 0.05) / (low + 0.05);
                    if (ratio < 4.5) faint.push([walk.currentNode.data, ratio]);
                }
            }
            return faint;
        }"""
    )


def sticking_out(page) -> list:
    """By how many pixels the content of a card is wider than the card."""
    return page.evaluate(
        "[...document.querySelectorAll('.mv-card')].map(e => e.scrollWidth - e.clientWidth).filter(d => d > 0)"
    )
