"""A thread holds one connection at a time; two per request and as many threads as connections stop each other."""

import ast
from pathlib import Path

import gateway

ROOT = Path(gateway.__file__).parent
OPENS = {"transaction", "connection"}
FORBIDDEN = OPENS | {"render_template"}


def called(node: ast.AST) -> str:
    """The last name of what is called."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def faults(source: str) -> list[int]:
    """Lines inside a transaction's block that open another one or make a page, whose frame does."""
    found = []
    for block in ast.walk(ast.parse(source)):
        if isinstance(block, ast.With) and any(called(item.context_expr) in OPENS for item in block.items):
            inside = (node for statement in block.body for node in ast.walk(statement))
            found += [node.lineno for node in inside if called(node) in FORBIDDEN]
    return found


def test_no_page_is_made_and_no_second_transaction_opened_inside_a_transaction():
    """Values are read inside and shown after."""
    named = {str(path.relative_to(ROOT)): faults(path.read_text()) for path in ROOT.rglob("*.py")}
    own = {"core/db.py", "embedded/engines.py"}
    assert {path: lines for path, lines in named.items() if lines and path not in own} == {}


def test_the_test_sees_what_it_looks_for():
    """A page inside, a page after, one transaction in another."""
    head = "with desk.transaction() as session:\n    "
    assert faults(head + "return render_template('x')")
    assert faults(head + "with db.connection(None) as other: pass")
    assert not faults(head + "rows = read(session)\nrender_template('x')")
