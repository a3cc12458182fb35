"""The terminal interface: a window on a performance, and a hand on its controls.

It is one more client of the control socket: it shows snapshots and asks for commands. It must never
hold anything the music needs: closing it, or killing it, changes nothing that is heard.
"""
