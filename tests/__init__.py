"""Claims about Waitpoint; the folders mirror `app/` and `waitpoint/`."""
