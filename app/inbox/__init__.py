"""The inbox: what people are asked, the most urgent first."""
