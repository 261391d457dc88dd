"""The words of the language: operations, pages, protections.

``harness/model/records/operation.py`` has the word of each operation and what it takes.  The
names are the kernel's (include/linux/highmem.h, highmem-internal.h, 5.10 to 7.3),
so that a scenario reads like the code it is about.
"""

from typing import Final

from harness.model.records.helper import HELPER_OF_WORD
from harness.model.records.interrupt import InterruptContext, Trigger
from harness.model.records.operation import OPERATIONS, OpCode, Prot
from harness.model.records.page import PageKind

KIND_OF_WORD: Final = {
    **{kind.word: kind for code, kind in OPERATIONS.items() if code is not OpCode.HELPER},
    **dict.fromkeys(HELPER_OF_WORD, OPERATIONS[OpCode.HELPER]),
}
"""The operation of each word of a scenario; the page helpers are one, with a word for each."""

PROTS: Final = {
    "rw": Prot.KERNEL,
    "ro": Prot.RO,
    "nocache": Prot.NOCACHE,
    "wc": Prot.WC,
    "exec": Prot.EXEC,
    "device": Prot.DEVICE,
}
PROT_NAMES: Final = {prot: name for name, prot in PROTS.items()}

TRIGGERS: Final = {trigger.name.lower(): trigger for trigger in Trigger}
CONTEXTS: Final = {where.name.lower(): where for where in InterruptContext}

PAGE_KINDS: Final = {
    "high": PageKind.HIGH,
    "low": PageKind.LOW,
    "colliding": PageKind.COLLIDING,
    "above4g": PageKind.ABOVE_4G,
    "folio": PageKind.FOLIO,
}
PAGE_KIND_NAMES: Final = {kind: name for name, kind in PAGE_KINDS.items()}
PAGE_LETTERS: Final = {
    "h": PageKind.HIGH,
    "l": PageKind.LOW,
    "c": PageKind.COLLIDING,
    "x": PageKind.ABOVE_4G,
    "f": PageKind.FOLIO,
}
LETTER_OF_KIND: Final = {kind: letter for letter, kind in PAGE_LETTERS.items()}
