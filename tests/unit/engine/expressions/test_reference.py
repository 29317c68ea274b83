"""The reference page says what the code does."""

from pathlib import Path

from engine.expressions.reference import reference

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "expressions.md"
BEGIN = "<!-- made by: python -m engine.expressions.reference -->\n"
END = "<!-- end of the made part -->\n"


def test_the_page_holds_the_reference_made_from_the_tables() -> None:
    page = PAGE.read_text(encoding="utf-8")

    made = page.partition(BEGIN)[2].partition(END)[0]

    assert made.strip() == reference().strip(), "run the command in the page's marker and put its output there"
