//! The workgroup service with clients that are not ours on both sides (slixmpp), on a real Prosody.
//!
//! One realm serves all steps; they are one evening at a desk: each begins where the one before ended.

use anyhow::{Context as _, Result, ensure};
use flint_test_e2e::driver::{Driver, PATIENCE};
use flint_test_e2e::programs;
use flint_test_e2e::realm::Realm;
use minidom::Element;
use serde_json::json;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WG: &str = "http://jabber.org/protocol/workgroup";
const JWG: &str = "http://jivesoftware.com/protocol/workgroup";
const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
const MUC: &str = "http://jabber.org/protocol/muc";
const MUC_USER: &str = "http://jabber.org/protocol/muc#user";

/// Somebody with what arrived and nobody has looked at yet.
struct Person {
    driver: Driver,
    jid: String,
    inbox: VecDeque<Element>,
    ids: u32,
}

impl Person {
    fn enter(realm: &Realm, user: &str) -> Result<Self> {
        let jid = format!("{}/desk", realm.jid(user));
        Ok(Self { driver: realm.peer(user)?, jid, inbox: VecDeque::new(), ids: 0 })
    }

    fn send(&mut self, xml: &str) -> Result<()> {
        self.driver.tell(&json!({ "do": "send", "xml": xml }))
    }

    /// The next stanza that fits; others before it stay for later.
    fn expect(&mut self, what: &str, fits: impl Fn(&Element) -> bool) -> Result<Element> {
        if let Some(at) = self.inbox.iter().position(&fits) {
            return self.inbox.remove(at).context("it was just found");
        }
        let inbox = &mut self.inbox;
        let who = &self.jid;
        self.driver
            .wait(what, |line| {
                let stanza = parse(line["xml"].as_str()?)?;
                if fits(&stanza) {
                    return Some(stanza);
                }
                // The presence of two hundred colleagues is nobody's concern here.
                if stanza.name() != "presence" || stanza.children().next().is_some() {
                    inbox.push_back(stanza);
                }
                None
            })
            .with_context(|| {
                format!("{who} has {:?}", self.inbox.iter().map(String::from).collect::<Vec<_>>())
            })
    }

    /// The next stanza with this payload in a workgroup namespace.
    fn payload(&mut self, name: &str) -> Result<Element> {
        self.expect(name, |stanza| stanza.has_child(name, WG) || stanza.has_child(name, JWG))
    }

    /// Asks and waits for the answer.
    fn ask(&mut self, kind: &str, to: &str, payload: &str) -> Result<Element> {
        self.ids += 1;
        let id = format!("q{}", self.ids);
        self.send(&format!("<iq type='{kind}' id='{id}' to='{to}'>{payload}</iq>"))?;
        self.expect(payload, |stanza| {
            stanza.name() == "iq"
                && stanza.attr("id") == Some(&id)
                && matches!(stanza.attr("type"), Some("result" | "error"))
        })
    }

    /// Asks again until the answer holds what the service learns from others.
    fn ask_until(&mut self, to: &str, payload: &str, fits: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = String::from(&self.ask("get", to, payload)?);
            if fits(&answer) {
                return Ok(answer);
            }
            ensure!(Instant::now() < deadline, "{answer}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Says to the workgroup that we are there.
    fn available(&mut self, workgroup: &str, show: &str) -> Result<()> {
        let show = if show.is_empty() { String::new() } else { format!("<show>{show}</show>") };
        self.send(&format!(
            "<presence to='{workgroup}'>{show}<agent-status xmlns='{WG}'><max-chats>2</max-chats></agent-status></presence>"
        ))
    }

    fn go_to(&mut self, occupant: &str) -> Result<()> {
        self.send(&format!("<presence to='{occupant}'><x xmlns='{MUC}'/></presence>"))?;
        self.expect("own presence in the room", |stanza| {
            stanza.name() == "presence"
                && stanza.attr("from") == Some(occupant)
                && stanza.attr("type").is_none()
        })?;
        Ok(())
    }

    fn leave(&mut self, occupant: &str) -> Result<()> {
        self.send(&format!("<presence type='unavailable' to='{occupant}'/>"))
    }
}

/// A stanza as slixmpp prints it, with or without its namespace.
fn parse(xml: &str) -> Option<Element> {
    let end = xml.find([' ', '>', '/'])?;
    let (name, rest) = xml.split_at(end);
    let tag = &xml[..xml.find('>')?];
    let whole = match tag.contains("xmlns=") {
        true => xml.to_owned(),
        false => format!("{name} xmlns='jabber:client'{rest}"),
    };
    whole.parse().ok()
}

/// The condition of an error, or the type of an answer that is none.
fn condition(stanza: &Element) -> String {
    let error = stanza.children().find(|child| child.name() == "error");
    let condition =
        error.and_then(|error| error.children().next()).map(|condition| condition.name().to_owned());
    condition.unwrap_or_else(|| stanza.attr("type").unwrap_or_default().to_owned())
}

fn payload_of<'a>(stanza: &'a Element, name: &str) -> Result<&'a Element> {
    stanza
        .get_child(name, WG)
        .or_else(|| stanza.get_child(name, JWG))
        .with_context(|| format!("no <{name}/> in {}", String::from(stanza)))
}

fn attribute(element: &Element, name: &str) -> Result<String> {
    element.attr(name).map(str::to_owned).with_context(|| format!("no {name} in {}", String::from(element)))
}

fn is_invitation(stanza: &Element) -> bool {
    stanza.get_child("x", MUC_USER).is_some_and(|x| x.has_child("invite", MUC_USER))
}

fn join(name: &str, question: &str) -> String {
    let question = match question {
        "" => String::new(),
        question => format!("<field var='question'><value>{question}</value></field>"),
    };
    format!(
        "<join-queue xmlns='{WG}'><queue-notifications/><x xmlns='jabber:x:data' type='submit'>\
         <field var='username'><value>{name}</value></field>{question}</x></join-queue>"
    )
}

/// Everybody, and what later steps have to know of earlier ones.
struct Desk {
    domain: String,
    service: String,
    demo: String,
    conference: String,
    ann: Person,
    mia: Person,
    bob: Person,
    klein: Person,
    session: String,
    /// Id of the offer that is open.
    offer: String,
}

type Step = (&'static str, fn(&mut Desk) -> Result<()>);

const STEPS: [Step; 9] = [
    ("the service and its form are found", the_service_and_its_form_are_found),
    ("without agents nobody queues", without_agents_nobody_queues),
    ("only agents come to the desk", only_agents_come_to_the_desk),
    ("a customer queues once and with a whole form", a_customer_queues_once_and_with_a_whole_form),
    ("nobody accepts what was not offered to them", nobody_accepts_what_was_not_offered_to_them),
    ("a declined offer goes to the next", a_declined_offer_goes_to_the_next),
    ("agent and customer talk", agent_and_customer_talk),
    ("the transcript is kept for agents alone", the_transcript_is_kept_for_agents_alone),
    ("a customer who gives up takes the offer along", a_customer_who_gives_up_takes_the_offer_along),
];

#[test]
fn fastpath_between_clients_that_are_not_ours() {
    let realm = Realm::start(&programs()).expect("the realm starts");
    let person = |user: &str| Person::enter(&realm, user).expect("a peer signs in");
    let domain = realm.text("domain").to_owned();
    let mut desk = Desk {
        service: format!("workgroup.{domain}"),
        demo: realm.report["workgroups"][0].as_str().expect("a workgroup").to_owned(),
        conference: realm.text("conference").to_owned(),
        domain,
        ann: person("ann"),
        mia: person("mia"),
        bob: person("bob"),
        klein: person(realm.text("customer")),
        session: String::new(),
        offer: String::new(),
    };
    for (name, step) in STEPS {
        if let Err(error) = step(&mut desk) {
            panic!("{name}: {error:#}");
        }
    }
    drop(desk);
    let log = std::fs::read_to_string(realm.dir.join("../flintd/flintd.log")).expect("flintd has a log");
    for words in ["The invoice of March", "how can I help?"] {
        assert!(!log.contains(words), "{words} is in flintd's log");
    }
    realm.stop();
}

fn the_service_and_its_form_are_found(desk: &mut Desk) -> Result<()> {
    let Desk { klein, service, demo, domain, .. } = desk;
    let items = |answer: &Element| -> Vec<String> {
        let query = answer.get_child("query", DISCO_ITEMS);
        query
            .into_iter()
            .flat_map(Element::children)
            .filter_map(|item| item.attr("jid"))
            .map(str::to_owned)
            .collect()
    };
    let answer = klein.ask("get", domain, &format!("<query xmlns='{DISCO_ITEMS}'/>"))?;
    ensure!(items(&answer).contains(service), "{}", String::from(&answer));
    let answer = klein.ask("get", service, &format!("<query xmlns='{DISCO_INFO}'/>"))?;
    let query = answer.get_child("query", DISCO_INFO).context("no disco#info")?;
    let has = |feature: &str| query.children().any(|child| child.attr("var") == Some(feature));
    ensure!(has(WG), "{}", String::from(&answer));
    let answer = klein.ask("get", service, &format!("<query xmlns='{DISCO_ITEMS}'/>"))?;
    ensure!(items(&answer) == [demo.clone()], "{}", String::from(&answer));

    let answer = klein.ask("get", demo, &format!("<workgroup-form xmlns='{JWG}'/>"))?;
    let form = payload_of(&answer, "workgroup-form")?.get_child("x", "jabber:x:data").context("no form")?;
    let field = |var: &str| form.children().find(|field| field.attr("var") == Some(var));
    for (var, required) in [("username", true), ("order", false), ("question", true)] {
        let field = field(var).with_context(|| format!("no {var} in {}", String::from(&answer)))?;
        ensure!(field.has_child("required", "jabber:x:data") == required, "{}", String::from(field));
    }
    Ok(())
}

fn without_agents_nobody_queues(desk: &mut Desk) -> Result<()> {
    let answer = desk.klein.ask("set", &desk.demo, &join("Ms Klein", "Is anybody there?"))?;
    ensure!(condition(&answer) == "service-unavailable", "{}", String::from(&answer));
    Ok(())
}

fn only_agents_come_to_the_desk(desk: &mut Desk) -> Result<()> {
    let demo = desk.demo.clone();
    desk.ann.available(&demo, "")?;
    let queue = desk.ann.payload("notify-queue")?;
    ensure!(attribute(&queue, "from")?.starts_with(&format!("{demo}/")), "{}", String::from(&queue));
    desk.mia.available(&demo, "away")?;
    desk.mia.payload("notify-queue")?;

    // To whoever is no agent the workgroup tells what it tells customers: that it is open.
    desk.bob.available(&demo, "")?;
    desk.bob.payload("workgroup")?;
    let answer = desk.bob.ask("get", &demo, &format!("<agent-status-request xmlns='{WG}'/>"))?;
    ensure!(answer.attr("type") == Some("error"), "{}", String::from(&answer));
    let told = desk.bob.inbox.iter().any(|stanza| stanza.has_child("notify-queue", WG));
    ensure!(!told, "the queue is the agents' business");
    Ok(())
}

fn a_customer_queues_once_and_with_a_whole_form(desk: &mut Desk) -> Result<()> {
    let Desk { klein, ann, demo, .. } = desk;
    let answer = klein.ask("set", demo, &join("Ms Klein", ""))?;
    ensure!(condition(&answer) == "not-acceptable", "{}", String::from(&answer));
    let answer = klein.ask("set", demo, &join("Ms Klein", "The invoice of March is wrong."))?;
    ensure!(condition(&answer) == "result", "{}", String::from(&answer));
    let status = klein.payload("queue-status")?;
    let position = payload_of(&status, "queue-status")?.children().find(|child| child.name() == "position");
    ensure!(position.map(Element::text).as_deref() == Some("1"), "{}", String::from(&status));
    let again = klein.ask("set", demo, &join("Ms Klein", "Hello?"))?;
    ensure!(condition(&again) == "conflict", "{}", String::from(&again));

    let stanza = ann.payload("offer")?;
    ensure!(
        stanza.attr("from") == Some(demo) && stanza.attr("type") == Some("set"),
        "{}",
        String::from(&stanza)
    );
    let offer = payload_of(&stanza, "offer")?;
    ensure!(String::from(offer).contains("The invoice of March is wrong."), "{}", String::from(offer));
    ensure!(offer.attr("jid") == Some(&klein.jid), "{}", String::from(offer));
    let session = offer.get_child("session", JWG).context("an offer names its session")?;
    desk.session = attribute(session, "id")?;
    desk.offer = attribute(offer, "id")?;
    Ok(())
}

fn accept(id: &str) -> String {
    format!("<offer-accept xmlns='{WG}' id='{id}'/>")
}

fn nobody_accepts_what_was_not_offered_to_them(desk: &mut Desk) -> Result<()> {
    let Desk { bob, mia, klein, ann, demo, offer, session, .. } = desk;
    let is_refused = |case: &str, person: &mut Person, id: &str| {
        let answer = person.ask("set", demo, &accept(id))?;
        ensure!(answer.attr("type") == Some("error"), "{case}: {}", String::from(&answer));
        Ok(())
    };
    is_refused("somebody who is no agent", bob, offer)?;
    is_refused("the customer", klein, offer)?;
    is_refused("another agent", mia, offer)?;
    is_refused("another agent by the session's id", mia, session)?;
    is_refused("an agent with a made-up id", ann, "made-up")?;
    // Ann is still the one who is asked: a question of hers is answered after all of these, and nobody was invited.
    let answer = ann.ask("get", demo, &format!("<agent-status-request xmlns='{WG}'/>"))?;
    ensure!(answer.attr("type") == Some("result"), "{}", String::from(&answer));
    for person in [bob, mia, klein, ann] {
        ensure!(!person.inbox.iter().any(is_invitation), "{} was invited", person.jid);
    }
    Ok(())
}

fn a_declined_offer_goes_to_the_next(desk: &mut Desk) -> Result<()> {
    let Desk { ann, mia, demo, offer, session, .. } = desk;
    mia.available(demo, "")?;
    let answer = ann.ask("set", demo, &format!("<offer-reject xmlns='{WG}' id='{offer}'/>"))?;
    ensure!(answer.attr("type") == Some("result"), "{}", String::from(&answer));
    let stanza = mia.payload("offer")?;
    let next = payload_of(&stanza, "offer")?;
    let of_session = next.get_child("session", JWG).and_then(|session| session.attr("id"));
    ensure!(of_session == Some(session), "{}", String::from(next));
    let late = ann.ask("set", demo, &accept(offer))?;
    ensure!(late.attr("type") == Some("error"), "{}", String::from(&late));
    *offer = attribute(next, "id")?;
    Ok(())
}

/// Somebody says something in the room and somebody else hears it.
fn say(from: &mut Person, nick: &str, to: &mut Person, room: &str, text: &str) -> Result<()> {
    let body = text.replace('<', "&lt;");
    from.send(&format!("<message type='groupchat' to='{room}'><body>{body}</body></message>"))?;
    let occupant = format!("{room}/{nick}");
    to.expect(text, |stanza| {
        let body = stanza.get_child("body", "jabber:client");
        stanza.attr("from") == Some(&occupant) && body.is_some_and(|body| body.text() == text)
    })?;
    Ok(())
}

fn agent_and_customer_talk(desk: &mut Desk) -> Result<()> {
    let Desk { mia, klein, bob, demo, offer, session, conference, .. } = desk;
    let answer = mia.ask("set", demo, &accept(offer))?;
    ensure!(answer.attr("type") == Some("result"), "{}", String::from(&answer));
    let room = format!("{session}@{conference}");
    for person in [&mut *mia, &mut *klein] {
        let invitation = person.expect("the invitation", is_invitation)?;
        ensure!(invitation.attr("from") == Some(&room), "{}", String::from(&invitation));
    }
    mia.go_to(&format!("{room}/mia"))?;
    klein.go_to(&format!("{room}/Ms Klein"))?;
    say(mia, "mia", klein, &room, "Good morning, how can I help?")?;
    say(klein, "Ms Klein", mia, &room, "Page 2 < page 1, that can't be.")?;
    // Nobody else finds the room; its name can't be guessed.
    let listed = String::from(&bob.ask("get", conference, &format!("<query xmlns='{DISCO_ITEMS}'/>"))?);
    ensure!(listed.contains("support@") && !listed.contains(session.as_str()), "{listed}");

    klein.leave(&format!("{room}/Ms Klein"))?;
    mia.expect("the customer's leave", |stanza| {
        stanza.attr("from") == Some(&format!("{room}/Ms Klein")) && stanza.attr("type") == Some("unavailable")
    })?;
    mia.leave(&format!("{room}/mia"))
}

fn the_transcript_is_kept_for_agents_alone(desk: &mut Desk) -> Result<()> {
    let Desk { mia, bob, klein, demo, session, .. } = desk;
    let customer = klein.jid.split('/').next().unwrap_or_default().to_owned();
    let transcripts = format!("<transcripts xmlns='{WG}' userID='{customer}'/>");
    let transcript = format!("<transcript xmlns='{WG}' sessionID='{session}'/>");
    let whole = mia.ask_until(demo, &transcript, |whole| whole.matches("unavailable").count() == 2)?;
    for words in ["how can I help?", "Page 2 &lt; page 1", "Ms Klein", "/mia"] {
        ensure!(whole.contains(words), "no {words} in {whole}");
    }
    mia.ask_until(demo, &transcripts, |list| list.contains(session.as_str()))?;
    for (case, person) in [("somebody who is no agent", bob), ("the customer", klein)] {
        for payload in [&transcript, &transcripts] {
            let answer = person.ask("get", demo, payload)?;
            ensure!(answer.attr("type") == Some("error"), "{case}: {}", String::from(&answer));
        }
    }
    Ok(())
}

fn a_customer_who_gives_up_takes_the_offer_along(desk: &mut Desk) -> Result<()> {
    let Desk { ann, mia, klein, demo, .. } = desk;
    mia.available(demo, "dnd")?;
    let answer = klein.ask("set", demo, &join("Ms Klein", "One more thing."))?;
    ensure!(answer.attr("type") == Some("result"), "{}", String::from(&answer));
    let stanza = ann.payload("offer")?;
    let offer = attribute(payload_of(&stanza, "offer")?, "id")?;
    let answer = klein.ask("set", demo, &format!("<depart-queue xmlns='{WG}'/>"))?;
    ensure!(answer.attr("type") == Some("result"), "{}", String::from(&answer));
    ann.payload("offer-revoke")?;
    let late = ann.ask("set", demo, &accept(&offer))?;
    ensure!(late.attr("type") == Some("error"), "{}", String::from(&late));
    Ok(())
}
