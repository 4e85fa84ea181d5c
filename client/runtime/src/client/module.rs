//! The support desk beside the engine: it may break down or be left out, and the rest goes on.

use super::Client;
use crate::joint::Update;
use flint_core::input::SessionEvent;
use flint_core::{BareJid, Extension};

#[cfg(feature = "fastpath")]
pub(super) use with::Desk;
#[cfg(not(feature = "fastpath"))]
pub(super) use without::Desk;

#[cfg(feature = "fastpath")]
mod with {
    use super::{BareJid, Client, Extension, SessionEvent, Update};
    use crate::client::{Timer, now};
    use flint_core::input::Input;
    use flint_fastpath_agent::Agent;
    use flint_fastpath_agent::wire::{AgentEffect, AgentInput};
    use flint_xmpp::SessionCommand;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// The module, until it breaks down.
    #[derive(Debug)]
    pub(in crate::client) struct Desk {
        agent: Option<Agent>,
        online: bool,
    }

    impl Desk {
        pub(in crate::client) fn new(account: BareJid, id_seed: [u8; 16]) -> Self {
            Self { agent: Some(Agent::new(account, id_seed)), online: false }
        }

        /// The present state for a reader that fell behind.
        pub(in crate::client) fn snapshot(&self) -> Vec<Update> {
            let updates = self.agent.as_ref().map(Agent::snapshot_updates).unwrap_or_default();
            updates.into_iter().map(Update::Agent).collect()
        }
    }

    impl Client {
        /// Gives the desk one input and carries out its orders in order.
        pub(in crate::client) fn desk_input(&mut self, input: AgentInput) {
            let Some(agent) = &mut self.desk.agent else { return };
            let Ok(output) = catch_unwind(AssertUnwindSafe(|| agent.handle(input, now()))) else {
                self.desk.agent = None;
                self.outlet.push(Update::Fatal(
                    "The support desk stopped because of an internal error; chats go on. Restart Flint to get it back."
                        .to_owned(),
                ));
                return;
            };
            for effect in output.effects {
                match effect {
                    AgentEffect::Send { xml } => self.ways.session(SessionCommand::SendExtension(xml)),
                    AgentEffect::ClaimDomain(domain) => {
                        self.ways.session(SessionCommand::ClaimDomain(domain))
                    }
                    AgentEffect::ClaimRoom(room) => self.ways.session(SessionCommand::ClaimRoom(room)),
                    AgentEffect::ReleaseRoom(room) => self.ways.session(SessionCommand::ReleaseRoom(room)),
                    AgentEffect::Core(command) => self.input(Input::Command(command)),
                    AgentEffect::SetTimer { id, after_ms } => self.timers.set(Timer::Agent(id), after_ms),
                    AgentEffect::CancelTimer(id) => self.timers.cancel(&Timer::Agent(id)),
                }
            }
            for update in output.updates {
                self.outlet.push(Update::Agent(update));
            }
        }

        /// A short break that ends in a resumption is no news for the desk: its stanzas wait in the session.
        pub(in crate::client) fn desk_session(&mut self, event: &SessionEvent) {
            match event {
                SessionEvent::Online { jid, .. } => {
                    self.desk_offline();
                    self.desk.online = true;
                    self.desk_input(AgentInput::Online(jid.clone()));
                }
                SessionEvent::SignedOut | SessionEvent::Refused { .. } => self.desk_offline(),
                _ => {}
            }
        }

        fn desk_offline(&mut self) {
            if std::mem::take(&mut self.desk.online) {
                self.desk_input(AgentInput::Offline);
            }
        }

        pub(in crate::client) fn desk_extension(&mut self, extension: Extension) {
            self.desk_input(AgentInput::Extension(extension));
        }
    }
}

#[cfg(not(feature = "fastpath"))]
mod without {
    use super::{BareJid, Client, Extension, SessionEvent, Update};

    /// No desk.
    #[derive(Debug)]
    pub(in crate::client) struct Desk;

    impl Desk {
        pub(in crate::client) fn new(_account: BareJid, _id_seed: [u8; 16]) -> Self {
            Self
        }

        pub(in crate::client) fn snapshot(&self) -> Vec<Update> {
            Vec::new()
        }
    }

    impl Client {
        pub(in crate::client) fn desk_session(&mut self, _event: &SessionEvent) {}

        pub(in crate::client) fn desk_extension(&mut self, _extension: Extension) {}
    }
}
