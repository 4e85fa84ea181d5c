//! What the administrator sets: workgroups, queues, forms, texts.

use flint_fastpath_routing::{Condition, QueueRouting, RoutingConfig, WorkgroupName, WorkgroupRouting};
use jid::BareJid;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most workgroups of one service.
pub const MAX_WORKGROUPS: usize = 200;
/// Most queues of one workgroup.
pub const MAX_QUEUES: usize = 50;
/// Most agents of one queue.
pub const MAX_AGENTS: usize = 2_000;
/// Most fields of one form.
pub const MAX_FIELDS: usize = 50;

/// Configuration of one workgroup service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceConfig {
    /// The component's domain, for Spark `workgroup.` + the XMPP domain.
    pub domain: String,
    /// The room service that hosts the chats.
    pub conference: String,
    /// The domain whose users are shown to Spark by their localpart alone.
    pub xmpp_domain: String,
    /// Workgroups.
    #[serde(default)]
    pub workgroups: Vec<WorkgroupConfig>,
    /// Offers that one agent may have open at a time. Spark can't handle more than 1.
    #[serde(default = "one")]
    pub offers_per_agent: u32,
    /// How many of a queue's customers agents are shown; the count is always right.
    #[serde(default = "default_details_limit")]
    pub details_limit: u32,
}

/// One workgroup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkgroupConfig {
    /// Localpart of its address.
    pub name: String,
    /// Name shown.
    #[serde(default)]
    pub display_name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Takes customers at all.
    #[serde(default = "yes")]
    pub open: bool,
    /// What a customer is asked. Empty: name, e-mail address and question.
    #[serde(default)]
    pub form: Vec<FormField>,
    /// Seconds that an agent may think about an offer.
    #[serde(default = "default_offer_timeout")]
    pub offer_timeout_s: u32,
    /// Seconds that a customer may wait in all; 0 is without end.
    #[serde(default)]
    pub request_timeout_s: u32,
    /// Seconds for which an agent who declined isn't asked again for the same customer.
    #[serde(default = "default_decline_pause")]
    pub decline_pause_s: u32,
    /// Seconds that an agent who accepted may take to enter the room.
    #[serde(default = "default_enter_timeout")]
    pub enter_timeout_s: u32,
    /// Chats at once of an agent who names no limit.
    #[serde(default = "default_max_chats")]
    pub max_chats: u32,
    /// Largest limit that an agent may name.
    #[serde(default = "default_max_chats_cap")]
    pub max_chats_cap: u32,
    /// Customers that may wait at the same time.
    #[serde(default = "default_max_waiting")]
    pub max_waiting: u32,
    /// Queues, the first is the default.
    pub queues: Vec<QueueConfig>,
    /// Names of agents, where the localpart isn't a good one.
    #[serde(default)]
    pub agent_names: BTreeMap<BareJid, String>,
    /// Texts by Fastpath's keys, such as `no_agent_text`.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
    /// Canned responses for everybody.
    #[serde(default)]
    pub macros: Option<MacroGroup>,
    /// What a customer is told when nobody is there.
    #[serde(default)]
    pub offline: Option<OfflineSettings>,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConfig {
    /// Name, unique in its workgroup; becomes the resource of an address.
    pub name: String,
    /// Agents.
    #[serde(default)]
    pub agents: Vec<BareJid>,
    /// Answers for which this queue is meant; empty for everybody else.
    #[serde(default)]
    pub when: Vec<Condition>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Variable; `username`, `email` and `question` are shown to agents in lists.
    pub var: String,
    /// What the customer reads. Spark shows no field without one.
    pub label: String,
    /// Kind.
    #[serde(default)]
    pub kind: FieldKind,
    /// Has to be filled in.
    #[serde(default)]
    pub required: bool,
    /// Choices of the list kinds.
    #[serde(default)]
    pub options: Vec<FormOption>,
}

/// Kind of a form field, by the names of XEP-0004.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// One line.
    #[default]
    TextSingle,
    /// Several lines.
    TextMulti,
    /// Hidden while typing.
    TextPrivate,
    /// One of the options.
    ListSingle,
    /// Some of the options.
    ListMulti,
    /// Yes or no.
    Boolean,
    /// Not shown.
    Hidden,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormOption {
    /// What is sent.
    pub value: String,
    /// What is read.
    #[serde(default)]
    pub label: String,
}

/// Canned responses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MacroGroup {
    /// Title.
    pub title: String,
    /// Responses.
    #[serde(default)]
    pub macros: Vec<Macro>,
    /// Groups inside.
    #[serde(default)]
    pub groups: Vec<MacroGroup>,
}

/// One canned response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Macro {
    /// Title.
    pub title: String,
    /// Text.
    pub response: String,
}

/// What a customer is told when nobody is there: the first that is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OfflineSettings {
    /// Address of a page.
    #[serde(default)]
    pub redirect_page: Option<String>,
    /// A room.
    #[serde(default)]
    pub redirect_room: Option<BareJid>,
    /// Address for mail.
    #[serde(default)]
    pub email: Option<String>,
    /// Subject of that mail.
    #[serde(default)]
    pub subject: String,
    /// Text.
    #[serde(default)]
    pub text: String,
}

/// One thing that is wrong with a configuration, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConfigProblem {
    /// Where.
    pub place: String,
    /// What is wrong and what is expected.
    pub problem: String,
}

fn one() -> u32 {
    1
}
fn yes() -> bool {
    true
}
fn default_details_limit() -> u32 {
    50
}
fn default_offer_timeout() -> u32 {
    20
}
fn default_decline_pause() -> u32 {
    20
}
fn default_enter_timeout() -> u32 {
    60
}
fn default_max_chats() -> u32 {
    4
}
fn default_max_chats_cap() -> u32 {
    50
}
fn default_max_waiting() -> u32 {
    10_000
}

impl WorkgroupConfig {
    /// A workgroup of this name with one queue of these agents and defaults for the rest.
    pub fn new(name: &str, agents: Vec<BareJid>) -> Self {
        Self {
            name: name.to_owned(),
            display_name: name.to_owned(),
            description: String::new(),
            open: true,
            form: Vec::new(),
            offer_timeout_s: default_offer_timeout(),
            request_timeout_s: 0,
            decline_pause_s: default_decline_pause(),
            enter_timeout_s: default_enter_timeout(),
            max_chats: default_max_chats(),
            max_chats_cap: default_max_chats_cap(),
            max_waiting: default_max_waiting(),
            queues: vec![QueueConfig { name: "Default Queue".to_owned(), agents, when: Vec::new() }],
            agent_names: BTreeMap::new(),
            texts: BTreeMap::new(),
            macros: None,
            offline: None,
        }
    }

    /// The form, or Fastpath's default one.
    pub fn form(&self) -> Vec<FormField> {
        if !self.form.is_empty() {
            return self.form.clone();
        }
        [("username", "Name:"), ("email", "Email Address:"), ("question", "Question:")]
            .map(|(var, label)| FormField {
                var: var.to_owned(),
                label: label.to_owned(),
                kind: FieldKind::TextSingle,
                required: true,
                options: Vec::new(),
            })
            .to_vec()
    }

    /// Name shown, else the localpart.
    pub fn shown(&self) -> &str {
        if self.display_name.is_empty() { &self.name } else { &self.display_name }
    }

    /// Every agent of every queue, once.
    pub fn agents(&self) -> BTreeSet<&BareJid> {
        self.queues.iter().flat_map(|queue| &queue.agents).collect()
    }
}

impl ServiceConfig {
    /// Everything that is wrong with it; empty when it can be used.
    pub fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut say = |place: String, problem: &str| {
            problems.push(ConfigProblem { place, problem: problem.to_owned() });
        };
        for (place, domain) in
            [("domain", &self.domain), ("conference", &self.conference), ("xmpp_domain", &self.xmpp_domain)]
        {
            if BareJid::new(domain).is_err() || domain.contains('@') {
                say(place.to_owned(), "is not a domain name");
            }
        }
        if self.workgroups.len() > MAX_WORKGROUPS {
            say("workgroups".to_owned(), "more than 200: split them over several services");
        }
        let mut names = BTreeSet::new();
        for workgroup in &self.workgroups {
            let place = format!("workgroup '{}'", workgroup.name);
            let jid = BareJid::new(&format!("{}@{}", workgroup.name, self.domain));
            let normal = jid.is_ok_and(|jid| jid.node().is_some_and(|node| node.as_str() == workgroup.name));
            if !normal || workgroup.name.chars().any(char::is_uppercase) {
                say(place.clone(), "the name must be a lower-case localpart such as 'support'");
            }
            if !names.insert(&workgroup.name) {
                say(place.clone(), "the name occurs twice");
            }
            if workgroup.queues.is_empty() || workgroup.queues.len() > MAX_QUEUES {
                say(place.clone(), "needs between 1 and 50 queues");
            }
            let mut queues = BTreeSet::new();
            for queue in &workgroup.queues {
                if queue.name.is_empty() || jid::ResourcePart::new(&queue.name).is_err() {
                    say(place.clone(), "a queue's name must be a valid resource such as 'Billing'");
                }
                if !queues.insert(&queue.name) {
                    say(place.clone(), "a queue's name occurs twice");
                }
                if queue.agents.len() > MAX_AGENTS {
                    say(place.clone(), "a queue has more than 2000 agents: use several queues");
                }
            }
            if workgroup.form.len() > MAX_FIELDS {
                say(place.clone(), "the form has more than 50 fields");
            }
            let mut vars = BTreeSet::new();
            for field in &workgroup.form {
                if field.var.is_empty() || !vars.insert(&field.var) {
                    say(place.clone(), "each field of the form needs a name of its own");
                }
                let list = matches!(field.kind, FieldKind::ListSingle | FieldKind::ListMulti);
                if list && field.options.is_empty() {
                    say(place.clone(), "a list field of the form needs options");
                }
            }
            if !(5..=600).contains(&workgroup.offer_timeout_s) {
                say(place.clone(), "offer_timeout_s must be between 5 and 600");
            }
            if workgroup.request_timeout_s != 0 && workgroup.request_timeout_s < workgroup.offer_timeout_s {
                say(place.clone(), "request_timeout_s must be 0 (no end) or at least offer_timeout_s");
            }
            if workgroup.decline_pause_s == 0 || workgroup.enter_timeout_s < 10 {
                say(place.clone(), "decline_pause_s must be at least 1 and enter_timeout_s at least 10");
            }
            if workgroup.max_chats == 0 || workgroup.max_chats > workgroup.max_chats_cap {
                say(place, "max_chats must be between 1 and max_chats_cap");
            }
        }
        problems
    }

    /// What the router has to know.
    pub fn routing(&self) -> RoutingConfig {
        let ms = |seconds: u32| u64::from(seconds) * 1_000;
        let workgroups = self.workgroups.iter().map(|workgroup| WorkgroupRouting {
            name: WorkgroupName(workgroup.name.clone()),
            open: workgroup.open,
            offer_timeout_ms: ms(workgroup.offer_timeout_s),
            request_timeout_ms: ms(workgroup.request_timeout_s),
            decline_pause_ms: ms(workgroup.decline_pause_s),
            enter_timeout_ms: ms(workgroup.enter_timeout_s),
            max_chats: workgroup.max_chats,
            max_chats_cap: workgroup.max_chats_cap,
            max_waiting: workgroup.max_waiting,
            queues: workgroup
                .queues
                .iter()
                .map(|queue| QueueRouting {
                    name: queue.name.clone(),
                    agents: queue.agents.clone(),
                    when: queue.when.clone(),
                })
                .collect(),
        });
        RoutingConfig { workgroups: workgroups.collect(), offers_per_agent: self.offers_per_agent.max(1) }
    }

    /// The workgroup of this localpart.
    pub fn workgroup(&self, name: &str) -> Option<&WorkgroupConfig> {
        self.workgroups.iter().find(|workgroup| workgroup.name == name)
    }

    /// An agent of any workgroup.
    pub fn is_agent(&self, jid: &BareJid) -> bool {
        self.workgroups
            .iter()
            .any(|workgroup| workgroup.queues.iter().any(|queue| queue.agents.contains(jid)))
    }

    /// An agent of this workgroup.
    pub fn is_agent_of(&self, workgroup: &str, jid: &BareJid) -> bool {
        self.workgroup(workgroup).is_some_and(|it| it.queues.iter().any(|queue| queue.agents.contains(jid)))
    }
}
