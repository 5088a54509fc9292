"""Files that people and programs send along with an answer, kept until nobody needs them."""
