"""Drives Chromium through chromedriver (WebDriver, plain HTTP on loopback), by JSON lines.

Arguments: PROFILE HEADLESS(0|1) WIDTH HEIGHT. Commands: open, wait, press, fill, text, picture, title.
"""
import json
import os
import subprocess
import sys
import time
import urllib.request

profile, headless, width, height = sys.argv[1], sys.argv[2] == "1", sys.argv[3], sys.argv[4]
driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
port = None
for line in driver.stdout:
    if "on port " in line and "successfully" in line:
        port = int(line.split("on port ")[1].strip(" .\n"))
        break
if port is None:
    sys.exit("chromedriver did not start")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def call(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        value = json.load(error)["value"]
        raise RuntimeError(f'{value["error"]}: {value["message"].splitlines()[0]}') from error


arguments = [
    f"--user-data-dir={profile}", f"--window-size={width},{height}", "--auth-server-allowlist=localhost",
    "--no-first-run", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-gpu",
]
if os.geteuid() == 0:
    arguments.append("--no-sandbox")  # Chromium refuses to start as root with it.
if headless:
    arguments.append("--headless=new")
session = call("POST", "/session", {"capabilities": {"alwaysMatch": {
    "browserName": "chrome", "goog:chromeOptions": {"args": arguments, "binary": "/usr/bin/chromium"},
}}})["sessionId"]
base = f"/session/{session}"


def find(selector):
    return call("POST", base + "/element", {"using": "css selector", "value": selector})[ELEMENT]


def wait(command):
    deadline = time.monotonic() + command.get("timeout", 20)
    while True:
        try:
            element = find(command["css"])
            text = call("GET", f"{base}/element/{element}/text")
            if command.get("contains", "") in text:
                return element, text
            error = f"{command['css']} says {text[:200]!r}"
        except RuntimeError as problem:
            error = str(problem)
        if time.monotonic() > deadline:
            raise RuntimeError(error)
        time.sleep(0.05)


def act(command):
    kind = command["do"]
    if kind == "open":
        # For a moment after its start Chromium can't use tickets yet and gets the page for passwords.
        for _ in range(20):
            call("POST", base + "/url", {"url": command["url"]})
            if 'action="/login"' not in call("GET", base + "/source"):
                break
            time.sleep(0.25)
    elif kind == "wait":
        return {"text": wait(command)[1]}
    elif kind == "press":
        # A native click, unless the control is drawn by its label.
        call("POST", base + "/execute/sync", {
            "script": "arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()",
            "args": [{ELEMENT: wait(command)[0]}],
        })
    elif kind == "fill":
        element = wait(command)[0]
        call("POST", f"{base}/element/{element}/clear", {})
        call("POST", f"{base}/element/{element}/value", {"text": command["value"]})
    elif kind == "picture":
        import base64
        with open(command["file"], "wb") as file:
            file.write(base64.b64decode(call("GET", base + "/screenshot")))
    elif kind == "page":
        return {"url": call("GET", base + "/url"), "title": call("GET", base + "/title"),
                "source": call("GET", base + "/source")}
    else:
        raise RuntimeError(f"unknown command {kind}")
    return {}


try:
    for line in sys.stdin:
        try:
            answer = {"ok": True, **act(json.loads(line))}
        except Exception as error:  # The step fails, the driver stays.
            answer = {"ok": False, "error": str(error)}
        print(json.dumps(answer), flush=True)
finally:
    try:
        call("DELETE", base)
    except Exception:
        pass
    driver.terminate()
    driver.wait()
