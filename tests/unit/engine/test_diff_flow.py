"""What a diff says of loops, branches, undos and what runs at the end."""

import pytest

from engine.definition import parse_definition
from engine.diff import diff

TEXT = """\
name: orders
nodes:
  orders:
    type: loop
    over: "{{ trigger.data }}"
    concurrency: 2
    body:
      nodes:
        charge:
          type: connector
          use: http.request
          with: {method: POST, url: "https://shop.example/charges"}
          retry: {max_attempts: 3}
          undo: {use: http.request, with: {method: DELETE, url: "https://shop.example/charges"}, timeout: 10s}
        lines: {type: loop, times: 3, body: {nodes: {line: {type: transform, value: 1}}}}
      edges: [charge -> lines]
  both:
    type: parallel
    branches:
      left: {nodes: {call: {type: transform, value: 1}}}
      right: {nodes: {deep: {type: loop, times: 2, body: {nodes: {x: {type: transform, value: 1}}}}}}
edges: [orders -> both]
finally:
  nodes: {tidy: {type: transform, value: 1}, tell: {type: transform, value: 2}}
  edges: [tidy -> tell]
"""


def said(old: str, new: str) -> list[str]:
    assert TEXT.count(old) == 1, old
    return [each.text for each in diff(parse_definition(TEXT)[1], parse_definition(TEXT.replace(old, new))[1])]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("max_attempts: 3", "max_attempts: 5", "in the loop `orders`: retry of `charge` went from 3 to 5 attempts"),
        ("concurrency: 2", "concurrency: 5", "`orders` now runs 5 iterations at once instead of 2"),
        ("    concurrency: 2\n", "", "`orders` now runs 1 iteration at once instead of 2"),
        ("    concurrency: 2", "    concurrency: 2\n    batch: 10", "each iteration of `orders` now gets a list of up to 10 items instead of one item, and not as a list"),
        ("    concurrency: 2", "    concurrency: 2\n    on_item_error: skip", "a failed iteration now is left out of the results of `orders`; before, it made `orders` fail"),
        ("    concurrency: 2", "    concurrency: 2\n    on_item_error: fail", "a failed iteration still makes `orders` fail, which is the default"),
        ("    concurrency: 2", "    concurrency: 2\n    wait_for: any", "`orders` now waits for any iteration instead of all iterations"),
        ("    concurrency: 2", "    concurrency: 2\n    timeout: 1h", "timeout of `orders` added: 1h"),
        ("{{ trigger.data }}", "{{ trigger.data.x }}", 'over of `orders` went from "{{ trigger.data }}" to "{{ trigger.data.x }}"'),
        ("times: 3", "times: 4", "in the loop `orders`: times of `lines` went from 3 to 4"),
        ("line: {type: transform, value: 1}", "line: {type: transform, value: 2}", "in the loop `orders.lines`: value of `line` went from 1 to 2"),
        ("edges: [charge -> lines]", "edges: []", "in the loop `orders`: edge charge -> lines removed"),
        (", timeout: 10s", ", timeout: 20s", "in the loop `orders`: timeout of the undo of `charge` went from 10s to 20s"),
        (", timeout: 10s", "", "in the loop `orders`: timeout of the undo of `charge` went from 10s to 5m (the default)"),
        (", timeout: 10s", ", timeout: 10s, retry: {max_attempts: 4}", "in the loop `orders`: retry of the undo of `charge` added: 4 attempts instead of 1"),
        ("    type: parallel", "    type: parallel\n    wait_for: any", "`both` now waits for any branch instead of all branches"),
        ("    type: parallel", "    type: parallel\n    wait_for: {count: 1}", "`both` now waits for 1 branch instead of all branches"),
        ("call: {type: transform, value: 1}", "call: {type: transform, value: 3}", "in the branch `left` of `both`: value of `call` went from 1 to 3"),
        ("call: {type: transform, value: 1}", "call: {type: transform, value: 1}, more: {type: stop}", "in the branch `left` of `both`: node `more` added (stop)"),
        ("x: {type: transform, value: 1}", "x: {type: transform, value: 0}", "in the loop `both.right.deep`: value of `x` went from 1 to 0"),
        ("      left: {nodes: {call: {type: transform, value: 1}}}\n", "", "branch `left` of `both` removed"),
        ("tidy: {type: transform, value: 1}", "tidy: {type: transform, value: 5}", "in finally: value of `tidy` went from 1 to 5"),
        ("edges: [tidy -> tell]", "edges: [tell -> tidy]", ["in finally: edge tidy -> tell removed", "in finally: edge tell -> tidy added"]),
        (TEXT[TEXT.index("finally:") :], "", "finally removed: `tidy`, `tell`"),
    ],
)  # fmt: skip
def test_a_change_is_said_as_people_would(old: str, new: str, expected: str | list[str]) -> None:
    assert said(old, new) == ([expected] if isinstance(expected, str) else expected)


def test_an_undo_comes_and_goes_as_a_whole() -> None:
    start = TEXT.index("          undo:")
    whole = TEXT[start : TEXT.index("\n", start) + 1]

    assert said(whole, "") == [
        "in the loop `orders`: undo of `charge` removed: what it did is no longer taken back",
    ]
    changes = diff(parse_definition(TEXT.replace(whole, ""))[1], parse_definition(TEXT)[1])
    assert [each.text for each in changes] == [
        "in the loop `orders`: undo of `charge` added: what it did is taken back (http.request)",
    ]


def test_a_count_that_is_waited_for_changes_in_words() -> None:
    one, other = (TEXT.replace("type: parallel", f"type: parallel\n    wait_for: {{count: {n}}}") for n in (1, 2))

    changes = diff(parse_definition(one)[1], parse_definition(other)[1])

    assert [each.text for each in changes] == ["`both` now waits for 2 branches instead of 1 branch"]


def test_what_is_spread_is_said_with_its_measure() -> None:
    old = TEXT.replace("          undo:", "          # undo:")
    new = old.replace("    concurrency: 2", "    concurrency: 2\n    spread_over: 100")
    there, back = (
        [each.text for each in diff(parse_definition(a)[1], parse_definition(b)[1])]
        for a, b in [(old, new), (new, old)]
    )

    assert there == ["`orders` is now spread over child executions above 100 items"]
    assert back == ["`orders` is no longer spread over child executions"]
