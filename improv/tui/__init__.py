"""The terminal interface: a window on a performance, and a hand on its controls.

It is one more client of the control socket: it shows snapshots and asks for commands. It must never
hold anything the music needs: whoever closes it, or kills it, hears no difference.
"""
