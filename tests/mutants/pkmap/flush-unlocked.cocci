@@
identifier f =~ "^(__)?kmap_flush_unused$";
@@
 f(...)
 {
-	lock_kmap();
	flush_all_zero_pkmaps();
-	unlock_kmap();
 }
