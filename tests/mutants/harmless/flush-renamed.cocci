@@
@@
-flush_all_zero_pkmaps
+drop_stale_pkmaps
 (...)
 { ... }

@@
@@
-flush_all_zero_pkmaps
+drop_stale_pkmaps
 (...)
