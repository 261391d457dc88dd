"""Shows which lines of mm/highmem.c and its relatives a run executed, with gcov kernels.

``gcov_counts`` fetches the counts from a guest before it ends.  ``line_coverage`` makes the report
with gcovr, and marks the lines that no run can reach with the reason (``unreachable.toml``).
"""
