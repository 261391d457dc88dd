@@
symbol pkmap_count, nr;
@@
 kunmap_high(...)
 {
	...
	switch (--pkmap_count[nr]) {
	case 0:
		BUG();
+	case 2:
	case 1:
	...
	}
	...
 }
