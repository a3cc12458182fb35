"""What can be done with models and solos, from one front: `python -m training evaluate MODEL...`.

Each command is a module of its own, loaded when it is asked for: none waits for what another needs.
"""

import runpy
import sys
from types import MappingProxyType

COMMANDS = MappingProxyType(
    {
        "answers": ("evaluation.answers", "what people's answers are like, by which drafts are compared"),
        "arcs": ("evaluation.arcs", "how solos go from chorus to chorus: what `build` goes by"),
        "compose": ("trainers.over_changes", "let a network that knows no chords play over the changes of another"),
        "evaluate": ("evaluation.report", "judge models beside people and beside simpler things"),
        "gallery": ("rendering.gallery", "draw networks as piano rolls: alone, and answering a call"),
        "ideas": ("metrics.ideas", "how the phrases of solos repeat ideas: what `build` goes by"),
        "listen": ("listening_test.page", "write a page for a blind listening test"),
        "markov": ("baselines.markov", "what a network has to beat: Markov chains on the same solos"),
        "metrics": ("metrics.report", "figures of the solos that judge"),
        "obedience": ("evaluation.control_response", "whether models obey the controls of the melody"),
        "partner": ("trainers.partner", "short for train partner"),
        "reproduce": ("reproductions", "train the networks of the papers, and measure them beside their figures"),
        "round-trip": ("evaluation.encoding_loss", "what of the solos survives the encoding"),
        "similarity": ("metrics.phrase_similarity", "how often a phrase is known by the one before it"),
        "substitutions": ("evaluation.chord_substitutions", "which changes are played at which temperature"),
        "train": ("trainers", "train a network and export it"),
    }
)
"""By name the module, and what it does."""


def main() -> None:
    """Run the training command that the arguments name; without one, print the list of commands."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        asked = name in ("-h", "--help")
        lines = [
            "usage: python -m training COMMAND ...",
            "",
            *(f"  {each:15}{what}" for each, (_, what) in COMMANDS.items()),
        ]
        print("\n".join(lines), file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else f"\nthere is no command {name!r}")
    sys.argv[1:] = rest
    try:
        runpy.run_module(f"training.{COMMANDS[name][0]}", run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is missing: playing needs less than learning; .venv/bin/pip install -e '.[train]'")


if __name__ == "__main__":
    main()
