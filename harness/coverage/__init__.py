"""What of the code under judgement was executed: counts of gcov kernels, and the report of them.

``counts`` fetches the counts from a guest before it ends, ``lines`` has gcovr make a report of them and puts
beside it what no run can reach, with the reason (``unreachable.toml``).
"""
