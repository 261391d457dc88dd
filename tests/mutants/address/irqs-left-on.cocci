@@
symbol pas, flags;
@@
 page_address(...)
 {
	<...
(
-	spin_lock_irqsave(&pas->lock, flags);
+	spin_lock(&pas->lock);
|
-	spin_unlock_irqrestore(&pas->lock, flags);
+	spin_unlock(&pas->lock);
)
	...>
 }
