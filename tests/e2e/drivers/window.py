"""Drives one GTK program as a blind person would: through the accessibility tree, by names, and by the keyboard.

Started inside a session of its own (display and message bus). Reads one JSON command a line on standard input,
answers with one JSON line each: {"ok": true, ...} or {"ok": false, "error": sentence}.
"""
import json
import subprocess
import sys
import time

import warnings

import gi

warnings.simplefilter("ignore", DeprecationWarning)

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

Atspi.init()
program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def application():
    desktop = Atspi.get_desktop(0)
    for index in range(desktop.get_child_count()):
        child = desktop.get_child_at_index(index)
        if child and child.get_process_id() == program.pid:
            return child
    return None


def walk(node, depth=0):
    """Everything that is not hidden. GTK 4.8 tells SHOWING of windows only, VISIBLE of every widget."""
    if depth > 1 and not node.get_state_set().contains(Atspi.StateType.VISIBLE):
        return
    yield node, depth
    if depth > 40:
        return
    for index in range(min(node.get_child_count(), 400)):
        child = node.get_child_at_index(index)
        if child is not None:
            yield from walk(child, depth + 1)


def text_of(node):
    text = node.get_text_iface()
    return text.get_text(0, text.get_character_count()) if text else ""


def describe(node):
    states = node.get_state_set()
    return {
        "role": node.get_role_name(),
        "name": node.get_name() or "",
        "text": text_of(node),
        "description": node.get_description() or "",
        "sensitive": states.contains(Atspi.StateType.SENSITIVE),
        "checked": states.contains(Atspi.StateType.CHECKED) or states.contains(Atspi.StateType.PRESSED),
    }


def matches(node, want):
    if want.get("role") and node.get_role_name() not in want["role"]:
        return False
    name, text = node.get_name() or "", text_of(node)
    if "name" in want and name != want["name"]:
        return False
    if "contains" in want and want["contains"] not in name and want["contains"] not in text:
        return False
    return True


STATES = ("sensitive", "checked")


def search(want):
    root = application()
    if root is None:
        return None
    for node, _ in walk(root):
        try:
            if matches(node, want) and all(describe(node)[state] == want[state] for state in STATES if state in want):
                return node
        except GLib.Error:
            pass  # It went away while we looked.
    return None


def wait(want, gone=False):
    deadline = time.monotonic() + want.get("timeout", 20)
    while True:
        try:
            node = search(want)
        except GLib.Error:
            node = None
        if (node is None) == gone:
            return node
        if program.poll() is not None:
            raise RuntimeError(f"the program ended with {program.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(("still there: " if gone else "not found: ") + json.dumps(want))
        time.sleep(0.05)


def act(command):
    kind = command["do"]
    if kind == "wait":
        return describe(wait(command))
    if kind == "gone":
        wait(command, gone=True)
        return {}
    if kind == "press":
        node = wait({**command, "sensitive": True})
        action = node.get_action_iface()
        if action is None or action.get_n_actions() == 0 or not action.do_action(0):
            raise RuntimeError(f"can't be pressed: {json.dumps(command)}")
        return {}
    if kind == "select":
        node = wait(command)
        parent = node.get_parent()
        while parent is not None and parent.get_selection_iface() is None:
            node, parent = parent, parent.get_parent()
        if parent is None or not parent.get_selection_iface().select_child(node.get_index_in_parent()):
            raise RuntimeError(f"can't be selected: {json.dumps(command)}")
        return {}
    if kind in ("keys", "type"):
        # There is no window manager: the keyboard goes to the window that we name.
        windows = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--pid", str(program.pid)], capture_output=True, text=True
        ).stdout.split()
        if windows:
            subprocess.run(["xdotool", "windowfocus", "--sync", windows[-1]], check=False)
        if kind == "keys":
            subprocess.run(["xdotool", "key", "--clearmodifiers", *command["keys"].split()], check=True)
        else:
            subprocess.run(["xdotool", "type", "--delay", "8", command["text"]], check=True)
        return {}
    if kind == "picture":
        # The pointer out of the way, so that no tooltip covers anything.
        subprocess.run(["xdotool", "mousemove", "1279", "899"], check=True)
        subprocess.run(["import", "-window", "root", command["file"]], check=True)
        return {}
    if kind == "tree":
        root = application()
        lines = []
        for node, depth in walk(root) if root else []:
            try:
                item = describe(node)
                lines.append("  " * depth + f'{item["role"]} {item["name"]!r} {item["text"][:60]!r}')
            except GLib.Error:
                pass
        return {"tree": "\n".join(lines)}
    if kind == "quit":
        program.terminate()
        return {"code": program.wait(20)}
    raise RuntimeError(f"unknown command {kind}")


for line in sys.stdin:
    try:
        answer = {"ok": True, **act(json.loads(line))}
    except Exception as error:  # Whatever went wrong is the step's answer, not the end of the driver.
        answer = {"ok": False, "error": str(error)}
    print(json.dumps(answer), flush=True)
if program.poll() is None:
    program.kill()
    program.wait()
