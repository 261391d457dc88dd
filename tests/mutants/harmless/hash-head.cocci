@@
symbol pam, pas;
@@
 set_page_address(...)
 {
	<...
-	list_add_tail(
+	list_add(
		&pam->list, &pas->lh)
	...>
 }
