"""What can be broken in a file: one small replacement of text each."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One replacement.

    Attributes:
        path: Of the file, from the root of the repository.
        line: Where it begins, from 1.
        start: Offset in the file's bytes.
        end: Offset of the first byte after it.
        old: What stands there.
        new: What is put there.
    """

    path: str
    line: int
    start: int
    end: int
    old: str
    new: str

    def apply(self, content: bytes) -> bytes:
        """Return the file's content with the replacement in it."""
        return content[: self.start] + self.new.encode() + content[self.end :]

    def __str__(self) -> str:
        old, new = (re.sub(r"\s+", " ", text)[:60] for text in (self.old, self.new))
        return f"{self.path}:{self.line}  {old}  ->  {new or '(nothing)'}"


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """List what can be broken in a file, from its beginning to its end."""
    content = (root / path).read_bytes()
    found = _Python(path, content).found() if path.endswith(".py") else _shell(path, content)
    return sorted(set(found), key=lambda mutant: (mutant.start, mutant.end, mutant.new))


COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
ARITHMETIC: Final[dict[type[ast.operator], str]] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
}
SAID_TO_PEOPLE: Final = frozenset(
    {"debug", "info", "warning", "error", "exception", "echo", "Field", "field", "fail"}
    | {"option", "argument", "command", "group", "write", "TypeVar", "NewType", "cast", "getLogger"}
)
"""Calls whose texts are sentences; another wording breaks nothing."""
SENTENCE: Final = 3
"""Spaces that make a text one."""


class _Python:
    def __init__(self, path: str, content: bytes) -> None:
        self._path = path
        self._content = content
        self._starts = [0]
        for line in content.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def found(self) -> Iterator[Mutant]:
        """Yield every mutant."""
        yield from self._below(ast.parse(self._content))

    def _below(self, node: ast.AST) -> Iterator[Mutant]:
        if _is_out_of_bounds(node):
            return
        yield from self._of(node)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "type_params"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _is_a_label(node, child):
                    yield from self._below(child)

    def _of(self, node: ast.AST) -> Iterator[Mutant]:  # noqa: C901, PLR0912 - a table, a line each
        match node:
            case ast.Compare(ops=[op], left=left, comparators=[right]) if type(op) in COMPARISONS:
                yield self._between(left, right, COMPARISONS[type(op)])
            case ast.BinOp(op=op, left=left, right=right) if type(op) in ARITHMETIC:
                if not isinstance(left, ast.Constant | ast.JoinedStr) or not _is_text(left):
                    yield self._between(left, right, ARITHMETIC[type(op)])
            case ast.BoolOp(op=op, values=[first, second, *_]):
                yield self._between(first, second, "or" if isinstance(op, ast.And) else "and")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._instead(node, self._text(operand))
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield self._instead(test, f"(not ({self._text(test)}))")
            case ast.Return(value=ast.expr() as value) if not _is_none(value):
                yield self._instead(value, "None")
            case ast.Constant(value=bool() as value):
                yield self._instead(node, str(not value))
            case ast.Constant(value=int() | float() as value):
                yield self._instead(node, repr(value + 1))
            case ast.Constant(value=str() as value) if value.count(" ") < SENTENCE:
                yield self._instead(node, repr(f"XX{value}"))
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise():
                yield self._instead(node, "pass")
            case ast.Break():
                yield self._instead(node, "continue")
            case ast.Continue():
                yield self._instead(node, "break")
            case ast.Call(keywords=keywords, args=args):
                for keyword in keywords:
                    if (
                        keyword.arg
                        and not _is_a_label(node, keyword)
                        and len(args) + len(keywords) > 1
                    ):
                        yield self._without(keyword)

    def _without(self, keyword: ast.keyword) -> Mutant:
        start, end = self._span(keyword)
        after = re.match(rb"\s*,\s*", self._content[end:])
        before = re.search(rb",\s*$", self._content[:start])
        if after:
            return self._mutant(start, end + after.end(), "")
        return self._mutant(before.start() if before else start, end, "")

    def _between(self, left: ast.expr, right: ast.expr, new: str) -> Mutant:
        """Put another operator between two operands, whatever parentheses stand about them."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = self._content[start:end].decode()
        operator = re.search(r"not\s+in|is\s+not|[a-z]+|[^\s\w()#\\]+", gap)
        assert operator is not None, gap
        return self._mutant(start + operator.start(), start + operator.end(), new)

    def _instead(self, node: ast.expr | ast.stmt, new: str) -> Mutant:
        return self._mutant(*self._span(node), new)

    def _mutant(self, start: int, end: int, new: str) -> Mutant:
        return Mutant(
            path=self._path,
            line=self._content.count(b"\n", 0, start) + 1,
            start=start,
            end=end,
            old=self._content[start:end].decode(),
            new=new,
        )

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._content[start:end].decode()


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str | bytes)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_a_label(node: ast.AST, part: ast.AST) -> bool:
    """Say whether a part of a call names a task or thread, for those who look at a running one."""
    match node, part:
        case (
            ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)),
            ast.keyword(arg="name"),
        ):
            return called in {"create_task", "Thread"}
    return False


def _is_out_of_bounds(node: ast.AST) -> bool:
    """Say whether nothing below can be noticed, or need be: docstrings, sentences, types."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("__"):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Assert():
            return True
        case ast.Raise(exc=ast.Call()):
            return False
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return (
                name == "dataclass"
                or name in SAID_TO_PEOPLE
                or name.endswith(("Error", "Exception"))
            )
    return False


SHELL: Final = (
    (r"(?<= )-eq(?= )", "-ne"),
    (r"(?<= )-ne(?= )", "-eq"),
    (r"(?<= )-lt(?= )", "-ge"),
    (r"(?<= )-ge(?= )", "-lt"),
    (r"(?<= )-gt(?= )", "-le"),
    (r"(?<= )-le(?= )", "-gt"),
    (r"(?<= )-z(?= )", "-n"),
    (r"(?<= )-n(?= \")", "-z"),
    (r"(?<= )==(?= )", "!="),
    (r"(?<= )!=(?= )", "=="),
    (r"(?<= )&&(?= )", "||"),
    (r"(?<= )\|\|(?= )", "&&"),
    (r"(?<=\bif )(?=[^!])", "! "),
    (r"(?<=\bwhile )(?=[^!])", "! "),
    (r"(?<=\buntil )(?=[^!])", "! "),
    (r"(?<=[ =])--?(max-time|connect-timeout|retry|timeout|retry-delay)[ =]\S+ ?", ""),
    (r"\btimeout (-k \S+ )?\S+ ", ""),
    (r"(?<=\breturn )\d+", "7"),
    (r"(?<=\bexit )\d+", "7"),
    (r"(?<=[=( ])\d+(?=[ );]|$)", "99991"),
)


def _shell(path: str, content: bytes) -> Iterator[Mutant]:
    start = 0
    for number, raw in enumerate(content.splitlines(keepends=True), start=1):
        line = raw.decode()
        code = re.sub(r"(^|\s)#.*", "", line.rstrip("\n"))
        # How often is how many words; which ones is only said.
        code = re.sub(r"(?<=\bin)( \d+)+(?=;)", lambda words: "_" * len(words[0]), code)
        found = [
            (match.start(), match.end(), new)
            for pattern, new in SHELL
            for match in re.finditer(pattern, code)
        ]
        # A line that is a whole command, and no part of a longer one.
        if re.match(r"\s*[a-z_][\w.-]*( |$)(?!.*(\\|\||&&|\{|\()$)", code) and not re.match(
            r"\s*(if|then|else|elif|fi|for|do|done|while|until|case|esac|local|set|function|in)\b",
            code,
        ):
            indent = len(code) - len(code.lstrip())
            found.append((indent, len(code), ":"))
        for begin, end, new in found:
            first, last = (start + len(line[:at].encode()) for at in (begin, end))
            yield Mutant(
                path=path, line=number, start=first, end=last, old=line[begin:end] or code, new=new
            )
        start += len(raw)
