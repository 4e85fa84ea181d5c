"""Tells what a screen reader can reach in the program with this process id. For each line it is given, it answers with
one line of JSON: role and name of every focusable node on screen, in reading order."""
import json
import sys
import time
import warnings

import gi

warnings.simplefilter("ignore", DeprecationWarning)
gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

DEEPEST = 60
WIDEST = 200
PATIENCE = 15
# Nothing in them takes the focus.
LEAVES = (Atspi.Role.LABEL, Atspi.Role.IMAGE, Atspi.Role.ICON, Atspi.Role.SEPARATOR)


def application(pid):
    """The program's root, which appears a moment after its first window."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        desktop = Atspi.get_desktop(0)
        for index in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(index)
            if child and child.get_process_id() == pid:
                return child
        desktop.clear_cache()
    sys.exit("the program is not in the accessibility tree")


def walk(node, depth, found):
    states = node.get_state_set()
    # GTK 4.8 tells SHOWING of windows only, VISIBLE of every widget.
    wanted = Atspi.StateType.SHOWING if depth == 1 else Atspi.StateType.VISIBLE
    if depth > DEEPEST or (depth > 0 and not states.contains(wanted)):
        return
    # A pane takes the focus only to be scrolled by the keyboard; what is in it is heard.
    focusable = states.contains(Atspi.StateType.FOCUSABLE) and node.get_role() != Atspi.Role.SCROLL_PANE
    if depth > 1 and focusable:
        found.append([node.get_role_name(), node.get_name() or ""])
    if node.get_role() in LEAVES:
        return
    for index in range(min(node.get_child_count(), WIDEST)):
        child = node.get_child_at_index(index)
        if child is not None:
            walk(child, depth + 1, found)


Atspi.init()
root = None
for _ in sys.stdin:
    try:
        root = root or application(int(sys.argv[1]))
        root.clear_cache()
        nodes = []
        walk(root, 0, nodes)
        print(json.dumps(nodes), flush=True)
    except GLib.Error as error:
        sys.exit(f"the accessibility tree can't be read: {error.message}")
