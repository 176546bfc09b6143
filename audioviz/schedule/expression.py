"""Formulas from untrusted strings, computed by walking their syntax tree: nothing in a string is ever run as Python."""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import pairwise

import numpy as np

from audioviz.errors import ScheduleError, nearest

MAX_LENGTH = 1000
Value = np.ndarray | np.float64  # one for each frame, or one for all


def evaluate(text: str, names: Mapping[str, Value]) -> Value:
    """The value of a formula.

    Parameters
    ----------
    text : str, at most 1000 characters
    names : name -> float, shape (T,) or ()

    Returns
    -------
    float, shape (T,) or ()

    Raises
    ------
    ScheduleError
        If the formula is too long, is not arithmetic on those names, or its value is not finite.
    """
    if not isinstance(text, str):
        raise ScheduleError(f"expression {text!r:.60}: expected text, such as '0.3 + 0.4 * low'")
    if len(text) > MAX_LENGTH:
        raise ScheduleError(f"expression of {len(text)} characters: expected at most {MAX_LENGTH}")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of what Python would say of odd syntax
            tree = ast.parse(text.strip(), mode="eval")
            value = _value(tree.body, names)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise ScheduleError(f"expression {text!r}: not a formula") from error
    except _Unknown as error:
        raise ScheduleError(f"expression {text!r}: {error}") from error
    if not np.isfinite(value).all():
        raise ScheduleError(f"expression {text!r}: its value is not finite in every frame")
    return value


class _Unknown(Exception):
    """A part of a formula that is not allowed."""


def _value(node: ast.expr, names: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=bool() | int() | float() as number):
            return np.float64(number)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Name(id=name) if name in CONSTANTS:
            return np.float64(CONSTANTS[name])
        case ast.Name(id=name):
            known = [*names, *CONSTANTS]
            raise _Unknown(f"unknown name {name!r}{nearest(name, known)}: use {', '.join(known)}")
        case ast.Attribute(value=ast.Name(id=stem), attr=name) if f"{stem}.{name}" in names:
            return names[f"{stem}.{name}"]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return UNARY[type(op)](_value(operand, names))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.BoolOp(op=op, values=parts):
            return reduce(BINARY[LOGIC[type(op)]], (_value(part, names) for part in parts))
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in COMPARE for op in ops):
            values = [_value(part, names) for part in (left, *others)]
            results = (COMPARE[type(op)](*operands) for op, operands in zip(ops, pairwise(values)))
            return reduce(np.logical_and, results).astype(float)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return np.where(*(_value(part, names) for part in (test, body, orelse)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            count, function = FUNCTIONS[name]
            if len(args) != count:
                raise _Unknown(f"{name} takes {count} values, not {len(args)}")
            return function(*(_value(arg, names) for arg in args))
        case ast.Call(func=ast.Name(id=name)) if name not in FUNCTIONS:
            raise _Unknown(f"unknown function {name!r}{nearest(name, FUNCTIONS)}: use {', '.join(FUNCTIONS)}")
    raise _Unknown(f"{ast.unparse(node)!r} is not arithmetic")


def _truth(function: Callable) -> Callable:
    """The function with 1 for true and 0 for false."""
    return lambda *values: function(*values).astype(float)


CONSTANTS = {"pi": np.pi, "e": np.e}
UNARY: dict[type, Callable] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: _truth(np.logical_not),
    ast.Invert: _truth(np.logical_not),
}
BINARY: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
    ast.FloorDiv: np.floor_divide,
    ast.BitAnd: _truth(np.logical_and),
    ast.BitOr: _truth(np.logical_or),
}
LOGIC = {ast.And: ast.BitAnd, ast.Or: ast.BitOr}
COMPARE: dict[type, Callable] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
FUNCTIONS: dict[str, tuple[int, Callable]] = {
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tan": (1, np.tan),
    "tanh": (1, np.tanh),
    "exp": (1, np.exp),
    "sinh": (1, np.sinh),
    "cosh": (1, np.cosh),
    "arcsin": (1, np.arcsin),
    "arccos": (1, np.arccos),
    "arctan": (1, np.arctan),
    "arctan2": (2, np.arctan2),
    "arcsinh": (1, np.arcsinh),
    "arccosh": (1, np.arccosh),
    "arctanh": (1, np.arctanh),
    "expm1": (1, np.expm1),
    "log1p": (1, np.log1p),
    "log10": (1, np.log10),
    "log": (1, np.log),
    "sqrt": (1, np.sqrt),
    "abs": (1, np.abs),
    "floor": (1, np.floor),
    "ceil": (1, np.ceil),
    "round": (1, np.round),
    "trunc": (1, np.trunc),
    "sign": (1, np.sign),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
    "clip": (3, np.clip),
    "where": (3, np.where),
}
