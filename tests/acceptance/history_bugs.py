"""Concurrency bugs for stock kernels, which concurrent histories must find."""

from tests.acceptance.patched import Bug, Edit, Reorder

NO_WAKE = Bug(
    "no wake-up of waiters (P20)", (Edit("kunmap_high", "83 fa 01 75 ??", "83 fa 01 eb ??"),)
)

LATE_QUEUE = Bug(
    "a waiter that queues up after it has dropped the lock (P23)",
    (
        Reorder(
            "kmap_high",
            (
                "8d 55 dc",  # lea wait, %edx
                "b8 ?? ?? ?? ??",  # mov $pkmap_map_wait, %eax
                "c7 45 e8 00 00 00 00 c7 45 ec 00 00 00 00"
                " c7 46 10 02 00 00 00 89 75 e0 c7 45 e4 ?? ?? ?? ??",
                "e8 ?? ?? ?? ??",  # call add_wait_queue
                "b8 ?? ?? ?? ??",  # mov $kmap_lock, %eax
                "e8 ?? ?? ?? ??",  # call _raw_spin_unlock
            ),
            (2, 4, 5, 0, 1, 3),
        ),
    ),
)

NO_RECHECK = Bug(
    "no look at page_address after a sleep (P25)",
    (
        Edit(
            "kmap_high",
            "85 c0 0f 85 ?? ?? ?? ?? b8 00 02 00 00",
            "85 c0 66 0f 1f 44 00 00 b8 00 02 00 00",
        ),
    ),
)

NO_FLUSH = Bug(
    "no TLB flush of pkmaps (P6)",
    (Edit("flush_all_zero_pkmaps", "85 c0 75 ?? 83 c4 08", "85 c0 66 90 83 c4 08"),),
)

_LOCK = "b8 ?? ?? ?? ??"
_CALL = "e8 ?? ?? ?? ??"
_NO_CALL = "0f 1f 44 00 00"
_KEPT = "?? ?? ?? ?? ??"

IRQS_ON = Bug(
    "page_address takes its lock with interrupts on",
    (
        Edit("page_address", f"89 f8 {_CALL} 8b 55 ec", "89 f8 e8 @_raw_spin_lock 8b 55 ec"),
        Edit("page_address", f"{_CALL} 83 c4 08 89 f0", "e8 @_raw_spin_unlock 83 c4 08 89 f0"),
        Edit("page_address", f"31 f6 {_CALL} eb e5", "31 f6 e8 @_raw_spin_unlock eb e5"),
    ),
)

LOCKLESS = Bug(
    "a kunmap without the lock, which loses a wake-up",
    (
        Edit("kunmap_high", f"89 c3 {_LOCK} {_CALL}", f"89 c3 {_KEPT} {_NO_CALL}"),
        Edit("kunmap_high", f"{_LOCK} {_CALL} 81 fb", f"{_KEPT} {_NO_CALL} 81 fb"),
        Edit("kunmap_high", f"90 {_LOCK} {_CALL} 8b", f"90 {_KEPT} {_NO_CALL} 8b"),
    ),
)

NO_SWITCH_IN = Bug(
    "a task that comes back to its CPU does not get its windows back",
    (Edit("__kmap_local_sched_in", f"{_CALL} 55 89 e5", f"{_KEPT} c3 89 e5"),),
)
