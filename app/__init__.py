"""The Waitpoint server. In a wheel this package is called `waitpoint.server`."""
