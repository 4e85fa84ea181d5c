"""An XMPP client that is not ours (slixmpp): colleague or customer, driven by JSON lines.

Arguments: JID PASSWORD HOST PORT CA. Prints {"event": "online", "jid": …}, then {"event": "stanza", "xml": …} for each
stanza received. Commands: {"do": "send", "xml": …}; {"do": "reply"} answers each chat message from now on;
{"do": "serve"} behaves as a customer from now on: enters the room it is invited to, answers what is said there.
"""
import asyncio
import json
import sys
from xml.sax.saxutils import escape, quoteattr

import slixmpp

WORKGROUP = "http://jabber.org/protocol/workgroup"
ANSWERS = ["Thank you for the quick reply.", "The number is 4711.", "Yes, that is right.", "Great, that helps me."]


def tell(**event):
    print(json.dumps(event), flush=True)


class Peer(slixmpp.ClientXMPP):
    def __init__(self, jid, password, ca):
        super().__init__(jid, password)
        self.ca_certs = ca
        self.replies = False
        self.serves = False
        self.answered = 0
        self.rooms = {}
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("failed_all_auth", lambda _: tell(event="refused"))
        self.add_filter("in", self.seen)

    async def start(self, _):
        await self.get_roster()
        self.send_presence()
        tell(event="online", jid=self.boundjid.full)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=1 << 20)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command = json.loads(line)
            if command["do"] == "send":
                self.send_raw(command["xml"])
            elif command["do"] == "reply":
                self.replies = True
            elif command["do"] == "serve":
                self.serves = True
        self.disconnect()

    def seen(self, stanza):
        if stanza.name in ("message", "presence", "iq"):
            tell(event="stanza", xml=str(stanza))
        if stanza.name == "message":
            if self.replies and stanza["type"] == "chat" and stanza["body"]:
                asyncio.get_running_loop().call_soon(self.reply, stanza)
            if self.serves:
                asyncio.get_running_loop().call_soon(self.serve, stanza)
        if stanza.name == "iq" and stanza["type"] == "set" and any(WORKGROUP in child.tag for child in stanza.xml):
            # As every agent's client does; slixmpp alone would say that it does not know what an offer is.
            answer = f"<iq type='result' to={quoteattr(str(stanza['from']))} id={quoteattr(stanza['id'])}/>"
            asyncio.get_running_loop().call_soon(self.send_raw, answer)
            return None
        return stanza

    def reply(self, stanza):
        text = f"Got it, thank you! ({stanza['body'][:80]})"
        self.send_raw(
            f"<message type='chat' to={quoteattr(str(stanza['from']))} id='reply-{stanza['id']}'>"
            f"<body>{escape(text)}</body><request xmlns='urn:xmpp:receipts'/></message>"
        )
        if stanza.xml.find("{urn:xmpp:receipts}request") is not None:
            self.send_raw(
                f"<message type='chat' to={quoteattr(str(stanza['from']))}>"
                f"<received xmlns='urn:xmpp:receipts' id={quoteattr(stanza['id'])}/></message>"
            )

    def serve(self, stanza):
        invite = stanza.xml.find("{http://jabber.org/protocol/muc#user}x/{http://jabber.org/protocol/muc#user}invite")
        room = stanza["from"].bare
        if invite is not None:
            nick = self.boundjid.user
            self.rooms[room] = nick
            self.send_raw(
                f"<presence to={quoteattr(room + '/' + nick)}><x xmlns='http://jabber.org/protocol/muc'/></presence>"
            )
        elif stanza["type"] == "groupchat" and stanza["body"] and room in self.rooms:
            service = room.split("@")[0]
            if stanza["from"].resource in ("", self.rooms[room], service) or stanza.xml.find("{urn:xmpp:delay}delay") is not None:
                return
            text = ANSWERS[self.answered % len(ANSWERS)]
            self.answered += 1
            self.send_raw(f"<message type='groupchat' to={quoteattr(room)}><body>{escape(text)}</body></message>")


jid, password, host, port, ca = sys.argv[1:]
peer = Peer(jid, password, ca)
peer.connect((host, int(port)))
peer.process(forever=False)
