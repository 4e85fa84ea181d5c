//! Both ends together: the desk of Flint's own client with the service.

use crate::office::*;
use flint_core::ids::Timestamp;
use flint_core::secret::Private;
use flint_fastpath_agent::update::{CustomerChatRow, OfferRow};
use flint_fastpath_agent::{
    Agent, AgentCommand, AgentEffect, AgentInput, AgentUpdate, Extension, StanzaKind,
};
use jid::{BareJid, FullJid, Jid};
use minidom::Element;

const ANN: &str = "ann@example.test/desk";
const BOB: &str = "bob@example.test/desk";
const WANDA: &str = "wanda@example.test/home";

/// Bob's desk.
struct Desk {
    agent: Agent,
    updates: Vec<AgentUpdate>,
}

impl Desk {
    async fn joined(office: &mut Office) -> Self {
        let me = FullJid::new(BOB).unwrap();
        office.online.extend([BOB.to_owned(), me.to_bare().to_string()]);
        let mut desk = Self { agent: Agent::new(me.to_bare(), [3; 16]), updates: Vec::new() };
        desk.input(office, AgentInput::Online(me));
        desk.settle(office).await;
        desk.command(office, AgentCommand::JoinWorkgroup { workgroup: BareJid::new(SUPPORT).unwrap() }).await;
        desk
    }

    async fn command(&mut self, office: &mut Office, command: AgentCommand) {
        self.input(office, AgentInput::Command(command));
        self.settle(office).await;
    }

    fn input(&mut self, office: &mut Office, input: AgentInput) {
        let out = self.agent.handle(input, Timestamp(0));
        self.updates.extend(out.updates);
        for effect in out.effects {
            let AgentEffect::Send { xml } = effect else { continue };
            let stanza: Element = xml.0.parse().unwrap();
            if stanza.attr("to") == Some("example.test") {
                let id = stanza.attr("id").unwrap();
                let items = format!(
                    "<iq type='result' id='{id}' from='example.test'>\
                     <query xmlns='http://jabber.org/protocol/disco#items'><item jid='{SERVICE}'/></query></iq>"
                );
                self.arrived(office, &parse(&items));
            } else {
                office.send_stanza(BOB, stanza);
            }
        }
    }

    fn arrived(&mut self, office: &mut Office, stanza: &Element) {
        let kind = match (stanza.name(), stanza.attr("type")) {
            ("message", _) => StanzaKind::Message,
            ("presence", _) => StanzaKind::Presence,
            (_, Some("get")) => StanzaKind::IqGet,
            (_, Some("set")) => StanzaKind::IqSet,
            (_, Some("result")) => StanzaKind::IqResult,
            _ => StanzaKind::IqError,
        };
        let extension = Extension {
            from: Jid::new(stanza.attr("from").unwrap()).unwrap(),
            kind,
            stanza_type: stanza.attr("type").map(str::to_owned),
            id: stanza.attr("id").map(str::to_owned),
            xml: Private(String::from(stanza)),
        };
        self.input(office, AgentInput::Extension(extension));
    }

    /// Until neither end has anything more to say.
    async fn settle(&mut self, office: &mut Office) {
        loop {
            office.quiet().await;
            let mut stanzas = office.drain(BOB);
            stanzas.extend(office.drain("bob@example.test"));
            if stanzas.is_empty() {
                return;
            }
            for stanza in stanzas {
                self.arrived(office, &stanza);
            }
        }
    }

    fn offer(&self) -> &OfferRow {
        let mut offers = self.updates.iter().rev().filter_map(|update| match update {
            AgentUpdate::Offer { offer } => Some(offer),
            _ => None,
        });
        offers.next().expect("an offer")
    }

    fn chat(&self) -> &CustomerChatRow {
        let mut chats = self.updates.iter().rev().filter_map(|update| match update {
            AgentUpdate::Chat { chat } => Some(chat),
            _ => None,
        });
        chats.next().expect("a chat")
    }
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_is_handed_to_a_colleague_by_name_reaches_the_colleagues_desk() {
    let mut office = Office::open();
    office.agent(ANN, 4).await;
    office.join(WANDA).await;
    let session = office.chat(ANN, WANDA).await;
    let mut desk = Desk::joined(&mut office).await;
    let transfer = format!(
        "<transfer xmlns='http://jabber.org/protocol/workgroup' type='user'>\
         <session xmlns='http://jivesoftware.com/protocol/workgroup' id='{session}'/>\
         <invitee>bob@example.test</invitee><reason>Knows this phone</reason></transfer>"
    );
    assert_eq!(office.ask(ANN, "set", SUPPORT, &transfer).await.attr("type"), Some("result"));
    desk.settle(&mut office).await;
    let offer = desk.offer().clone();
    assert_eq!((offer.session.as_str(), offer.customer_name.as_str()), (session.as_str(), "Wanda"));
    assert_eq!(offer.question.0, "My phone is dead");
    desk.command(&mut office, AgentCommand::AcceptOffer { offer: offer.id }).await;
    assert_eq!(desk.chat().session, session);
    assert!(desk.chat().customer_present && desk.chat().ended_at.is_none());
    office.expect(ANN, "the kick", |it| String::from(it).contains("307")).await;
    desk.settle(&mut office).await;
    office.pass(90).await;
    assert!(office.rooms.exists(&session));
    desk.command(&mut office, AgentCommand::EndChat { session: session.clone() }).await;
    office.pass(2).await;
    assert!(!office.rooms.exists(&session));
    office.stop().await;
}
