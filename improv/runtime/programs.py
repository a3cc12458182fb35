"""The programs that the child processes of a jam run.

The comments in their source are their earlier names, by which other programs may look for them in the process list.
"""

from improv.ipc.launch import Program

_HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""The C library of Linux asks for memory in huge pages: a network of some megabytes is loaded with fewer page faults,
which is a twentieth of the time to the first note. Other systems ignore it."""

PLAYER = Program("from improv.runtime.player_process import main; main()  # improv.midi.process")
PORT_HOST = Program("from improv.runtime.port_host import main; main()")
SYNTH = Program("from improv.runtime.synth_process import main; main()")
ENGINE = Program("from improv.runtime.engine_process import main; main()  # improv.performer", _HUGE_PAGES)
