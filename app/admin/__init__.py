"""Administration on the machine itself: commands, through a running server where there is one."""
