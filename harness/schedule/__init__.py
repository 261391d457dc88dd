"""Every schedule of small programs: gates, the search in the guest, and its judgement."""
