"""How the processes of a jam talk: whole values over private connections."""
