"""The small language in which requests filter and score securities.

    market_cap_usd >= 300 and country in ('US', 'DE')
    0.6 * semantic + 0.2 * exposure + 0.2 * clip(momentum_12m, 0, 1)

`parse` turns a text into a tree of frozen nodes, `evaluate` gives the value of
a tree for one security. A missing value (None or NaN) makes arithmetic
missing and every comparison false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'[^']*')|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<symbol><=|>=|==|!=|[-+*/(),<>]))"
)
COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
KEYWORDS = ("and", "or", "not", "in")


class ExpressionError(ValueError):
    """The text is not an expression, or it names something that is not there."""


@dataclass(frozen=True)
class Literal:
    """A number or a quoted text."""

    value: float | str


@dataclass(frozen=True)
class Field:
    """The value that a security has under a name."""

    name: str


@dataclass(frozen=True)
class Arithmetic:
    """`left operator right`, with one of + - * /."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Comparison:
    """`left operator right`, with one of the comparison signs."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Membership:
    """`operand in ('a', 'b')`."""

    operand: Node
    options: tuple[float | str, ...]


@dataclass(frozen=True)
class Logical:
    """`left and right`, `left or right`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Negation:
    """`not operand`."""

    operand: Node


@dataclass(frozen=True)
class Call:
    """A function of its arguments, such as `clip(momentum_12m, 0, 1)`."""

    function: str
    arguments: tuple[Node, ...]


Node = Literal | Field | Arithmetic | Comparison | Membership | Logical | Negation | Call


def parse(source: str) -> Node:
    """The tree of an expression."""
    return _Parser(source).whole()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in reading order."""
    yield node
    if isinstance(node, (Arithmetic, Comparison, Logical)):
        yield from walk(node.left)
        yield from walk(node.right)
    elif isinstance(node, (Membership, Negation)):
        yield from walk(node.operand)
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from walk(argument)


def is_missing(value: Any) -> bool:
    """True for None and NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def column_name(call: Call) -> str:
    """The column in which a column function leaves its result: `zscore(beta)`."""
    names = [argument.name for argument in call.arguments if isinstance(argument, Field)]
    return f"{call.function}({', '.join(names)})"


def evaluate(node: Node, security: Mapping[str, Any]) -> Any:
    """The value of the expression for one security."""
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Field):
        if node.name not in security:
            raise ExpressionError(f"no field is called {node.name!r}")
        return security[node.name]
    if isinstance(node, Arithmetic):
        return _arithmetic(node, evaluate(node.left, security), evaluate(node.right, security))
    if isinstance(node, Comparison):
        return _comparison(node, evaluate(node.left, security), evaluate(node.right, security))
    if isinstance(node, Membership):
        return evaluate(node.operand, security) in node.options
    if isinstance(node, Logical):
        left = bool(evaluate(node.left, security))
        if node.operator == "and":
            return left and bool(evaluate(node.right, security))
        return left or bool(evaluate(node.right, security))
    if isinstance(node, Negation):
        return not evaluate(node.operand, security)
    return _call(node, security)


def _arithmetic(node: Arithmetic, left: Any, right: Any) -> float | None:
    if is_missing(left) or is_missing(right):
        return None
    if node.operator == "+":
        return left + right
    if node.operator == "-":
        return left - right
    if node.operator == "*":
        return left * right
    return left / right if right else None


def _comparison(node: Comparison, left: Any, right: Any) -> bool:
    if is_missing(left) or is_missing(right):
        return False
    if node.operator == "<":
        return left < right
    if node.operator == "<=":
        return left <= right
    if node.operator == ">":
        return left > right
    if node.operator == ">=":
        return left >= right
    if node.operator == "==":
        return left == right
    return left != right


def _call(node: Call, security: Mapping[str, Any]) -> Any:
    prepared = column_name(node)
    if prepared in security:
        return security[prepared]
    values = [evaluate(argument, security) for argument in node.arguments]
    if any(is_missing(value) for value in values):
        return None
    if node.function == "abs":
        return abs(values[0])
    if node.function == "min":
        return min(values)
    if node.function == "max":
        return max(values)
    if node.function == "clip":
        value, low, high = values
        return min(max(value, low), high)
    if node.function == "log":
        return math.log(values[0]) if values[0] > 0 else None
    raise ExpressionError(f"no function is called {node.function!r}")


class _Parser:
    """Recursive descent, one method a level of precedence, weakest first."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(_tokens(source))
        self.position = 0

    def whole(self) -> Node:
        node = self.disjunction()
        if self.position < len(self.tokens):
            raise ExpressionError(f"unexpected {self.peek()!r} in {self.source!r}")
        return node

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if token == "" or (wanted and token not in wanted):
            raise ExpressionError(f"unexpected {token or 'end'!r} in {self.source!r}")
        self.position += 1
        return token

    def disjunction(self) -> Node:
        node = self.conjunction()
        while self.peek() == "or":
            self.take()
            node = Logical("or", node, self.conjunction())
        return node

    def conjunction(self) -> Node:
        node = self.condition()
        while self.peek() == "and":
            self.take()
            node = Logical("and", node, self.condition())
        return node

    def condition(self) -> Node:
        if self.peek() == "not":
            self.take()
            return Negation(self.condition())
        node = self.total()
        if self.peek() in COMPARISONS:
            return Comparison(self.take(), node, self.total())
        if self.peek() == "in":
            self.take()
            return Membership(node, self.options())
        return node

    def options(self) -> tuple[float | str, ...]:
        self.take("(")
        options = [_literal(self.take())]
        while self.take(",", ")") == ",":
            options.append(_literal(self.take()))
        return tuple(option.value for option in options)

    def total(self) -> Node:
        node = self.product()
        while self.peek() in ("+", "-"):
            node = Arithmetic(self.take(), node, self.product())
        return node

    def product(self) -> Node:
        node = self.operand()
        while self.peek() in ("*", "/"):
            node = Arithmetic(self.take(), node, self.operand())
        return node

    def operand(self) -> Node:
        token = self.take()
        if token == "(":
            node = self.disjunction()
            self.take(")")
            return node
        if token == "-":
            return Arithmetic("-", Literal(0.0), self.operand())
        if not (token[0].isalpha() or token[0] == "_"):
            return _literal(token)
        if token in KEYWORDS:
            raise ExpressionError(f"unexpected {token!r} in {self.source!r}")
        if self.peek() != "(":
            return Field(token)
        self.take("(")
        arguments = [self.disjunction()]
        while self.take(",", ")") == ",":
            arguments.append(self.disjunction())
        return Call(token, tuple(arguments))


def _tokens(source: str) -> Iterator[str]:
    position, end = 0, len(source.rstrip())
    while position < end:
        match = TOKEN.match(source, position)
        if match is None:
            raise ExpressionError(f"cannot read {source[position:]!r}")
        yield match.group(match.lastgroup or 0)
        position = match.end()


def _literal(token: str) -> Literal:
    if token.startswith("'"):
        return Literal(token[1:-1])
    try:
        return Literal(float(token))
    except ValueError:
        raise ExpressionError(f"expected a value, found {token!r}") from None
