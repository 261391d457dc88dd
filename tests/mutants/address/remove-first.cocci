@@
symbol page, pam;
@@
 set_page_address(...)
 {
	...
	if (virtual) { ... }
	else {
	<...
-	pam->page == page
+	pam->page
	...>
	}
	...
 }
