//! Presence: of workgroups to whoever watches them, of agents to their workgroups.

use super::{MAX_SUBSCRIBERS, MAX_WATCHERS, Service};
use crate::journal::JournalRecord;
use crate::xml::{Condition, WG, ms, presence, presence_error};
use flint_fastpath_protocol::{AgentStatus, MaxChats, WorkgroupPresence};
use flint_fastpath_routing::{Event, Phase, Reply, SessionId, Timestamp, WorkgroupName, WorkgroupState};
use flint_xep::sender::FromAgent;
use jid::{BareJid, FullJid, Jid};
use minidom::Element;

impl Service {
    /// The sender as an agent of this workgroup.
    pub(super) fn agent_of(&self, from: &Jid, workgroup: &str) -> Option<FromAgent> {
        FromAgent::check(Some(from), |bare| self.config.is_agent_of(workgroup, bare))
    }

    /// An agent of another workgroup in a chat of this one, to which it was called.
    pub(super) fn guest_of(&self, from: &Jid, workgroup: &str) -> Option<FromAgent> {
        let here = |session: &SessionId| {
            self.visits.get(session).is_some_and(|visit| visit.summary.workgroup == workgroup)
        };
        let inside = self.rooms.keys().any(|session| here(session) && self.is_inside(session, from));
        FromAgent::check(Some(from), |bare| inside && self.config.is_agent(bare))
    }

    /// This client is in the room of the chat.
    pub(super) fn is_inside(&self, session: &SessionId, client: &Jid) -> bool {
        self.rooms.get(session).is_some_and(|room| room.occupants.values().any(|it| it.jid == *client))
    }

    pub(super) fn presence(&mut self, stanza: &Element, from: &Jid, to: &Jid, now: Timestamp) {
        let kind = stanza.attr("type");
        if kind == Some("error") {
            return self.forget_watcher(from);
        }
        let Some((config, address)) = self.addressed(to) else {
            // The shadow addresses of agents have nothing to say, and the service as a whole has no presence.
            if to.node().is_some() && kind.is_none() && stanza.get_child("agent-status", WG).is_some() {
                self.send(presence_error(stanza, &to.to_bare(), from, Condition::NotAuthorized));
            }
            return;
        };
        let workgroup = config.name.clone();
        match kind {
            Some("subscribe") => self.subscribe(&workgroup, &address, from),
            Some("unsubscribe") => self.unsubscribe(&workgroup, &address, from),
            Some("probe") => self.send_presence(&workgroup, from),
            Some("subscribed" | "unsubscribed") => {}
            None | Some("unavailable") => {
                let Ok(client) = from.try_as_full() else { return self.drop_stanza() };
                let client = client.clone();
                match self.agent_of(from, &workgroup) {
                    Some(agent) => self.agent_presence(stanza, &agent, &workgroup, &address, now),
                    None => self.stranger_presence(stanza, &client, &workgroup, &address, now),
                }
            }
            Some(_) => self.drop_stanza(),
        }
    }

    fn agent_presence(
        &mut self,
        stanza: &Element,
        agent: &FromAgent,
        workgroup: &str,
        address: &BareJid,
        now: Timestamp,
    ) {
        let client = agent.jid();
        let name = WorkgroupName(workgroup.to_owned());
        if stanza.attr("type") == Some("unavailable") {
            self.tell(Event::AgentGone { agent: client.clone(), workgroup: Some(name) }, now);
            return;
        }
        let status = AgentStatus::inside(stanza);
        let joined = self.router.agent(&agent.bare(), &name).is_some_and(|view| view.client == client);
        if matches!(status, Ok(None)) && !joined {
            // An agent who doesn't take part watches like anybody else.
            return self.send_presence(workgroup, &Jid::from(client.clone()));
        }
        let max_chats =
            match status.map(|status| status.map_or(MaxChats::Unchanged, |status| status.max_chats)) {
                Ok(MaxChats::Unchanged) => None,
                Ok(MaxChats::Default) => self.config.workgroup(workgroup).map(|config| config.max_chats),
                Ok(MaxChats::Limit(limit)) => Some(limit),
                Err(_) => {
                    self.count(|metrics| &metrics.refused_total);
                    let to = Jid::from(client.clone());
                    return self.send(presence_error(stanza, address, &to, Condition::NotAcceptable));
                }
            };
        let show = stanza.children().find(|child| child.name() == "show").map(Element::text);
        let available = matches!(show.as_deref().map(str::trim), None | Some("" | "chat"));
        let event = Event::AgentUpdated { agent: client.clone(), workgroup: name, available, max_chats };
        match self.tell(event, now) {
            Some(Reply::Welcome) => {
                self.welcome(client, workgroup);
                if !joined {
                    self.send_colleagues(client, workgroup);
                }
            }
            _ => {
                let to = Jid::from(client.clone());
                self.send(presence_error(stanza, address, &to, Condition::NotAuthorized));
            }
        }
    }

    fn stranger_presence(
        &mut self,
        stanza: &Element,
        client: &FullJid,
        workgroup: &str,
        address: &BareJid,
        now: Timestamp,
    ) {
        let to = Jid::from(client.clone());
        if stanza.attr("type") == Some("unavailable") {
            self.forget_watcher(&to);
            let waiting: Vec<_> = self
                .router
                .visits(client)
                .filter(|session| {
                    self.router.customer(session).is_some_and(|view| {
                        view.workgroup.0 == workgroup && !matches!(view.phase, Phase::Active { .. })
                    })
                })
                .cloned()
                .collect();
            for session in waiting {
                self.tell(Event::CustomerVanished { session }, now);
            }
            return;
        }
        if stanza.get_child("agent-status", WG).is_some() && self.config.is_agent(&client.to_bare()) {
            return self.send(presence_error(stanza, address, &to, Condition::NotAuthorized));
        }
        let watchers = self.watchers.entry(workgroup.to_owned()).or_default();
        if watchers.len() < MAX_WATCHERS {
            watchers.insert(client.clone());
        }
        self.send_presence(workgroup, &to);
    }

    fn forget_watcher(&mut self, from: &Jid) {
        if let Ok(client) = from.try_as_full() {
            for watchers in self.watchers.values_mut() {
                watchers.remove(client);
            }
        }
    }

    fn subscribe(&mut self, workgroup: &str, address: &BareJid, from: &Jid) {
        let bare = from.to_bare();
        let set = self.subscribers.entry(workgroup.to_owned()).or_default();
        if set.len() >= MAX_SUBSCRIBERS && !set.contains(&bare) {
            return self.send(presence(address.as_str(), bare.as_str(), Some("unsubscribed")));
        }
        if set.insert(bare.clone()) {
            let (workgroup, jid) = (workgroup.to_owned(), bare.clone());
            self.records.push(JournalRecord::Subscription { workgroup, jid, subscribed: true });
        }
        self.send(presence(address.as_str(), bare.as_str(), Some("subscribed")));
        self.send_presence(workgroup, &Jid::from(bare));
    }

    fn unsubscribe(&mut self, workgroup: &str, address: &BareJid, from: &Jid) {
        let bare = from.to_bare();
        if self.subscribers.get_mut(workgroup).is_some_and(|set| set.remove(&bare)) {
            let (workgroup, jid) = (workgroup.to_owned(), bare.clone());
            self.records.push(JournalRecord::Subscription { workgroup, jid, subscribed: false });
        }
        self.send(presence(address.as_str(), bare.as_str(), Some("unsubscribed")));
        self.send(presence(address.as_str(), bare.as_str(), Some("unavailable")));
    }

    /// The workgroup's own presence: available while it is open.
    fn send_presence(&mut self, workgroup: &str, to: &Jid) {
        let Some(address) = self.address(workgroup) else { return };
        let open =
            self.router.workgroup_state(&WorkgroupName(workgroup.to_owned())) == Some(WorkgroupState::Open);
        let element = WorkgroupPresence { last_modified: Some(ms(self.pushes.started)) }.element();
        let kind = (!open).then_some("unavailable");
        self.send(presence(address.as_str(), to.as_str(), kind).child(element));
    }

    /// The workgroup opened or closed: everybody who watches is told.
    pub(super) fn workgroup_changed(&mut self, workgroup: &str) {
        let mut to: Vec<Jid> =
            self.subscribers.get(workgroup).into_iter().flatten().cloned().map(Jid::from).collect();
        to.extend(self.watchers.get(workgroup).into_iter().flatten().cloned().map(Jid::from));
        for jid in to {
            self.send_presence(workgroup, &jid);
        }
    }
}
