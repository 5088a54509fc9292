"""Durable tasks: functions that wait for weeks, survive crashes, and run no recorded step twice.

`branches` numbers the calls, `journal` remembers what they gave, `execution` runs a task over a journal and parks
it while it waits. All of it speaks to the outside through one small protocol, the `Engine`: a worker's connection to
a server, or the memory of `waitpoint.testing`.
"""
