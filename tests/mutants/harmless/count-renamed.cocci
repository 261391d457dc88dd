@@
symbol pkmap_count;
expression E;
@@
-pkmap_count[E]
+pkmap_users[E]

@@
typedef pte_t;
declarer name DEFINE_SPINLOCK;
expression N;
@@
-static int pkmap_count[N];
+static int pkmap_users[N];
