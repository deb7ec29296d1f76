"""Mutations: small changes of a module, each of which a test should notice.

Left out is what no test can tell or should pin: annotations, docstrings and sentences, decorators, `assert`,
and `strict=` of `zip`, which guard against states that do not occur.
"""

import ast
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
NAMES: Final = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "ROUND_HALF_EVEN": "ROUND_HALF_UP",
    "ROUND_FLOOR": "ROUND_CEILING",
    "ROUND_CEILING": "ROUND_FLOOR",
}
"""Functions and roundings that are mistaken for each other."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one module."""

    path: Path
    kind: str
    start: int
    end: int
    """The bytes of the source that are replaced."""
    replacement: str
    line: int
    statement: range
    """The lines of the statement, without the statements that it holds."""
    within: tuple[str, int] | None
    """Name and first line of the function whose body it is in; None for what runs at import."""
    before: str
    after: str

    @property
    def name(self) -> str:
        """What is changed, whatever line it is in."""
        return f"{self.path.relative_to(ROOT).as_posix()} `{self.before}` -> `{self.after}`"

    def source(self) -> str:
        """The module with the change."""
        raw = self.path.read_bytes()
        return (raw[: self.start] + self.replacement.encode() + raw[self.end :]).decode()


def drawn(paths: Iterable[Path], seed: int, count: int) -> list[Mutation]:
    """So many mutations, spread evenly over the lines of all modules.

    The order is that of hashes, so that a change elsewhere draws hardly any others. Each line gives one
    mutation before a line gives a second.
    """
    by_line: dict[tuple[Path, int], list[tuple[bytes, Mutation]]] = defaultdict(list)
    for path in paths:
        times: Counter[str] = Counter()
        for mutation in mutations(path):
            times[mutation.name] += 1
            key = f"{seed} {mutation.name} {times[mutation.name]}".encode()
            by_line[path, mutation.line].append((hashlib.blake2b(key, digest_size=8).digest(), mutation))
    ranked = [
        (turn, rank, mutation)
        for found in by_line.values()
        for turn, (rank, mutation) in enumerate(sorted(found, key=lambda pair: pair[0]))
    ]
    return [mutation for _, _, mutation in sorted(ranked, key=lambda one: one[:2])[:count]]


def mutations(path: Path) -> Iterator[Mutation]:
    """Every mutation of a module, in the order of its source."""
    raw = path.read_bytes()
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def offset(line: int | None, column: int | None) -> int:
        assert line is not None
        assert column is not None
        return starts[line - 1] + column

    for statement, within in _statements(ast.parse(raw).body, None, ""):
        for node, kind, replacement in _changes(statement):
            start = offset(node.lineno, node.col_offset)
            end = offset(node.end_lineno, node.end_col_offset)
            first, last = node.lineno, node.end_lineno or node.lineno
            piece_start, piece_end = starts[first - 1], starts[last]
            before = " ".join(raw[piece_start:piece_end].decode().split())
            changed = raw[piece_start:start] + replacement.encode() + raw[end:piece_end]
            after = " ".join(changed.decode().split())
            if before != after:
                lines = _header(statement)
                yield Mutation(path, kind, start, end, replacement, first, lines, within, before, after)


def _header(statement: ast.stmt) -> range:
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not body:
        return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    first = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
    return range(statement.lineno, max(first, statement.lineno + 1))


Within = tuple[str, int] | None


def _statements(body: Iterable[ast.stmt], within: Within, prefix: str) -> Iterator[tuple[ast.stmt, Within]]:
    """Each statement, and the outermost function whose body it is in."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{statement.name}"
            line = min([statement.lineno, *(one.lineno for one in statement.decorator_list)])
            yield from _statements(statement.body, within or (name, line), f"{name}.<locals>.")
        elif isinstance(statement, ast.ClassDef):
            yield from _statements(statement.body, within, f"{prefix}{statement.name}.")
        elif not _is_left_out(statement):
            yield statement, within
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, part, []), within, prefix)
            for inner in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
                yield from _statements(inner.body, within, prefix)


def _is_left_out(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(ast.Constant()) | ast.Assert() | ast.Import() | ast.ImportFrom() | ast.Pass():
            return True
        case ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.Assign([ast.Name(name)]) if name[:1].isupper() and name != name.upper():
            return True  # an alias of types
    return False


Change = tuple[ast.expr | ast.stmt, str, str]


def _changes(statement: ast.stmt) -> Iterator[Change]:
    match statement:
        case ast.Expr(ast.Call()) | ast.Raise() | ast.Delete():
            yield statement, "statement removed", "pass"
        case ast.AugAssign(target, op, value):
            if (other := ARITHMETIC.get(type(op))) is not None:
                changed = ast.AugAssign(target, other(), value)
                yield statement, "arithmetic", ast.unparse(changed)
            yield statement, "statement removed", "pass"
        case ast.Continue():
            yield statement, "statement removed", "break"
        case ast.Break():
            yield statement, "statement removed", "continue"
        case ast.Return(value) if value is not None and not _is_none(value):
            yield value, "return value", "None"
    for expression in _expressions(statement):
        for node in _walk(expression):
            yield from _expression_changes(node)
    if isinstance(statement, ast.If | ast.While):
        yield statement.test, "boolean", f"(not ({ast.unparse(statement.test)}))"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement without annotations and without the statements that it holds."""
    for name, value in ast.iter_fields(statement):
        if name in {"annotation", "body", "orelse", "finalbody", "handlers", "target", "targets"}:
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.expr):
                yield part
            elif isinstance(part, ast.withitem):
                yield part.context_expr
            elif isinstance(part, ast.match_case) and part.guard is not None:
                yield part.guard


def _walk(node: ast.expr) -> Iterator[ast.expr]:
    """An expression and its parts, without text in braces, whose place Python 3.11 does not know."""
    if isinstance(node, ast.JoinedStr):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _walk(child)
        elif isinstance(child, ast.keyword) and child.arg != "strict":
            yield from _walk(child.value)
        elif isinstance(child, ast.comprehension):
            for part in (child.iter, *child.ifs):
                yield from _walk(part)


def _expression_changes(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.Compare(left, [op, *ops], operands):
            changed = ast.Compare(left, [COMPARISONS[type(op)](), *ops], operands)
            yield node, "comparison", f"({ast.unparse(changed)})"
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC:
            yield node, "arithmetic", f"({ast.unparse(ast.BinOp(left, ARITHMETIC[type(op)](), right))})"
        case ast.Constant():
            yield from ((node, "constant", repr(value)) for value in _other_constants(node.value))
        case ast.Name(name) | ast.Attribute(attr=name) if name in NAMES:
            yield node, "name", ast.unparse(node).removesuffix(name) + NAMES[name]
        case ast.Call():
            yield from _call_changes(node)
        case _:
            yield from ((part, "boolean", f"({ast.unparse(other)})") for part, other in _truths(node))


def _truths(node: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.BoolOp(op, values):
            yield node, ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for index in range(len(values)):
                rest = [*values[:index], *values[index + 1 :]]
                yield node, rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield node, operand
        case ast.IfExp(test, body, otherwise):
            yield node, ast.IfExp(test, otherwise, body)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for generator in node.generators:
                yield from ((condition, ast.UnaryOp(ast.Not(), condition)) for condition in generator.ifs)


def _other_constants(value: object) -> Iterator[object]:
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            if value > 1:
                yield value - 1
        case str() if " " not in value and "\n" not in value:
            yield f"{value}_" if value else "_"


def _call_changes(node: ast.Call) -> Iterator[Change]:
    match node:
        case ast.Call(function, [first, second, *rest], keywords) if not any(
            isinstance(argument, ast.Starred) for argument in (first, second)
        ):
            swapped = ast.Call(function, [second, first, *rest], keywords)
            yield node, "arguments swapped", ast.unparse(swapped)
        case ast.Call(ast.Name(name), [argument], []) if name[0].islower() and not isinstance(
            argument, ast.Starred | ast.GeneratorExp
        ):
            yield node, "call removed", f"({ast.unparse(argument)})"
        case ast.Call(ast.Attribute(receiver, _), [], []):
            yield node, "call removed", f"({ast.unparse(receiver)})"
