@@
symbol page, pam;
@@
 page_address(...)
 {
	<...
-	pam->page == page
+	pam->page
	...>
 }
