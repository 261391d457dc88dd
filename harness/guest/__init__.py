"""One running guest: image, QEMU, console, wire, and the outside view of its memory."""
