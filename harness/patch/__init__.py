"""Reads patches from mails, series and files, and applies them in scratch trees."""
