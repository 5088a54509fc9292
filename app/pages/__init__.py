"""What all pages share: drawing templates, words for people, things said once, error pages."""
