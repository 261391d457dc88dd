"""A signal that ended a run, with what had been judged by then."""

from dataclasses import replace

from harness.base.signals import EndedBySignal
from harness.run.run_result import RunResult


class RunEnded(EndedBySignal):
    """Raised through everything that would begin more work; reports are made of ``result``."""

    def __init__(self, ended: EndedBySignal, result: RunResult) -> None:
        super().__init__(ended.number)
        self.result = replace(result, error=result.error or str(ended))
