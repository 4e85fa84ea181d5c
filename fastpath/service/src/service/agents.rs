//! The agents' side: who they are, what they are offered, who their colleagues are.

use super::customers::metadata;
use super::history::answer_of;
use super::{MAX_PINGS, PING_EVERY_MS, Pinged, Service, Wake};
use crate::xml::{Condition, PING, Request, el, iq_get, iq_set, leaf, ms, presence, says_gone};
use flint_fastpath_protocol::discovery::WorkgroupsRequest;
use flint_fastpath_protocol::{
    AgentEntry, AgentStatus, AgentStatusRequest, CurrentChat, MaxChats, Offer, OfferAnswer, OfferKind,
    OfferRef, OfferRevoke, Session, Workgroups,
};
use flint_fastpath_routing::{Event, Phase, Reply, RevokeReason, SessionId, Timestamp, WorkgroupName};
use flint_xep::sender::FromAgent;
use jid::{BareJid, FullJid, Jid};
use minidom::Element;

/// The id of an offer on the wire. The first offer of a visit has the visit's own id, as Fastpath's have; later ones
/// carry their number, so that an accept of an old one can be told from one of the new.
pub(super) fn offer_id(session: &SessionId, fence: u32) -> String {
    if fence <= 1 { session.0.clone() } else { format!("{session}-{fence}") }
}

/// The visit and, unless only the visit is named, the number of the offer. Spark always names the visit.
fn read_offer_id(text: &str) -> (SessionId, Option<u32>) {
    match text.rsplit_once('-').map(|(session, fence)| (session, fence.parse::<u32>())) {
        Some((session, Ok(fence))) => (SessionId(session.to_owned()), Some(fence)),
        _ => (SessionId(text.to_owned()), None),
    }
}

impl Service {
    /// "Am I an agent, and where?" Only agents are answered, and only about themselves.
    pub(super) fn workgroups(&mut self, request: &Request) {
        let Some(agent) = FromAgent::check(Some(&request.from), |bare| self.config.is_agent(bare)) else {
            return self.refuse(request, Condition::NotAuthorized, None);
        };
        let bare = agent.bare();
        // Without a name, about oneself.
        let other = request.payload.attr("jid").is_some()
            && !WorkgroupsRequest::read(&request.payload).is_ok_and(|asked| asked.agent.to_bare() == bare);
        if request.set || other {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        let workgroups = self
            .config
            .workgroups
            .iter()
            .filter(|workgroup| self.config.is_agent_of(&workgroup.name, &bare))
            .filter_map(|workgroup| self.address(&workgroup.name))
            .collect();
        let payload = Workgroups { agent: Some(bare), workgroups }.element();
        self.send(request.result(Some(payload)));
    }

    pub(super) fn offer_accept(
        &mut self,
        request: &Request,
        workgroup: &str,
        agent: &FullJid,
        now: Timestamp,
    ) {
        let Some((session, fence)) = self.offer_named(request, workgroup, agent) else {
            return self.refuse(request, Condition::ItemNotFound, None);
        };
        // The answer goes first: it is what the client waits for.
        let before = self.out.len();
        let reply = self.tell(Event::OfferAccepted { session, agent: agent.clone(), fence }, now);
        let effects = self.out.split_off(before);
        match reply {
            Some(Reply::Accepted) => {
                // A repeated accept has no effects.
                if !effects.is_empty() {
                    self.count(|metrics| &metrics.accepts_total);
                }
                self.send(request.result(None));
            }
            Some(Reply::Lost(_)) => {
                self.count(|metrics| &metrics.late_accepts_total);
                self.refuse(request, Condition::ItemNotFound, Some("This offer is over."));
            }
            _ => self.refuse(request, Condition::ItemNotFound, None),
        }
        self.out.extend(effects);
    }

    pub(super) fn offer_reject(
        &mut self,
        request: &Request,
        workgroup: &str,
        agent: &FullJid,
        now: Timestamp,
    ) {
        let Some((session, fence)) = self.offer_named(request, workgroup, agent) else {
            return self.refuse(request, Condition::ItemNotFound, None);
        };
        let before = self.out.len();
        let reply = self.tell(Event::OfferDeclined { session, agent: agent.clone(), fence }, now);
        let effects = self.out.split_off(before);
        // Nothing to decline is a plain result as well: Spark rejects by itself while it is in the room.
        if reply == Some(Reply::Declined) {
            self.count(|metrics| &metrics.declines_total);
        }
        self.send(request.result(None));
        self.out.extend(effects);
    }

    /// Which offer: by `id`, or in the old way by the customer's `jid`.
    fn offer_named(
        &self,
        request: &Request,
        workgroup: &str,
        agent: &FullJid,
    ) -> Option<(SessionId, Option<u32>)> {
        let customer = match OfferAnswer::read(&request.payload).ok()?.offer {
            OfferRef::Id(id) => {
                let (session, fence) = read_offer_id(&id);
                // Spark names the chat instead of the handover.
                if let Some(handover) = self.router.handover_offered(&session, agent) {
                    return Some((handover.clone(), None));
                }
                if self.router.handover(&session).is_some() {
                    return Some((session, fence));
                }
                return self.visits.contains_key(&session).then_some((session, fence));
            }
            OfferRef::Customer(customer) => customer.try_into_full().ok()?,
        };
        let visits = self.router.visits(&customer).cloned();
        let offered: Vec<_> = self.router.offers_of(agent).cloned().collect();
        let mut fits = visits.filter(|session| {
            offered.contains(session)
                && self.router.customer(session).is_some_and(|view| view.workgroup.0 == workgroup)
        });
        fits.next().map(|session| (session, None))
    }

    /// The offer as a stanza.
    pub(super) fn send_offer(&mut self, session: &SessionId, agent: &FullJid, fence: u32, seconds: u64) {
        if self.router.handover(session).is_some() {
            return self.send_handover_offer(session, agent, fence, seconds);
        }
        let Some(view) = self.router.customer(session) else { return };
        let Some(from) = self.address(&view.workgroup.0) else { return };
        let id = offer_id(session, fence);
        let offer = Offer {
            id: id.clone(),
            customer: Jid::from(view.client.clone()),
            metadata: metadata(view.answers),
            timeout_s: i64::try_from(seconds).unwrap_or(i64::MAX),
            session: Session { id: session.0.clone(), workgroup: Some(from.clone()) },
            kind: OfferKind::Customer,
            user: view.user.map(str::to_owned),
        };
        self.count(|metrics| &metrics.offers_total);
        let stanza =
            iq_set(&Jid::from(from), &Jid::from(agent.clone()), &format!("offer:{id}"), offer.element());
        self.send(stanza);
    }

    /// Takes an offer back. `from` is the workgroup that made it, if it is not the customer's.
    pub(super) fn revoke(
        &mut self,
        id: String,
        session: &SessionId,
        from: Option<BareJid>,
        agent: &FullJid,
        reason: RevokeReason,
    ) {
        let Some(visit) = self.visits.get(session) else { return };
        let Some(home) = self.address(&visit.summary.workgroup) else { return };
        let text = match reason {
            RevokeReason::TimedOut => OfferRevoke::TIMED_OUT,
            RevokeReason::CustomerGone => OfferRevoke::CUSTOMER_GONE,
            RevokeReason::Withdrawn => OfferRevoke::WITHDRAWN,
        };
        let user =
            (visit.summary.user != visit.client.to_bare().as_str()).then(|| visit.summary.user.clone());
        let revoke = OfferRevoke {
            id: id.clone(),
            customer: Some(Jid::from(visit.client.clone())),
            reason: text.to_owned(),
            session: Some(Session { id: session.0.clone(), workgroup: Some(home.clone()) }),
            user,
        };
        let from = Jid::from(from.unwrap_or(home));
        let stanza = iq_set(&from, &Jid::from(agent.clone()), &format!("revoke:{id}"), revoke.element());
        self.send(stanza);
    }

    /// An answer to something we asked: an offer that could not be delivered, a ping.
    pub(super) fn iq_answered(&mut self, stanza: &Element, from: &Jid, now: Timestamp) {
        let Some(id) = stanza.attr("id") else { return self.drop_stanza() };
        let error = stanza.attr("type") == Some("error");
        if let Some(offer) = id.strip_prefix("offer:") {
            let Ok(client) = from.try_as_full() else { return };
            let (session, fence) = read_offer_id(offer);
            let holds = self.router.offers_of(client).any(|offered| *offered == session);
            if error && holds {
                let agent = client.clone();
                if says_gone(stanza) {
                    self.tell(Event::AgentGone { agent, workgroup: None }, now);
                } else {
                    let fence = Some(fence.unwrap_or(1));
                    self.tell(Event::OfferDeclined { session, agent, fence }, now);
                }
            }
            return;
        }
        let asked = match self.pings.get(id) {
            Some(Pinged::Agent(client) | Pinged::Customer(_, client)) => client,
            None => return,
        };
        if asked.as_str() != from.as_str() {
            return self.drop_stanza();
        }
        let gone = error && says_gone(stanza);
        match self.pings.remove(id) {
            // On the way back, perhaps; the time to answer runs.
            Some(Pinged::Agent(_)) if gone && now < self.grace => {}
            Some(Pinged::Agent(agent)) if gone => {
                self.tell(Event::AgentGone { agent, workgroup: None }, now);
            }
            Some(Pinged::Agent(agent)) => {
                self.tell(Event::AgentAlive { agent: agent.clone() }, now);
                let workgroups: Vec<_> = self.router.workgroups_of(&agent).into_iter().cloned().collect();
                for workgroup in workgroups {
                    self.welcome(&agent, &workgroup.0);
                    self.send_colleagues(&agent, &workgroup.0);
                }
            }
            Some(Pinged::Customer(session, _)) if gone => {
                self.tell(Event::CustomerVanished { session }, now);
            }
            Some(Pinged::Customer(..)) | None => {}
        }
    }

    /// Asks an agent's client whether it is still there.
    pub(super) fn ask_alive(&mut self, agent: &FullJid) {
        let workgroup = self.router.workgroups_of(agent).first().map(|name| name.0.clone());
        if let Some(from) = workgroup.and_then(|workgroup| self.address(&workgroup)) {
            self.ping(&from, Pinged::Agent(agent.clone()));
        }
    }

    fn ping(&mut self, from: &BareJid, whom: Pinged) {
        if self.pings.len() >= MAX_PINGS {
            return;
        }
        let (Pinged::Agent(client) | Pinged::Customer(_, client)) = &whom;
        let to = Jid::from(client.clone());
        let id = self.next_id("ping");
        self.pings.insert(id.clone(), whom);
        let stanza = iq_get(&Jid::from(from.clone()), &to, &id, el("ping", PING));
        self.send(stanza);
    }

    /// A customer who waits sends nothing, and who goes need not say so: asked from time to time.
    pub(super) fn ping_customers(&mut self, now: Timestamp) {
        self.set_timer(Wake::PingCustomers, now.plus(PING_EVERY_MS));
        // Whoever has not answered the last one is asked again; only an error says that somebody is gone.
        self.pings.retain(|_, whom| matches!(whom, Pinged::Agent(_)));
        let waiting: Vec<_> = self
            .router
            .sessions()
            .filter_map(|session| {
                let view = self.router.customer(session)?;
                let asked = !matches!(view.phase, Phase::Active { .. });
                asked.then(|| (session.clone(), view.client.clone(), view.workgroup.0.clone()))
            })
            .collect();
        for (session, client, workgroup) in waiting {
            if let Some(from) = self.address(&workgroup) {
                self.ping(&from, Pinged::Customer(session, client));
            }
        }
    }

    /// The address under which colleagues see an agent: our own domain, so that no foreign address is forged, and
    /// Spark takes it for an agent like any other (`live/SPARK.md`, experiment I).
    pub(super) fn shadow(&self, agent: &BareJid) -> Option<BareJid> {
        let node = agent.node()?.as_str();
        let own = agent.domain().as_str() == self.config.xmpp_domain && self.config.workgroup(node).is_none();
        let local = if own { node.to_owned() } else { format!("{node}\\40{}", agent.domain()) };
        BareJid::new(&format!("{local}@{}", self.config.domain)).ok()
    }

    /// The agent behind such an address.
    pub(super) fn behind(&self, shadow: &BareJid, workgroup: &str) -> Option<BareJid> {
        let config = self.config.workgroup(workgroup)?;
        config.agents().into_iter().find(|agent| self.shadow(agent).as_ref() == Some(shadow)).cloned()
    }

    pub(super) fn agent_name(&self, workgroup: &str, agent: &BareJid) -> Option<String> {
        let config = self.config.workgroup(workgroup)?;
        config.agent_names.get(agent).cloned().or_else(|| agent.node().map(|node| node.as_str().to_owned()))
    }

    pub(super) fn agent_status_request(&mut self, request: &Request, workgroup: &str, agent: &FullJid) {
        let name = WorkgroupName(workgroup.to_owned());
        if self.router.agent(&agent.to_bare(), &name).is_none_or(|view| view.client != agent) {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        let Some(config) = self.config.workgroup(workgroup) else { return };
        let agents = config
            .agents()
            .into_iter()
            .filter(|other| **other != agent.to_bare())
            .filter_map(|other| {
                let name = self.agent_name(workgroup, other);
                Some(AgentEntry { jid: self.shadow(other)?, name, removed: false })
            })
            .collect();
        let payload = AgentStatusRequest { agents }.element();
        self.send(request.result(Some(payload)));
        self.send_colleagues(agent, workgroup);
    }

    /// Every colleague's presence, to one agent.
    pub(super) fn send_colleagues(&mut self, to: &FullJid, workgroup: &str) {
        let name = WorkgroupName(workgroup.to_owned());
        let colleagues: Vec<FullJid> = self
            .router
            .agents_in(&name)
            .into_iter()
            .map(|view| view.client.clone())
            .filter(|it| it != to)
            .collect();
        for colleague in colleagues {
            if let Some(stanza) = self.colleague(&colleague, &name, to) {
                self.send(stanza);
            }
        }
    }

    /// One agent's presence as a colleague sees it.
    fn colleague(&self, agent: &FullJid, workgroup: &WorkgroupName, to: &FullJid) -> Option<Element> {
        let view = self.router.agent(&agent.to_bare(), workgroup).filter(|view| view.client == agent)?;
        let from = self.shadow(&agent.to_bare())?.with_resource(agent.resource());
        let chats = view.chats.iter().filter_map(|session| {
            let summary = &self.visits.get(session)?.summary;
            let answer = |field: &str| answer_of(summary, field);
            Some(CurrentChat {
                session: session.0.clone(),
                user: summary.user.clone(),
                started: Some(ms(summary.started.unwrap_or(summary.joined))),
                question: answer("question"),
                username: answer("username"),
                email: answer("email"),
            })
        });
        let status = AgentStatus {
            workgroup: self.address(&workgroup.0),
            max_chats: MaxChats::Limit(view.max_chats),
            chats: Some(chats.collect()),
        };
        let show = (!view.available).then(|| leaf("show", crate::xml::CLIENT, "away"));
        Some(presence(from.as_str(), to.as_str(), None).children(show).child(status.element()).build())
    }

    /// Tells all colleagues about an agent who changed.
    pub(super) fn agent_changed(&mut self, workgroup: &WorkgroupName, agent: &FullJid) {
        let others: Vec<FullJid> = self
            .router
            .agents_in(workgroup)
            .into_iter()
            .map(|it| it.client.clone())
            .filter(|it| it != agent)
            .collect();
        for to in others {
            if let Some(stanza) = self.colleague(agent, workgroup, &to) {
                self.send(stanza);
            }
        }
    }

    /// Tells all colleagues about an agent who left.
    pub(super) fn agent_left(&mut self, workgroup: &WorkgroupName, agent: &FullJid) {
        let Some(shadow) = self.shadow(&agent.to_bare()) else { return };
        let from = shadow.with_resource(agent.resource());
        let others: Vec<FullJid> =
            self.router.agents_in(workgroup).into_iter().map(|it| it.client.clone()).collect();
        let status =
            AgentStatus { workgroup: self.address(&workgroup.0), ..AgentStatus::default() }.element();
        for to in others.into_iter().filter(|to| to != agent) {
            self.send(presence(from.as_str(), to.as_str(), Some("unavailable")).child(status.clone()));
        }
    }

    /// Another client of the agent took over: this one is told as Fastpath intends.
    pub(super) fn displaced(&mut self, workgroup: &WorkgroupName, agent: &FullJid) {
        if let Some(from) = self.address(&workgroup.0) {
            let error = Condition::NotAllowed.element(Some("You take customers from another device now."));
            self.send(presence(from.as_str(), agent.as_str(), Some("error")).child(error));
        }
    }

    pub(super) fn count_timer(&self, timer: &flint_fastpath_routing::Timer) {
        if matches!(
            timer,
            flint_fastpath_routing::Timer::Offer { .. } | flint_fastpath_routing::Timer::Seen { .. }
        ) {
            self.count(|metrics| &metrics.offer_timeouts_total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_offers_come_back() {
        let session = SessionId("q7tzkw415".to_owned());
        assert_eq!(offer_id(&session, 1), "q7tzkw415");
        assert_eq!(read_offer_id("q7tzkw415"), (session.clone(), None));
        assert_eq!(read_offer_id(&offer_id(&session, 12)), (session, Some(12)));
        assert_eq!(read_offer_id("no-number"), (SessionId("no-number".to_owned()), None));
    }
}
