//! Presence (RFC 6121 §3, §4) and own capabilities (XEP-0115).

use super::{Translator, disco, muc};
use crate::xml::{CLIENT, el, line, stanza};
use flint_core::effect::SubscriptionStanza;
use flint_core::input::RemoteEvent;
use flint_core::model::Show;
use flint_core::{BareJid, Jid};
use flint_xep::sender::{FromAccount, FromContact, FromOccupant, FromRoom};
use minidom::Element;

/// Own presence.
pub(crate) fn own(show: Show, status: &str) -> Element {
    let value = match show {
        Show::Chat => Some("chat"),
        Show::Away => Some("away"),
        Show::ExtendedAway => Some("xa"),
        Show::DoNotDisturb => Some("dnd"),
        Show::Available | Show::Offline => None,
    };
    stanza("presence")
        .opt("type", (show == Show::Offline).then_some("unavailable"))
        .maybe(value.map(|value| el("show", CLIENT).text(value).build()))
        .maybe((!status.is_empty()).then(|| el("status", CLIENT).text(status).build()))
        .child(disco::caps())
        .build()
}

/// A subscription stanza (RFC 6121 §3).
pub(crate) fn subscription(to: &BareJid, kind: SubscriptionStanza) -> Element {
    let kind = match kind {
        SubscriptionStanza::Subscribe => "subscribe",
        SubscriptionStanza::Subscribed => "subscribed",
        SubscriptionStanza::Unsubscribed => "unsubscribed",
    };
    stanza("presence").attr("to", to.to_string()).attr("type", kind).build()
}

/// The availability in a presence without `type`.
pub(crate) fn show_of(presence: &Element) -> Show {
    let show = presence.get_child("show", CLIENT).map(Element::text);
    match show.as_deref().map(str::trim) {
        Some("chat") => Show::Chat,
        Some("away") => Show::Away,
        Some("xa") => Show::ExtendedAway,
        Some("dnd") => Show::DoNotDisturb,
        _ => Show::Available,
    }
}

impl Translator {
    pub(super) fn inbound_presence(&mut self, presence: &Element, from: Option<&Jid>) {
        let kind = presence.attr("type");
        if let Some(occupant) = FromOccupant::check(from, |room| self.rooms.concerns(room, presence)) {
            muc::occupant_presence(self, &occupant, kind, presence);
        } else if let Some(room) = FromRoom::check(from, |room| self.rooms.concerns(room, presence)) {
            muc::room_presence(self, &room, kind, presence);
        } else if let Some(contact) = FromContact::check(from, &self.account, |room| self.is_room(room)) {
            self.contact_presence(&contact, kind, presence);
        } else if FromAccount::check(from, &self.account).is_none() {
            self.dropped.count("presence-sender");
        }
    }

    fn contact_presence(&mut self, contact: &FromContact, kind: Option<&str>, presence: &Element) {
        match (kind, contact.jid().try_as_full()) {
            (Some("subscribe"), _) => self.tell(RemoteEvent::SubscriptionRequested { from: contact.bare() }),
            // The roster push that goes with these says it all (RFC 6121 §3.1.6).
            (Some("subscribed" | "unsubscribe" | "unsubscribed"), _) => {}
            (None, Ok(full)) if self.jid.as_ref() == Some(full) => {}
            (None, Ok(full)) => {
                let event = RemoteEvent::PresenceChanged {
                    from: full.clone(),
                    show: show_of(presence),
                    status: line(presence, "status", CLIENT).unwrap_or_default(),
                    priority: presence
                        .get_child("priority", CLIENT)
                        .and_then(|priority| priority.text().trim().parse().ok())
                        .unwrap_or(0),
                };
                self.tell(event);
            }
            (Some("unavailable"), Ok(full)) => {
                let event = RemoteEvent::PresenceChanged {
                    from: full.clone(),
                    show: Show::Offline,
                    status: line(presence, "status", CLIENT).unwrap_or_default(),
                    priority: 0,
                };
                self.tell(event);
            }
            // An error to a probe or directed presence means the same: nobody is there.
            (Some("unavailable" | "error"), _) => {
                self.tell(RemoteEvent::PresenceGone { from: contact.bare() });
            }
            _ => self.dropped.count("presence-type"),
        }
    }
}
