"""Small trees that look like a kernel's source."""

import subprocess

FILES = {
    "Makefile": "VERSION = 6\n",
    "Kconfig": "\n",
    "arch/x86/Makefile": "\n",
    "mm/highmem.c": "one\ntwo\nthree\n",
    "kernel": "good\n",
}


def plain_tree(folder):
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def git(folder, *words):
    settings = (
        "-c",
        "user.name=Dev",
        "-c",
        "user.email=dev@example.org",
        "-c",
        "commit.gpgsign=false",
    )
    done = subprocess.run(
        ["git", *settings, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder, subject, **files):
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


def git_tree(folder):
    plain_tree(folder)
    git(folder, "init", "-q")
    commit(folder, "base")
    return folder


def diff(old, new, name="kernel"):
    return f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-{old}\n+{new}\n"


def mail(subject, body, message_id, who="Dev <dev@example.org>"):
    head = f"Date: Sun, 22 Nov 2026 12:00:00 +0000\nSubject: {subject}\nMessage-ID: <{message_id}>"
    start = f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nFrom: {who}"
    return f"{start}\n{head}\n\nBecause.\n---\n{body}\n-- \n2.39\n\n"
