@@
@@
 map_new_virtual(...)
 {
	<...
-	TASK_UNINTERRUPTIBLE
+	TASK_INTERRUPTIBLE
	...>
 }
