"""The boot: what a kernel that is up has made of the machine's memory and of its addresses."""
