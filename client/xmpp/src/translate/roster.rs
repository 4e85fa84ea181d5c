//! The roster (RFC 6121 §2).

use super::Translator;
use crate::xml::{MAX_ID, MAX_LINE, cut, el};
use flint_core::BareJid;
use flint_core::input::{RemoteEvent, RosterItem};
use flint_core::model::Subscription;
use flint_xep::sender::FromAccount;
use minidom::Element;

/// Namespace.
pub(crate) const NS: &str = "jabber:iq:roster";

const MAX_GROUPS: usize = 64;

/// `<query/>` with one item.
pub(crate) fn set(jid: &BareJid, name: Option<&str>, groups: &[String], removed: bool) -> Element {
    let mut item = el("item", NS)
        .attr("jid", jid.to_string())
        .opt("name", name)
        .opt("subscription", removed.then_some("remove"));
    for group in groups {
        item = item.child(el("group", NS).text(group));
    }
    el("query", NS).child(item).build()
}

/// `<query/>` that asks for the roster (§2.6 for the version).
pub(crate) fn get(version: Option<&str>) -> Element {
    el("query", NS).opt("ver", version).build()
}

/// The answer to [`get`]; who sent it was checked with the request.
pub(crate) fn received(translator: &mut Translator, iq: &Element) {
    let query = iq.get_child("query", NS);
    let version = query.and_then(|query| query.attr("ver")).map(|version| cut(version, MAX_ID).to_owned());
    let items = query.map(|query| {
        query.children().filter_map(|child| read(translator, child)).map(|(item, _)| item).collect::<Vec<_>>()
    });
    if query.is_some_and(|query| items.as_ref().is_some_and(|items| items.len() != query.children().count()))
    {
        translator.dropped.count("roster-item-malformed");
    }
    translator.tell(RemoteEvent::RosterReceived { items, version });
}

/// A push (§2.1.6). The sender is the own account: a contact could else write into the roster.
pub(crate) fn pushed(translator: &mut Translator, _from: &FromAccount, query: &Element) {
    let mut items = query.children().filter(|child| child.is("item", NS));
    match (items.next().and_then(|item| read(translator, item)), items.next()) {
        (Some((item, removed)), None) => {
            let version = query.attr("ver").map(|version| cut(version, MAX_ID).to_owned());
            translator.tell(RemoteEvent::RosterPushed { item, removed, version });
        }
        _ => translator.dropped.count("roster-item-malformed"),
    }
}

fn read(translator: &Translator, item: &Element) -> Option<(RosterItem, bool)> {
    if !item.is("item", NS) {
        return None;
    }
    let jid = BareJid::new(item.attr("jid")?).ok()?;
    if jid == translator.account {
        return None;
    }
    let name = item.attr("name").map(|name| cut(name.trim(), MAX_LINE)).filter(|name| !name.is_empty());
    let mut groups: Vec<String> = Vec::new();
    for group in item.children().filter(|child| child.is("group", NS)).take(MAX_GROUPS) {
        let group = group.text();
        let group = cut(group.trim(), MAX_LINE);
        if !group.is_empty() && !groups.iter().any(|known| known == group) {
            groups.push(group.to_owned());
        }
    }
    let (subscription, removed) = match item.attr("subscription") {
        Some("to") => (Subscription::To, false),
        Some("from") => (Subscription::From, false),
        Some("both") => (Subscription::Both, false),
        Some("remove") => (Subscription::None, true),
        _ => (Subscription::None, false),
    };
    let asked = item.attr("ask") == Some("subscribe");
    Some((RosterItem { jid, name: name.map(str::to_owned), groups, subscription, asked }, removed))
}
