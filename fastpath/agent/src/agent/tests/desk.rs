//! Workgroups: found or not, joined, refused, forgotten.

use super::*;

#[test]
fn finds_workgroups_and_joins() {
    let mut bench = Bench::new();
    bench.online();
    assert!(bench.effects.contains(&AgentEffect::ClaimDomain(SERVICE.to_owned())));
    assert!(!bench.workgroup().joined);
    bench.command(AgentCommand::JoinWorkgroup { workgroup: BareJid::new(W).unwrap() });
    let presence = bench.presences_to(W)[0];
    let status = flint_fastpath_protocol::AgentStatus::inside(presence).unwrap().unwrap();
    assert_eq!(status.max_chats, flint_fastpath_protocol::MaxChats::Limit(DEFAULT_MAX_CHATS));
    bench.queue(2);
    bench.stanza(
        StanzaKind::Presence,
        &format!("{W}/Default Queue"),
        None,
        None,
        r#"<notify-queue-details xmlns="http://jabber.org/protocol/workgroup">
           <user jid="zoe@example.test/home"><position>1</position><time>30</time><join-time>20261123T08:41:19</join-time></user>
           <user jid="wanda@example.test/home"><position>0</position><time>15</time><join-time>20261123T08:41:17</join-time></user>
           </notify-queue-details>"#,
    );
    let row = bench.workgroup();
    assert!(row.joined);
    assert_eq!((row.queues[0].name.as_str(), row.queues[0].waiting), ("Default Queue", 2));
    assert_eq!(row.queues[0].oldest, Some(Timestamp(1_795_423_277_000)));
    assert_eq!(row.queues[0].customers[0].jid.to_string(), "wanda@example.test/home");
    assert!(bench.has_sent("workgroup-form"));
}

#[test]
fn the_oldest_waits_since_the_moment_the_workgroup_names_however_often_it_tells() {
    let mut bench = Bench::joined();
    for passed in [0, 35_000, 60_000] {
        bench.pass(passed);
        bench.clear();
        bench.queue(1);
        let queue = &bench.workgroup().queues[0];
        assert_eq!((queue.waiting, queue.oldest), (1, Some(Timestamp(1_795_423_277_000))), "{passed}");
    }
    bench.queue(0);
    assert_eq!(bench.workgroup().queues[0].oldest, None);
}

#[test]
fn a_workgroup_is_shown_by_the_name_on_its_card() {
    let mut bench = Bench::new();
    bench.online();
    let local = BareJid::new(W).unwrap().node().unwrap().to_string();
    assert_eq!(bench.workgroup().name, local);
    bench.answer("vCard", W, r#"<vCard xmlns="vcard-temp"><FN>Demo Support</FN></vCard>"#);
    assert_eq!(bench.workgroup().name, "Demo Support");
}

#[test]
fn nobody_who_is_no_agent_gets_a_desk() {
    for condition in [Condition::NotAuthorized, Condition::ItemNotFound, Condition::ServiceUnavailable] {
        let mut bench = Bench::new();
        bench.input(AgentInput::Online(FullJid::new(ME).unwrap()));
        bench.refuse("workgroups", SERVICE, condition);
        assert_eq!(bench.updates, vec![AgentUpdate::Workgroups { workgroups: Vec::new() }]);
    }
}

#[test]
fn a_service_under_another_name_is_found() {
    let mut bench = Bench::new();
    bench.input(AgentInput::Online(FullJid::new(ME).unwrap()));
    let items = r#"<query xmlns="http://jabber.org/protocol/disco#items"><item jid="help.example.test"/><item jid="help.evil.test"/></query>"#;
    let id = bench
        .sent
        .iter()
        .find(|iq| iq.attr("to") == Some("example.test"))
        .and_then(|iq| iq.attr("id"))
        .unwrap()
        .to_owned();
    bench.stanza(StanzaKind::IqResult, "example.test", None, Some(&id), items);
    assert!(!bench.sent.iter().any(|iq| iq.attr("to") == Some("help.evil.test")));
    let info = r#"<query xmlns="http://jabber.org/protocol/disco#info"><feature var="http://jabber.org/protocol/workgroup"/></query>"#;
    bench.answer("query", "help.example.test", info);
    assert!(bench.effects.contains(&AgentEffect::ClaimDomain("help.example.test".to_owned())));
}

#[test]
fn workgroups_of_another_domain_are_not_believed() {
    let mut bench = Bench::new();
    bench.input(AgentInput::Online(FullJid::new(ME).unwrap()));
    let list = r#"<workgroups xmlns="http://jabber.org/protocol/workgroup"><workgroup jid="support@evil.test"/></workgroups>"#;
    bench.answer("workgroups", SERVICE, list);
    assert_eq!(bench.updates, vec![AgentUpdate::Workgroups { workgroups: Vec::new() }]);
}

#[test]
fn an_unconfirmed_join_is_repeated_and_then_given_up() {
    let mut bench = Bench::new();
    bench.online();
    bench.command(AgentCommand::JoinWorkgroup { workgroup: BareJid::new(W).unwrap() });
    // A complete outsider gets the workgroup's ordinary presence: that is no confirmation.
    bench.stanza(
        StanzaKind::Presence,
        W,
        None,
        None,
        r#"<workgroup xmlns="http://jivesoftware.com/protocol/workgroup"/>"#,
    );
    bench.pass(60_000);
    assert_eq!(bench.presences_to(W).len(), 3);
    assert_eq!(bench.rejections(), 1);
    assert!(!bench.workgroup().joined);
}

#[test]
fn a_refused_join_says_why() {
    let mut bench = Bench::new();
    bench.online();
    bench.command(AgentCommand::JoinWorkgroup { workgroup: BareJid::new(W).unwrap() });
    let error = String::from(&Condition::NotAllowed.element(None));
    bench.stanza(StanzaKind::Presence, W, Some("error"), None, &error);
    assert_eq!(bench.rejections(), 1);
    bench.pass(60_000);
    assert_eq!(bench.presences_to(W).len(), 1, "no further attempts");
}

#[test]
fn a_forgotten_agent_joins_again() {
    let mut bench = Bench::joined();
    bench.pass(120_000);
    bench.refuse("agent-status-request", W, Condition::ItemNotFound);
    assert_eq!(bench.presences_to(W).len(), 1);
    bench.queue(0);
    assert!(bench.workgroup().joined);
}

#[test]
fn colleagues_are_those_the_workgroup_named() {
    let mut bench = Bench::joined();
    let status = format!(
        r#"<show>away</show><agent-status xmlns="http://jabber.org/protocol/workgroup" jid="{W}"><max-chats>2</max-chats>
        <current-chats xmlns="http://jivesoftware.com/protocol/workgroup"><chat sessionID="k2r8m1411" userID="zoe@example.test" startTime="20261123T08:41:17"/></current-chats></agent-status>"#
    );
    bench.stanza(StanzaKind::Presence, "mallory@example.test/x", None, None, &status);
    assert!(bench.updates.is_empty());
    assert_eq!(bench.agent.dropped(), 1);
    bench.stanza(StanzaKind::Presence, "bob@example.test/laptop", None, None, &status);
    let row = &bench.workgroup().agents[0];
    assert_eq!((row.name.as_str(), row.show, row.chats, row.max_chats), ("Bob Byrne", Show::Away, 1, 2));
    let push = r#"<agent-status-request xmlns="http://jabber.org/protocol/workgroup"><agent jid="bob@example.test" type="remove"/></agent-status-request>"#;
    bench.stanza(StanzaKind::IqSet, W, None, Some("412-88"), push);
    assert!(bench.workgroup().agents.is_empty());
    assert_eq!(bench.answers(), ["result"]);
}

#[test]
fn status_goes_to_the_workgroup_itself() {
    let mut bench = Bench::joined();
    bench.command(AgentCommand::SetStatus { show: Show::DoNotDisturb, max_chats: 99 });
    let presence = bench.presences_to(W)[0];
    assert_eq!(presence.get_child("show", "jabber:client").unwrap().text(), "dnd");
    assert_eq!((bench.workgroup().show, bench.workgroup().max_chats), (Show::DoNotDisturb, 50));
    bench.command(AgentCommand::LeaveWorkgroup { workgroup: BareJid::new(W).unwrap() });
    assert_eq!(bench.presences_to(W)[1].attr("type"), Some("unavailable"));
    assert!(!bench.workgroup().joined);
}

#[test]
fn every_question_of_the_service_is_answered_and_no_other() {
    let mut bench = Bench::joined();
    let version = r#"<query xmlns="jabber:iq:version"/>"#;
    for (from, kind, expected) in [
        (SERVICE, StanzaKind::IqGet, 1),
        (W, StanzaKind::IqSet, 1),
        ("sales@workgroup.example.test", StanzaKind::IqGet, 1),
        ("evil.test", StanzaKind::IqGet, 0),
    ] {
        bench.clear();
        bench.stanza(kind, from, None, Some("q"), version);
        assert_eq!(bench.answers().len(), expected, "{from}");
    }
}
