//! Twenty agents and any number of customers on one component stream.

use crate::realm::Realm;
use anyhow::{Context, Result, bail, ensure};
use flint_stream::params::{Limits, Timing};
use flint_stream::{Component, ComponentParams, Secret, connect_component};
use minidom::Element;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

pub(super) const AGENTS: usize = 20;
/// Chats of one agent at a time.
const CHATS: usize = 4;
/// Longest wait for the next stanza.
const PATIENCE: Duration = Duration::from_secs(30);

const WG: &str = "http://jabber.org/protocol/workgroup";
const MUC: &str = "http://jabber.org/protocol/muc";
const MUC_USER: &str = "http://jabber.org/protocol/muc#user";

/// Everybody who is played.
#[derive(Debug)]
pub(super) struct Load {
    component: Component,
    domain: String,
    workgroup: String,
    ids: u64,
    /// Bytes to each agent.
    traffic: BTreeMap<String, usize>,
    /// Customers so far, so that each has an address of its own.
    customers: usize,
    /// Who is in each room.
    rooms: BTreeMap<String, BTreeSet<String>>,
}

/// What a stanza from the service was.
enum Heard {
    Offer {
        agent: String,
        id: String,
    },
    Invitation {
        to: String,
        room: String,
    },
    /// Agent and customer are in the room.
    Met {
        room: String,
    },
    Joined,
    Other,
}

impl Load {
    /// Connects, and brings all agents to the desk.
    pub(super) async fn start(realm: &Realm) -> Result<Self> {
        let domain = format!("load.{}", realm.text("domain"));
        let port = realm.report["component_port"].as_u64().context("the realm names no component port")?;
        let params = ComponentParams {
            domain: domain.clone(),
            host: realm.text("host").to_owned(),
            port: u16::try_from(port)?,
            secret: Secret::new(realm.text("component_secret")),
            limits: Limits::default(),
            timing: Timing::default(),
        };
        let component = connect_component(&params).await?;
        let workgroup = format!("load@workgroup.{}", realm.text("domain"));
        let mut load = Self {
            component,
            domain,
            workgroup,
            ids: 0,
            traffic: BTreeMap::new(),
            customers: 0,
            rooms: BTreeMap::new(),
        };
        for agent in 0..AGENTS {
            let (from, to) = (load.agent(agent), load.workgroup.clone());
            load.send(&format!(
                "<presence from='{from}' to='{to}'><agent-status xmlns='{WG}'><max-chats>{CHATS}</max-chats>\
                 </agent-status></presence>"
            ))
            .await?;
        }
        // A question that is answered after the presence of all agents was worked on.
        let last = load.agent(AGENTS - 1);
        let to = load.workgroup.clone();
        load.send(&format!(
            "<iq type='get' id='there' from='{last}' to='{to}'><agent-status-request xmlns='{WG}'/></iq>"
        ))
        .await?;
        loop {
            let stanza = load.next().await?;
            if stanza.name() == "iq" && stanza.attr("id") == Some("there") {
                ensure!(stanza.attr("type") == Some("result"), "the agents were refused");
                return Ok(load);
            }
        }
    }

    fn agent(&self, number: usize) -> String {
        format!("agent{number}@{}/desk", self.domain)
    }

    async fn send(&mut self, xml: &str) -> Result<()> {
        let (name, rest) = xml.split_at(xml.find([' ', '>']).context("no stanza")?);
        let stanza: Element = format!("{name} xmlns='jabber:client'{rest}").parse()?;
        Ok(self.component.send(&stanza).await?)
    }

    async fn next(&mut self) -> Result<Element> {
        let stanza = tokio::time::timeout(PATIENCE, self.component.next())
            .await
            .context("nothing came from the service any more")??;
        let to = stanza.attr("to").unwrap_or_default();
        if to.starts_with("agent") {
            *self.traffic.entry(to.to_owned()).or_default() += String::from(&stanza).len();
        }
        Ok(stanza)
    }

    /// Traffic is counted from here on.
    pub(super) fn forget_traffic(&mut self) {
        self.traffic.clear();
    }

    /// Bytes to the agent who got the most.
    pub(super) fn most_traffic(&self) -> usize {
        self.traffic.values().copied().max().unwrap_or_default()
    }

    /// Another customer joins the queue.
    async fn join(&mut self) -> Result<()> {
        let (number, domain, to) = (self.customers, self.domain.clone(), self.workgroup.clone());
        self.customers += 1;
        self.send(&format!(
            "<iq type='set' id='join{number}' from='customer{number}@{domain}/web' to='{to}'>\
             <join-queue xmlns='{WG}'><queue-notifications/><x xmlns='jabber:x:data' type='submit'>\
             <field var='username'><value>Customer {number}</value></field>\
             <field var='question'><value>How does this work?</value></field></x></join-queue></iq>"
        ))
        .await
    }

    /// Answers as any client would, and says what it was.
    async fn hear(&mut self) -> Result<Heard> {
        let stanza = self.next().await?;
        let to = stanza.attr("to").unwrap_or_default().to_owned();
        let from = stanza.attr("from").unwrap_or_default().to_owned();
        let id = stanza.attr("id").unwrap_or_default().to_owned();
        match (stanza.name(), stanza.attr("type")) {
            ("iq", Some("set" | "get")) => {
                self.send(&format!("<iq type='result' id='{id}' from='{to}' to='{from}'/>")).await?;
                if let Some(offer) = stanza.get_child("offer", WG) {
                    let id = offer.attr("id").context("an offer without id")?.to_owned();
                    return Ok(Heard::Offer { agent: to, id });
                }
                Ok(Heard::Other)
            }
            ("iq", Some("result")) if id.starts_with("join") => Ok(Heard::Joined),
            ("iq", Some("error")) => bail!("refused: {}", String::from(&stanza)),
            ("message", _) => {
                let invited =
                    stanza.get_child("x", MUC_USER).is_some_and(|x| x.has_child("invite", MUC_USER));
                Ok(if invited { Heard::Invitation { to, room: from } } else { Heard::Other })
            }
            ("presence", Some("error")) => bail!("refused: {}", String::from(&stanza)),
            ("presence", None) if stanza.has_child("x", MUC_USER) => {
                let room = from.split('/').next().unwrap_or_default().to_owned();
                let inside = &mut self.rooms.entry(room.clone()).or_default();
                // Our own presence in the room: each occupant hears of itself last.
                let own = from.ends_with(&format!("/{}", nick(&to)));
                Ok(if own && inside.insert(to) && inside.len() == 2 {
                    Heard::Met { room }
                } else {
                    Heard::Other
                })
            }
            _ => Ok(Heard::Other),
        }
    }

    async fn accept(&mut self, agent: &str, offer: &str) -> Result<()> {
        self.ids += 1;
        let (id, to) = (self.ids, self.workgroup.clone());
        self.send(&format!(
            "<iq type='set' id='a{id}' from='{agent}' to='{to}'><offer-accept xmlns='{WG}' id='{offer}'/></iq>"
        ))
        .await
    }

    async fn enter(&mut self, who: &str, room: &str) -> Result<()> {
        let nick = nick(who);
        self.send(&format!("<presence from='{who}' to='{room}/{nick}'><x xmlns='{MUC}'/></presence>")).await
    }

    /// Both leave, which ends the chat.
    async fn part(&mut self, room: &str) -> Result<()> {
        for who in self.rooms.remove(room).unwrap_or_default() {
            let nick = nick(&who);
            self.send(&format!("<presence type='unavailable' from='{who}' to='{room}/{nick}'/>")).await?;
        }
        Ok(())
    }

    /// One customer from the queue to the end of the chat: time to the offer, and from the acceptance to the
    /// customer's invitation.
    pub(super) async fn one_customer(&mut self) -> Result<(Duration, Duration)> {
        let customer = format!("customer{}@{}/web", self.customers, self.domain);
        let joined = Instant::now();
        self.join().await?;
        let (agent, offer) = loop {
            if let Heard::Offer { agent, id } = self.hear().await? {
                break (agent, id);
            }
        };
        let to_offer = joined.elapsed();
        let accepted = Instant::now();
        self.accept(&agent, &offer).await?;
        let mut to_invitation = None;
        loop {
            match self.hear().await? {
                Heard::Invitation { to, room } => {
                    if to == customer {
                        to_invitation = Some(accepted.elapsed());
                    }
                    self.enter(&to, &room).await?;
                }
                Heard::Met { room } => {
                    self.part(&room).await?;
                    break;
                }
                _ => {}
            }
        }
        Ok((to_offer, to_invitation.context("the agent met a customer who was not invited")?))
    }

    /// So many customers join at once; returns how many of them met an agent.
    pub(super) async fn crowd(&mut self, count: usize) -> Result<usize> {
        for _ in 0..count {
            self.join().await?;
        }
        let mut served = 0;
        while served < count {
            let heard = match self.hear().await {
                Ok(heard) => heard,
                // Whoever is still waiting is lost; the caller says how many.
                Err(error) if error.to_string().starts_with("nothing came") => return Ok(served),
                Err(error) => return Err(error),
            };
            match heard {
                Heard::Offer { agent, id } => self.accept(&agent, &id).await?,
                Heard::Invitation { to, room } => self.enter(&to, &room).await?,
                Heard::Met { room } => {
                    self.part(&room).await?;
                    served += 1;
                }
                Heard::Joined | Heard::Other => {}
            }
        }
        Ok(served)
    }

    /// So many customers join and nobody accepts anything; returns when all are in the queue.
    pub(super) async fn queue_up(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.join().await?;
        }
        let mut joined = 0;
        while joined < count {
            joined += usize::from(matches!(self.hear().await?, Heard::Joined));
        }
        Ok(())
    }

    /// Ends the stream in good order.
    pub(super) async fn close(self) {
        self.component.close().await;
    }
}

/// Everybody's name in a room is the local part of the address.
fn nick(address: &str) -> &str {
    address.split('@').next().unwrap_or_default()
}
