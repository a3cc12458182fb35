"""What the child processes of a jam run, as Python source.

The comments are their earlier names, by which other programs may look for them in the process list.
"""

PLAYER = "from improv.runtime.player_process import main; main()  # improv.midi.process"
PORT_HOST = "from improv.runtime.port_host import main; main()"
SYNTH = "from improv.runtime.synth_process import main; main()"
ENGINE = "from improv.runtime.engine_process import main; main()  # improv.performer"
