@@
symbol pam;
@@
 set_page_address(...)
 {
	<...
-	list_del(&pam->list);
	...>
 }
