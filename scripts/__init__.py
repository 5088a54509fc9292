"""Small programs for those who work on Waitpoint; nothing here is part of the product."""
