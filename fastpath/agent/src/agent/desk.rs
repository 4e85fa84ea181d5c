//! Workgroups: finding them, being available in them, their queues and colleagues.

use super::{Agent, Request, cancel, rejected, send, stanza, timer};
use crate::update::{AgentRow, AgentUpdate, QueueRow, WaitingRow, WorkgroupRow};
use crate::wire::{AgentEffect, AgentOutput, Extension};
use flint_core::ids::Timestamp;
use flint_core::model::Show;
use flint_fastpath_protocol::Condition;
use flint_fastpath_protocol::agent::{AgentEntry, AgentInfo, AgentStatus, AgentStatusRequest, MaxChats};
use flint_fastpath_protocol::discovery::{self, Workgroups, WorkgroupsRequest};
use flint_fastpath_protocol::form::{self, Form};
use flint_fastpath_protocol::queue::{self, NotifyQueue, NotifyQueueDetails};
use jid::{BareJid, Jid};
use minidom::Element;
use std::collections::BTreeMap;

/// How long a workgroup may take to confirm a join.
const JOIN_MS: u64 = 10_000;
/// How often we ask whether the workgroup still knows us (it may forget an agent without a word).
const CHECK_MS: u64 = 120_000;
/// Joins without a word of the workgroup in between before we give up.
const MAX_JOINS: u8 = 3;
const MAX_WORKGROUPS: usize = 100;
const MAX_QUEUES: usize = 200;
const MAX_PROBES: usize = 30;

/// One workgroup.
#[derive(Debug)]
pub(super) struct Desk {
    service: String,
    name: String,
    wanted: bool,
    joined: bool,
    joins: u8,
    queues: BTreeMap<String, QueueRow>,
    agents: BTreeMap<BareJid, AgentRow>,
    /// How the workgroup calls ourselves.
    own_name: Option<String>,
    pub(super) form: Option<Form>,
}

impl Desk {
    fn new(service: &str, workgroup: &BareJid) -> Self {
        let name = workgroup.node().map_or_else(|| workgroup.to_string(), |node| node.to_string());
        Self {
            service: service.to_owned(),
            name,
            wanted: false,
            joined: false,
            joins: 0,
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
            own_name: None,
            form: None,
        }
    }

    /// Takes offers.
    pub(super) fn wanted(&self) -> bool {
        self.wanted
    }

    /// Name of the colleague with this nickname, if it is one's.
    pub(super) fn colleague(&self, nick: &str) -> Option<&str> {
        let is = |jid: &BareJid| jid.node().is_some_and(|node| node.as_str() == nick);
        let found = self.agents.iter().find(|(jid, row)| row.name == nick || is(jid));
        found.map(|(_, row)| row.name.as_str())
    }

    /// Name of the colleague with this real address, if it is one's. A workgroup may show an agent under an address of
    /// its own service.
    pub(super) fn colleague_at(&self, real: &BareJid, home: &BareJid) -> Option<&str> {
        let shown = |jid: &BareJid| {
            jid.domain().as_str() == self.service
                && real.domain() == home.domain()
                && jid.node() == real.node()
        };
        self.agents.iter().find(|(jid, _)| *jid == real || shown(jid)).map(|(_, row)| row.name.as_str())
    }

    /// How the workgroup calls ourselves, if it said so.
    pub(super) fn own_name(&self) -> Option<&str> {
        self.own_name.as_deref()
    }

    /// Since when a customer waits here, if the workgroup shows it.
    pub(super) fn waits_since(&self, customer: &Jid) -> Option<Timestamp> {
        let mut waiting = self.queues.values().flat_map(|queue| &queue.customers);
        waiting.find(|row| row.jid == *customer).and_then(|row| row.since)
    }

    fn clear(&mut self) {
        self.joined = false;
        self.queues.clear();
        self.agents.clear();
    }
}

impl Agent {
    /// After each sign-in: the usual service at once, others by looking through the domain.
    pub(super) fn discover(&mut self, out: &mut AgentOutput) {
        let domain = self.account.domain().to_owned();
        self.ask_service(format!("workgroup.{domain}"), out);
        let query = Element::builder("query", discovery::DISCO_ITEMS).build();
        self.ask("get", &Jid::from(BareJid::from_parts(None, &domain)), query, Request::DomainItems, out);
    }

    fn ask_service(&mut self, service: String, out: &mut AgentOutput) {
        let (Some(me), Ok(to)) = (self.me.clone(), Jid::new(&service)) else { return };
        self.services.insert(service.clone());
        out.effects.push(AgentEffect::ClaimDomain(service.clone()));
        let payload = WorkgroupsRequest { agent: me.into() }.element();
        self.ask("get", &to, payload, Request::Workgroups(service), out);
    }

    pub(super) fn domain_items(&mut self, payload: Option<&Element>, out: &mut AgentOutput) {
        let items = payload.and_then(|payload| discovery::read_items(payload).ok()).unwrap_or_default();
        let own = format!(".{}", self.account.domain());
        let services: Vec<Jid> = items
            .into_iter()
            .filter(|item| item.node().is_none() && item.resource().is_none())
            .filter(|item| item.domain().as_str().ends_with(&own))
            .filter(|item| !self.services.contains(item.domain().as_str()))
            .take(MAX_PROBES)
            .collect();
        for service in services {
            let query = Element::builder("query", discovery::DISCO_INFO).build();
            let request = Request::ServiceInfo(service.domain().as_str().to_owned());
            self.ask("get", &service, query, request, out);
        }
    }

    pub(super) fn service_info(&mut self, service: String, payload: Option<&Element>, out: &mut AgentOutput) {
        if payload.is_some_and(discovery::is_service_info) {
            self.ask_service(service, out);
        }
    }

    /// The list of our workgroups; none or an error: no desk.
    pub(super) fn workgroups(&mut self, service: &str, payload: Option<&Element>, out: &mut AgentOutput) {
        let list = payload.and_then(|payload| Workgroups::read(payload).ok()).map(|list| list.workgroups);
        let list: Vec<BareJid> = list
            .unwrap_or_default()
            .into_iter()
            .filter(|workgroup| workgroup.node().is_some() && workgroup.domain().as_str() == service)
            .take(MAX_WORKGROUPS)
            .collect();
        let gone: Vec<BareJid> = self
            .desks
            .iter()
            .filter(|(workgroup, desk)| desk.service == service && !list.contains(workgroup))
            .map(|(workgroup, _)| workgroup.clone())
            .collect();
        for workgroup in gone {
            self.desks.remove(&workgroup);
            self.close_offers_of(&workgroup, out);
        }
        for workgroup in &list {
            let desk = self.desks.entry(workgroup.clone()).or_insert_with(|| Desk::new(service, workgroup));
            desk.joins = 0;
        }
        out.updates.push(AgentUpdate::Workgroups { workgroups: self.rows() });
        for workgroup in list {
            let card = Request::WorkgroupCard(workgroup.clone());
            self.ask("get", &workgroup.clone().into(), discovery::vcard_request(), card, out);
            if self.desks.get(&workgroup).is_some_and(Desk::wanted) {
                self.send_join(&workgroup, out);
            }
        }
    }

    /// The name to show; disco#info of a workgroup only repeats the local part.
    pub(super) fn workgroup_card(
        &mut self,
        workgroup: &BareJid,
        payload: Option<&Element>,
        out: &mut AgentOutput,
    ) {
        let Some(Ok(name)) = payload.map(discovery::read_vcard) else { return };
        if let Some(desk) = self.desks.get_mut(workgroup)
            && !name.is_empty()
            && desk.name != name
        {
            desk.name = name;
            self.desk_changed(workgroup, out);
        }
    }

    pub(super) fn form(&mut self, workgroup: &BareJid, payload: Option<&Element>, out: &mut AgentOutput) {
        let Some(Ok(form)) = payload.map(Form::read_answer) else { return };
        if let Some(desk) = self.desks.get_mut(workgroup) {
            desk.form = Some(form);
            self.relabel(workgroup, out);
        }
    }

    pub(super) fn join_workgroup(&mut self, workgroup: &BareJid, out: &mut AgentOutput) {
        let Some(desk) = self.desks.get_mut(workgroup) else {
            out.updates.push(rejected(
                "Join the workgroup",
                "You are not an agent of this workgroup. Ask your administrator to add you.",
            ));
            return;
        };
        desk.wanted = true;
        desk.joins = 0;
        if self.me.is_some() {
            self.send_join(workgroup, out);
        }
    }

    fn send_join(&mut self, workgroup: &BareJid, out: &mut AgentOutput) {
        let Some(desk) = self.desks.get_mut(workgroup) else { return };
        desk.joins = desk.joins.saturating_add(1);
        out.effects.push(send(&stanza::agent_presence(workgroup, self.show, self.max_chats)));
        out.effects.push(timer("join", workgroup.as_str(), JOIN_MS));
    }

    pub(super) fn join_unanswered(&mut self, workgroup: &str, out: &mut AgentOutput) {
        let Ok(workgroup) = BareJid::new(workgroup) else { return };
        let Some(desk) = self.desks.get_mut(&workgroup) else { return };
        if desk.joined || !desk.wanted || self.me.is_none() {
            return;
        }
        if desk.joins < MAX_JOINS {
            self.send_join(&workgroup, out);
            return;
        }
        desk.wanted = false;
        out.updates
            .push(rejected("Join the workgroup", "The workgroup did not answer. Try again in a moment."));
        self.desk_changed(&workgroup, out);
    }

    pub(super) fn leave_workgroup(&mut self, workgroup: &BareJid, out: &mut AgentOutput) {
        let Some(desk) = self.desks.get_mut(workgroup) else { return };
        let told = desk.wanted && self.me.is_some();
        desk.wanted = false;
        desk.clear();
        if told {
            out.effects.push(send(&stanza::agent_unavailable(workgroup)));
        }
        out.effects.push(cancel("join", workgroup.as_str()));
        out.effects.push(cancel("check", workgroup.as_str()));
        self.close_offers_of(workgroup, out);
        self.desk_changed(workgroup, out);
    }

    /// An offer ran out and no word came: the workgroup may have locked us (its bot switched off). Leaving and joining
    /// again frees us.
    pub(super) fn refresh_desk(&mut self, workgroup: &BareJid, out: &mut AgentOutput) {
        let Some(desk) = self.desks.get_mut(workgroup) else { return };
        if !desk.wanted || self.me.is_none() {
            return;
        }
        desk.joined = false;
        desk.joins = 0;
        out.effects.push(send(&stanza::agent_unavailable(workgroup)));
        self.send_join(workgroup, out);
    }

    pub(super) fn set_status(&mut self, show: Show, max_chats: u32, out: &mut AgentOutput) {
        if show == Show::Offline {
            out.updates
                .push(rejected("Change your status", "To stop taking customers, leave the workgroup."));
            return;
        }
        self.show = show;
        self.max_chats = max_chats.clamp(1, 50);
        let all: Vec<BareJid> = self.desks.keys().cloned().collect();
        for workgroup in all {
            let wanted = self.desks.get(&workgroup).is_some_and(Desk::wanted);
            if wanted && self.me.is_some() {
                out.effects.push(send(&stanza::agent_presence(&workgroup, self.show, self.max_chats)));
            }
            self.desk_changed(&workgroup, out);
        }
    }

    /// A presence of a workgroup or one of its queues.
    pub(super) fn workgroup_presence(
        &mut self,
        workgroup: &BareJid,
        extension: &Extension,
        presence: &Element,
        out: &mut AgentOutput,
    ) {
        if extension.stanza_type.as_deref() == Some("error") {
            self.join_refused(workgroup, Condition::read(presence), out);
            return;
        }
        if !queue::is_queue_presence(presence) {
            return;
        }
        let Some(desk) = self.desks.get_mut(workgroup).filter(|desk| desk.wanted) else { return };
        let name = extension.from.resource().map(|name| name.as_str().to_owned()).unwrap_or_default();
        if !name.is_empty() && !note_queue(desk, name, presence) {
            self.drop_stanza();
            return;
        }
        let Some(desk) = self.desks.get_mut(workgroup) else { return };
        if !desk.joined {
            desk.joined = true;
            out.effects.push(cancel("join", workgroup.as_str()));
            self.ask_colleagues(workgroup, out);
            let own = Request::OwnName(workgroup.clone());
            self.ask("get", &workgroup.clone().into(), AgentInfo::default().element(), own, out);
            self.ask(
                "get",
                &workgroup.clone().into(),
                form::request(),
                Request::Form(workgroup.clone()),
                out,
            );
        }
        self.desk_changed(workgroup, out);
        self.note_waits(workgroup, out);
    }

    /// A workgroup that keeps no names says nothing or our local part: then we have none.
    pub(super) fn own_name(&mut self, workgroup: &BareJid, payload: Option<&Element>) {
        let Some(Ok(info)) = payload.map(AgentInfo::read) else { return };
        if let Some(desk) = self.desks.get_mut(workgroup) {
            desk.own_name = info.name;
        }
    }

    fn join_refused(&mut self, workgroup: &BareJid, condition: Option<Condition>, out: &mut AgentOutput) {
        let Some(desk) = self.desks.get_mut(workgroup).filter(|desk| desk.wanted) else { return };
        desk.wanted = false;
        desk.clear();
        out.effects.push(cancel("join", workgroup.as_str()));
        out.effects.push(cancel("check", workgroup.as_str()));
        let reason = match condition {
            Some(Condition::NotAllowed | Condition::Conflict) => {
                "You already take customers of this workgroup on another computer. Sign out there first."
            }
            Some(Condition::NotAuthorized | Condition::Forbidden) => {
                "You are not an agent of this workgroup. Ask your administrator to add you."
            }
            _ => "The workgroup could not be joined. Try again in a moment.",
        };
        out.updates.push(rejected("Join the workgroup", reason));
        self.close_offers_of(workgroup, out);
        self.desk_changed(workgroup, out);
    }

    fn ask_colleagues(&mut self, workgroup: &BareJid, out: &mut AgentOutput) {
        let payload = AgentStatusRequest::default().element();
        self.ask("get", &workgroup.clone().into(), payload, Request::Colleagues(workgroup.clone()), out);
        out.effects.push(timer("check", workgroup.as_str(), CHECK_MS));
    }

    pub(super) fn check_desk(&mut self, workgroup: &str, out: &mut AgentOutput) {
        let Ok(workgroup) = BareJid::new(workgroup) else { return };
        if self.me.is_some() && self.desks.get(&workgroup).is_some_and(|desk| desk.joined) {
            self.ask_colleagues(&workgroup, out);
        }
    }

    pub(super) fn colleagues(
        &mut self,
        workgroup: &BareJid,
        result: Result<Option<&Element>, Option<Condition>>,
        out: &mut AgentOutput,
    ) {
        let Some(desk) = self.desks.get_mut(workgroup).filter(|desk| desk.wanted) else { return };
        match result {
            Ok(payload) => {
                desk.joins = 0;
                let Some(Ok(list)) = payload.map(AgentStatusRequest::read) else { return };
                desk.agents.retain(|jid, _| list.agents.iter().any(|agent| agent.jid == *jid));
                for agent in list.agents {
                    note_agent(desk, agent);
                }
                self.desk_changed(workgroup, out);
            }
            // The workgroup has forgotten us.
            Err(Some(Condition::ItemNotFound | Condition::NotAuthorized)) if desk.joins < MAX_JOINS => {
                desk.joined = false;
                self.send_join(workgroup, out);
                self.desk_changed(workgroup, out);
            }
            Err(_) => {}
        }
    }

    pub(super) fn colleague_push(
        &mut self,
        workgroup: &BareJid,
        payload: &Element,
        out: &mut AgentOutput,
    ) -> Result<(), Condition> {
        let list = AgentStatusRequest::read(payload).map_err(|error| error.condition())?;
        let desk = self.desks.get_mut(workgroup).ok_or(Condition::ServiceUnavailable)?;
        for agent in list.agents {
            if agent.removed {
                desk.agents.remove(&agent.jid);
            } else {
                note_agent(desk, agent);
            }
        }
        self.desk_changed(workgroup, out);
        Ok(())
    }

    /// A colleague's presence, by the colleague's address: only for colleagues that the workgroup named.
    pub(super) fn colleague_presence(
        &mut self,
        from: &Jid,
        kind: Option<&str>,
        presence: &Element,
        out: &mut AgentOutput,
    ) {
        let bare = from.to_bare();
        let status = AgentStatus::inside(presence).ok().flatten();
        let workgroup = status.as_ref().and_then(|status| status.workgroup.clone());
        let row = match workgroup.as_ref().and_then(|workgroup| self.desks.get_mut(workgroup)) {
            Some(desk) => desk.agents.get_mut(&bare),
            None => None,
        };
        let (Some(workgroup), Some(row), Some(status)) = (workgroup, row, status) else {
            self.drop_stanza();
            return;
        };
        row.show = match kind {
            None => read_show(presence),
            Some(_) => Show::Offline,
        };
        if let MaxChats::Limit(limit) = status.max_chats {
            row.max_chats = limit;
        }
        if let Some(chats) = status.chats {
            row.chats = u32::try_from(chats.len()).unwrap_or(u32::MAX);
        } else if row.show == Show::Offline {
            row.chats = 0;
        }
        self.desk_changed(&workgroup, out);
    }

    pub(super) fn desks_offline(&mut self, out: &mut AgentOutput) {
        for (workgroup, desk) in &mut self.desks {
            desk.clear();
            out.effects.push(cancel("join", workgroup.as_str()));
            out.effects.push(cancel("check", workgroup.as_str()));
        }
        if !self.desks.is_empty() {
            out.updates.push(AgentUpdate::Workgroups { workgroups: self.rows() });
        }
    }

    pub(super) fn desk_changed(&self, workgroup: &BareJid, out: &mut AgentOutput) {
        if let Some(desk) = self.desks.get(workgroup) {
            out.updates.push(AgentUpdate::WorkgroupChanged { workgroup: self.row(workgroup, desk) });
        }
    }

    pub(super) fn rows(&self) -> Vec<WorkgroupRow> {
        let mut rows: Vec<WorkgroupRow> = self.desks.iter().map(|(jid, desk)| self.row(jid, desk)).collect();
        rows.sort_by(|a, b| {
            a.name.to_lowercase().cmp(&b.name.to_lowercase()).then_with(|| a.jid.cmp(&b.jid))
        });
        rows
    }

    fn row(&self, workgroup: &BareJid, desk: &Desk) -> WorkgroupRow {
        let current =
            self.chats.values().filter(|chat| chat.runs() && chat.row.workgroup == *workgroup).count();
        WorkgroupRow {
            jid: workgroup.clone(),
            name: desk.name.clone(),
            joined: desk.joined,
            show: self.show,
            max_chats: self.max_chats,
            current_chats: u32::try_from(current).unwrap_or(u32::MAX),
            queues: desk.queues.values().cloned().collect(),
            agents: desk.agents.values().cloned().collect(),
        }
    }
}

/// Takes figures or details of a queue over. False: malformed or too many.
fn note_queue(desk: &mut Desk, name: String, presence: &Element) -> bool {
    if desk.queues.len() >= MAX_QUEUES && !desk.queues.contains_key(&name) {
        return false;
    }
    let row = desk.queues.entry(name.clone()).or_insert_with(|| QueueRow {
        name,
        waiting: 0,
        oldest: None,
        average_wait_s: None,
        customers: Vec::new(),
    });
    for child in presence.children() {
        match child.name() {
            "notify-queue" => {
                let Ok(figures) = NotifyQueue::read(child) else { return false };
                row.waiting = figures.count;
                row.oldest = figures.oldest.map(Timestamp);
                row.average_wait_s = figures.time_s.filter(|time| *time > 0);
            }
            "notify-queue-details" => {
                let Ok(mut details) = NotifyQueueDetails::read(child) else { return false };
                details.users.sort_by_key(|user| user.position);
                row.customers = details
                    .users
                    .into_iter()
                    .map(|user| WaitingRow { jid: user.jid, since: user.joined.map(Timestamp) })
                    .collect();
            }
            _ => {}
        }
    }
    true
}

fn note_agent(desk: &mut Desk, agent: AgentEntry) {
    if desk.agents.len() >= flint_fastpath_protocol::limits::ROWS {
        return;
    }
    let local = agent.jid.node().map_or_else(|| agent.jid.to_string(), |node| node.to_string());
    let name = agent.name.unwrap_or(local);
    desk.agents.entry(agent.jid.clone()).and_modify(|row| row.name.clone_from(&name)).or_insert(AgentRow {
        jid: agent.jid,
        name,
        show: Show::Offline,
        chats: 0,
        max_chats: 0,
    });
}

fn read_show(presence: &Element) -> Show {
    let show =
        presence.children().find(|child| child.name() == "show").map(Element::text).unwrap_or_default();
    match show.trim() {
        "chat" => Show::Chat,
        "away" => Show::Away,
        "xa" => Show::ExtendedAway,
        "dnd" => Show::DoNotDisturb,
        _ => Show::Available,
    }
}
