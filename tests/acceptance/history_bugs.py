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
