//! The stanzas that the module sends.

use flint_core::ids::Timestamp;
use flint_core::model::Show;
use flint_fastpath_protocol::agent::{AgentStatus, MaxChats};
use flint_fastpath_protocol::{CLIENT, Condition, stamp, text};
use jid::{BareJid, FullJid, Jid};
use minidom::Element;
use rxml::xml_ncname;

const MUC: &str = "http://jabber.org/protocol/muc";
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// Lines of a room's past that we ask for.
const HISTORY_LINES: &str = "200";

/// A question.
pub(super) fn iq(kind: &str, to: &Jid, id: &str, payload: Element) -> Element {
    Element::builder("iq", CLIENT)
        .attr(xml_ncname!("type").to_owned(), kind)
        .attr(xml_ncname!("to").to_owned(), to.to_string())
        .attr(xml_ncname!("id").to_owned(), id)
        .append(payload)
        .build()
}

/// The answer to a workgroup's question.
pub(super) fn answer(to: &Jid, id: Option<&str>, refused: Option<Condition>) -> Element {
    Element::builder("iq", CLIENT)
        .attr(xml_ncname!("type").to_owned(), if refused.is_some() { "error" } else { "result" })
        .attr(xml_ncname!("to").to_owned(), to.to_string())
        .attr(xml_ncname!("id").to_owned(), id.map(text::clean))
        .append_all(refused.map(|condition| condition.element(None)))
        .build()
}

/// The agent's presence in a workgroup.
pub(super) fn agent_presence(workgroup: &BareJid, show: Show, max_chats: u32) -> Element {
    let show = match show {
        Show::Chat => Some("chat"),
        Show::Away => Some("away"),
        Show::ExtendedAway => Some("xa"),
        Show::DoNotDisturb => Some("dnd"),
        Show::Available | Show::Offline => None,
    };
    let status = AgentStatus { max_chats: MaxChats::Limit(max_chats), ..AgentStatus::default() };
    Element::builder("presence", CLIENT)
        .attr(xml_ncname!("to").to_owned(), workgroup.to_string())
        .append_all(show.map(|show| Element::builder("show", CLIENT).append(show).build()))
        .append(status.element())
        .build()
}

/// The agent leaves a workgroup.
pub(super) fn agent_unavailable(workgroup: &BareJid) -> Element {
    Element::builder("presence", CLIENT)
        .attr(xml_ncname!("to").to_owned(), workgroup.to_string())
        .attr(xml_ncname!("type").to_owned(), "unavailable")
        .append(AgentStatus::default().element())
        .build()
}

/// Enters a room (XEP-0045 §7.2), with its past since `since`.
pub(super) fn enter(occupant: &FullJid, password: Option<&str>, since: Option<Timestamp>) -> Element {
    let history = Element::builder("history", MUC)
        .attr(xml_ncname!("maxstanzas").to_owned(), HISTORY_LINES)
        .attr(xml_ncname!("since").to_owned(), since.map(|at| stamp::utc(at.0)))
        .build();
    let password =
        password.map(|password| Element::builder("password", MUC).append(text::clean(password)).build());
    Element::builder("presence", CLIENT)
        .attr(xml_ncname!("to").to_owned(), occupant.to_string())
        .append(Element::builder("x", MUC).append_all(password).append(history).build())
        .build()
}

/// Leaves a room.
pub(super) fn leave(occupant: &FullJid) -> Element {
    Element::builder("presence", CLIENT)
        .attr(xml_ncname!("to").to_owned(), occupant.to_string())
        .attr(xml_ncname!("type").to_owned(), "unavailable")
        .build()
}

/// Says something in a room.
pub(super) fn say(room: &BareJid, id: &str, body: &str) -> Element {
    Element::builder("message", CLIENT)
        .attr(xml_ncname!("to").to_owned(), room.to_string())
        .attr(xml_ncname!("type").to_owned(), "groupchat")
        .attr(xml_ncname!("id").to_owned(), id)
        .append(Element::builder("body", CLIENT).append(text::clean(body)).build())
        .append(Element::builder("active", CHAT_STATES).build())
        .build()
}
