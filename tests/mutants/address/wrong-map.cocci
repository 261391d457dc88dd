@@
symbol pam;
@@
 set_page_address(...)
 {
	<...
-	pam->virtual = virtual;
+	pam->virtual = virtual + PAGE_SIZE;
	...>
 }
