"""Imports only point down the design's list; pure files know neither Flask nor SQLAlchemy."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = ROOT / "gateway"

LINES = [
    {"core"},
    {"law"},
    {"merchants"},
    {"shops"},
    {"payments"},
    {"receivables"},
    {"chargebacks", "returns", "collection"},
    {"risk"},
    {"checkout"},
    {"privacy"},
    {"subscriptions"},
    {"insights"},
    {"admin", "portal"},
]
RANK = {name: rank for rank, names in enumerate(LINES) for name in names}
TOP = len(LINES)
"""Everything else at the top level (app, cli, worker, wiring, embedded, demo, …) may import whatever is below."""

PURE = frozenset(
    {
        "core/money.py",
        "core/clock.py",
        "core/ids.py",
        "core/errors.py",
        "core/states.py",
        "core/faults.py",
        "core/crypto.py",
        "core/signing.py",
        "core/chain.py",
        "core/media.py",
        "core/kept.py",
        "shops/identity.py",
        "shops/lifecycle.py",
        "risk/facts.py",
        "risk/basket.py",
        "risk/card.py",
        "risk/model_file.py",
        "risk/panel.py",
        "risk/trees.py",
        "risk/score.py",
        "risk/gather.py",
        "checkout/methods.py",
        "checkout/request.py",
        "checkout/economics.py",
        "checkout/conditions.py",
        "checkout/policy.py",
        "checkout/documents.py",
        "checkout/records.py",
        "checkout/texts.py",
        "checkout/token.py",
    }
)
"""What judges and counts; with them every module whose first lines say that it is (pure)."""
BUSINESS = ("buyer", "checkout", "dunning", "invoice", "decision", "payment", "shop")
"""Words that `core` must not know (in names; a docstring may give an example)."""


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "migrations" not in path.parts)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, with its line; imports hidden in functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name


def test_imports_point_down_the_list():
    """A package imports from lower lines only; packages on one line do not know each other."""
    offences = []
    for path in sources(GATEWAY):
        here = path.relative_to(GATEWAY).with_suffix("").parts[0]
        for line, name in imported(path):
            if name.split(".")[0] != "gateway" or len(name.split(".")) < 2:
                continue
            there = name.split(".")[1]
            if there != here and here in RANK and RANK.get(there, TOP) >= RANK[here]:
                offences.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not offences


def test_the_gateway_imports_no_connector():
    """Connectors are found by entry points, so that a third party can add one."""
    offences = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources(GATEWAY)
        for line, name in imported(path)
        if name.startswith("connectors")
    ]
    assert not offences


def test_imports_stand_at_the_top():
    """None is hidden in a function, where it would hide a circle."""
    offences = []
    for path in [*sources(GATEWAY), *sources(ROOT / "connectors")]:
        tree = ast.parse(path.read_text())
        for scope in ast.walk(tree):
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                offences += [
                    f"{path.relative_to(ROOT)}:{node.lineno}"
                    for node in ast.walk(scope)
                    if isinstance(node, ast.Import | ast.ImportFrom)
                ]
    assert not offences


def says_it_is_pure(path: Path) -> bool:
    return "(pure)" in (ast.get_docstring(ast.parse(path.read_text())) or "")


def test_every_file_of_the_fixed_list_of_pure_ones_is_there():
    """A file that is renamed or split does not fall out of the list unseen."""
    assert not [name for name in PURE if not (GATEWAY / name).is_file()]


def test_pure_files_import_neither_flask_nor_sqlalchemy():
    """Judgement runs without a server and without a database."""
    pure = PURE | {str(path.relative_to(GATEWAY)) for path in sources(GATEWAY) if says_it_is_pure(path)}
    offences = [
        f"{name}:{line} imports {module}"
        for name in sorted(pure)
        for line, module in imported(GATEWAY / name)
        if module.split(".")[0] in ("flask", "sqlalchemy", "redis", "requests", "psycopg")
    ]
    assert not offences


def test_core_knows_no_business_word():
    """The plumbing could serve another product."""
    offences = []
    for path in sources(GATEWAY / "core"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "attr", None)
            if isinstance(name, str) and any(word in name.lower() for word in BUSINESS):
                offences.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert not offences


def test_files_and_functions_stay_small():
    """A file over 400 lines or a function over 50 is split."""
    offences = []
    for path in [*sources(GATEWAY), *sources(ROOT / "connectors")]:
        text = path.read_text()
        if (lines := text.count("\n")) > 400:
            offences.append(f"{path.relative_to(ROOT)} has {lines} lines")
        offences += [
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name} is over 50 lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 50
        ]
    assert not offences
