"""Writes the files that are made from the format's data: the JSON Schema, and the tables of the reference.

Example: ``python -m engine.definition``, or with the pages to write after it
"""

import json
import sys
from pathlib import Path

from engine.definition.schema import SCHEMA_FILE, workflow_schema
from engine.definition.tables import PAGES, fill


def main(pages: list[str]) -> None:
    """Write the schema beside this file, and the tables into the pages that are named, or into all of them."""
    SCHEMA_FILE.write_text(json.dumps(workflow_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name in pages or PAGES:
        page = Path(name)
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
