"""What a person sees of a token: the request, and how it is answered."""
