"""The console without a browser and without scripts: its forms over HTTPS, driven by JSON lines.

Arguments: URL CA PASSWORD. Prints {"event": "online"}. Command: {"do": "publish", "for": GROUP, "policy": NAME,
"value": TEXT} looks at the preview and publishes it; the answer holds the page's text.
"""
import html.parser
import http.cookiejar
import json
import ssl
import sys
import urllib.parse
import urllib.request

url, ca, password = sys.argv[1:]
opener = urllib.request.build_opener(
    urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)),
    urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
)


class Page(html.parser.HTMLParser):
    """The fields of the forms that are posted, as a browser would send them, and the visible text."""

    def __init__(self, text):
        super().__init__()
        self.fields = {}
        self.words = []
        self.posted = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.posted = attributes.get("method") == "post" and attributes.get("action") != "/logout"
        if tag == "input" and self.posted and "name" in attributes:
            if attributes.get("type") not in ("radio", "checkbox") or "checked" in attributes:
                self.fields[attributes["name"]] = attributes.get("value", "")
        if tag == "option" and self.posted and "selected" in attributes:
            self.fields[self.select] = attributes.get("value", "")
        if tag == "select":
            self.select = attributes.get("name")

    def handle_data(self, data):
        self.words.append(data.strip())


def page(path, fields=None):
    data = urllib.parse.urlencode(fields).encode() if fields is not None else None
    request = urllib.request.Request(urllib.parse.urljoin(url, path), data, {"Origin": url.rstrip("/")})
    with opener.open(request, timeout=30) as answer:
        return Page(answer.read().decode())


def publish(scope, policy, value):
    editor = page("policies?" + urllib.parse.urlencode({"for": scope, "policy": policy}))
    preview = page("policies/preview", editor.fields | {"value": value})
    if not preview.fields.get("previewed"):
        raise RuntimeError("no preview: " + " ".join(preview.words))
    return " ".join(page("policies/publish", preview.fields | {"value": value}).words)


def tell(**event):
    print(json.dumps(event), flush=True)


page("login", page("login").fields | {"password": password})
tell(event="online")
for line in sys.stdin:
    command = json.loads(line)
    try:
        tell(ok=True, text=publish(command["for"], command["policy"], command["value"]))
    except Exception as error:  # Whatever went wrong belongs into the test's report.
        tell(ok=False, error=repr(error))
