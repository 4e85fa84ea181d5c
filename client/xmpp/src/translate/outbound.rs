//! The engine's stanzas on their way out.

use super::{
    Step, Translator, carbons, chatstates, iq, mam, markers, message, muc, presence, receipts, roster, vcard,
};
use flint_core::effect::Outbound;
use flint_core::input::{RemoteEvent, SessionEvent};
use flint_core::{Jid, SendToken};
use tokio::time::Instant;

impl Translator {
    /// Puts a stanza into XML; the session sends what becomes of it.
    pub(crate) fn outbound(&mut self, token: SendToken, stanza: &Outbound, now: Instant) {
        self.now = now;
        match stanza {
            Outbound::GetRoster { version } => {
                let request = iq::Request::Roster(token);
                self.ask("get", None, request, |_| roster::get(version.as_deref()));
            }
            Outbound::SetRosterItem { jid, name, groups } => {
                let payload = |_: &str| roster::set(jid, name.as_deref(), groups, false);
                self.ask("set", None, iq::Request::Report(token), payload);
            }
            Outbound::RemoveRosterItem { jid } => {
                let payload = |_: &str| roster::set(jid, None, &[], true);
                self.ask("set", None, iq::Request::Report(token), payload);
            }
            Outbound::Subscription { to, kind } => self.send(presence::subscription(to, *kind)),
            Outbound::Presence { show, status } => self.send(presence::own(*show, status)),
            Outbound::Message { conversation, id, body, resent: _ } => {
                self.steps.push(Step::Send(message::text(conversation, id, body), Some(token)));
            }
            Outbound::Receipt { to, id } => self.send(receipts::receipt(to, id)),
            Outbound::Displayed { conversation, id } => self.send(markers::displayed(conversation, id)),
            Outbound::ChatState { conversation, typing } => {
                self.send(chatstates::notice(conversation, *typing));
            }
            Outbound::JoinRoom { room, nick, password, since } => {
                muc::join(self, room, nick, password.as_ref(), *since);
            }
            Outbound::LeaveRoom { room, nick } => muc::leave(self, room, nick),
            Outbound::ListRooms => self.list_rooms(token),
            Outbound::GetOwnName => self.ask("get", None, iq::Request::OwnName(token), |_| vcard::get()),
            Outbound::EnableCarbons => {
                self.ask("set", None, iq::Request::Report(token), |_| carbons::enable());
            }
            Outbound::QueryArchive { archive, after, since, max } => {
                let newest = after.is_none() && since.is_none();
                let request = iq::Request::Archive(mam::Query { archive: archive.clone(), newest });
                let payload = |id: &str| mam::query(id, after.as_ref(), *since, *max);
                self.ask("set", archive.clone().map(Jid::from), request, payload);
            }
        }
    }

    /// A stanza that can't be sent because there is no stream, and none to be resumed.
    pub(crate) fn undeliverable(&mut self, token: SendToken, stanza: &Outbound) {
        const REASON: &str = "You are not signed in; try again when the connection is back.";
        match stanza {
            Outbound::Message { .. } => self.tell_state(SessionEvent::Lost(token)),
            Outbound::JoinRoom { room, .. } => {
                self.tell(RemoteEvent::RoomJoinFailed {
                    room: room.clone(),
                    reason: REASON.to_owned(),
                    nick_taken: false,
                });
            }
            Outbound::QueryArchive { archive, .. } => {
                self.tell(RemoteEvent::ArchiveFailed { archive: archive.clone(), reason: REASON.to_owned() });
            }
            Outbound::GetRoster { .. }
            | Outbound::SetRosterItem { .. }
            | Outbound::RemoveRosterItem { .. }
            | Outbound::ListRooms
            | Outbound::GetOwnName
            | Outbound::EnableCarbons => {
                self.tell(RemoteEvent::RequestAnswered { token, result: Err(REASON.to_owned()) });
            }
            // Worth nothing later: the next sign-in begins anew.
            Outbound::Subscription { .. }
            | Outbound::Presence { .. }
            | Outbound::Receipt { .. }
            | Outbound::Displayed { .. }
            | Outbound::ChatState { .. }
            | Outbound::LeaveRoom { .. } => {}
        }
    }
}
