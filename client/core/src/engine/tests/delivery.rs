//! Own messages on their way: states, resending, and that no order of events loses or sets one back.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap as Map;

fn states(output: &Output) -> Vec<DeliveryState> {
    let updates = output.updates.iter().filter_map(|update| match update {
        Update::Chat(ChatUpdate::DeliveryChanged { delivery, .. }) => Some(delivery.clone()),
        _ => None,
    });
    updates.collect()
}

/// Messages that an output sends, and whether they may have been sent before.
fn messages(output: &Output) -> Vec<(MessageId, bool)> {
    let messages = stanzas(output).into_iter().filter_map(|stanza| match stanza {
        Outbound::Message { id, resent, .. } => Some((id, resent)),
        _ => None,
    });
    messages.collect()
}

fn caught_up() -> RemoteEvent {
    RemoteEvent::ArchivePage { archive: None, last: None, complete: true }
}

fn receipt(id: &MessageId) -> RemoteEvent {
    RemoteEvent::ReceiptReceived { from: Jid::new("bob@example.test/phone").unwrap(), id: id.0.clone() }
}

fn displayed(id: &MessageId) -> RemoteEvent {
    RemoteEvent::DisplayedReceived { from: Jid::new("bob@example.test/phone").unwrap(), id: id.0.clone() }
}

#[test]
fn a_message_goes_its_way() {
    let mut rig = Rig::online();
    rig.open_empty(with_bob());
    let (id, token, output) = rig.say(with_bob(), "hello");
    assert_eq!(shown(&output)[0].direction, Direction::Outgoing { delivery: DeliveryState::Queued });
    assert_eq!(row(&output, &with_bob()).unwrap().preview, "hello".into());
    let stanza =
        |resent| Outbound::Message { conversation: with_bob(), id: id.clone(), body: "hello".into(), resent };
    assert_eq!(stanzas(&output), [stanza(false)]);
    let token = token.unwrap();
    let steps = [
        (Input::Session(SessionEvent::Written(token)), vec![DeliveryState::Sent]),
        (Input::Session(SessionEvent::Acked(token)), vec![DeliveryState::Acked]),
        (Input::Remote(receipt(&id)), vec![DeliveryState::Delivered]),
        (Input::Remote(displayed(&id)), vec![DeliveryState::Read]),
        (Input::Remote(receipt(&id)), vec![]),
        (Input::Session(SessionEvent::Written(token)), vec![]),
    ];
    for (input, expected) in steps {
        let label = format!("{input:?}");
        let output = rig.give(input);
        assert_eq!(states(&output), expected, "{label}");
        let written: Vec<_> = expected
            .into_iter()
            .map(|delivery| Persist::Delivery { message: id.clone(), delivery })
            .collect();
        assert_eq!(writes(&output), written, "{label}");
    }
}

#[test]
fn what_was_lost_goes_again_with_the_same_id() {
    let mut rig = Rig::online();
    let (first, token, _) = rig.say(with_bob(), "first");
    rig.give(Input::Session(SessionEvent::Written(token.unwrap())));
    rig.interrupt();
    let (second, token, _) = rig.say(with_bob(), "second");
    assert_eq!(token, None, "nothing is sent without a connection");
    rig.give(Input::Session(SessionEvent::Lost(SendToken(7))));
    assert_eq!(messages(&rig.sign_in()), [], "the archive may know that the first one arrived");
    let output = rig.remote(caught_up());
    assert_eq!(messages(&output), [(first, true), (second, false)]);
    assert_eq!(states(&output), [], "waiting again is no step back");
}

#[test]
fn what_the_archive_has_is_not_sent_again() {
    let eve = || ConversationId::Person(bare("eve@example.test"));
    let mut rig = Rig::online();
    let (first, _, _) = rig.say(with_bob(), "arrived");
    let (second, _, _) = rig.say(with_bob(), "did not");
    rig.interrupt();
    rig.sign_in();
    let (third, token, _) = rig.say(with_bob(), "must not overtake");
    assert_eq!(token, None);
    let (_, token, _) = rig.say(eve(), "another conversation");
    assert!(token.is_some());
    let copy = IncomingMessage {
        origin: Origin::OwnDevice { to: bob() },
        origin_id: Some(first.0),
        archived: true,
        delayed: Some(Timestamp(NOON)),
        stanza_id: Some(StanzaId("a1".into())),
        ..text("x@y", "arrived")
    };
    rig.receive(copy);
    let output = rig.remote(caught_up());
    assert_eq!(messages(&output), [(second, true), (third, false)]);
    assert_eq!(messages(&rig.remote(caught_up())), []);
}

#[test]
fn what_was_refused_and_is_sent_again_is_not_taken_for_arrived() {
    let mut rig = Rig::online();
    let (id, _, _) = rig.say(with_bob(), "bounces");
    let (from, reason) = (Jid::new("bob@example.test").unwrap(), "Nobody there.".to_owned());
    rig.remote(RemoteEvent::MessageFailed { from, id: id.0.clone(), reason });
    rig.interrupt();
    rig.chat(ChatCommand::Retry { message: id.clone() });
    assert_eq!(messages(&rig.sign_in()), [(id.clone(), true)], "no archive can tell that it arrived");
    let refused = IncomingMessage {
        origin: Origin::OwnDevice { to: bob() },
        origin_id: Some(id.0),
        archived: true,
        delayed: Some(Timestamp(NOON)),
        stanza_id: Some(StanzaId("a1".into())),
        ..text("x@y", "bounces")
    };
    let output = rig.receive(refused);
    assert_eq!(states(&output), []);
    assert_eq!(shown(&output), [], "and it is not another one");
}

#[test]
fn a_resumed_stream_sends_only_what_it_has_not_got() {
    let mut rig = Rig::online();
    rig.remote(caught_up());
    let (_, token, _) = rig.say(with_bob(), "on its way");
    let (lost, lost_token, _) = rig.say(with_bob(), "lost at once");
    rig.interrupt();
    rig.give(Input::Session(SessionEvent::Lost(lost_token.unwrap())));
    let (waiting, _, _) = rig.say(with_bob(), "waiting");
    let sent: Vec<_> = stanzas(&rig.resume())
        .into_iter()
        .filter_map(|stanza| match stanza {
            Outbound::Message { id, .. } => Some(id),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [lost, waiting]);
    assert_eq!(
        states(&rig.give(Input::Session(SessionEvent::Acked(token.unwrap())))),
        [DeliveryState::Acked]
    );
}

#[test]
fn late_reports_of_an_earlier_stream_change_nothing() {
    let mut rig = Rig::online();
    let (_, old_token, _) = rig.say(with_bob(), "hello");
    rig.interrupt();
    rig.sign_in();
    rig.remote(caught_up());
    let old_token = old_token.unwrap();
    for event in [SessionEvent::Acked(old_token), SessionEvent::Lost(old_token)] {
        assert_eq!(rig.give(Input::Session(event)), Output::default());
    }
    rig.interrupt();
    assert_eq!(stanzas(&rig.resume()), [], "it is on its way already");
}

#[test]
fn a_failure_is_kept_retried_and_overruled_only_by_an_arrival() {
    let mut rig = Rig::online();
    let (id, token, _) = rig.say(with_bob(), "hello");
    let bounce = |from: &str| {
        let reason = "Nobody there.".to_owned();
        RemoteEvent::MessageFailed { from: Jid::new(from).unwrap(), id: id.0.clone(), reason }
    };
    assert_eq!(states(&rig.remote(bounce("eve@example.test"))), [], "not hers to say");
    let failed = DeliveryState::Failed { reason: "Nobody there.".into() };
    assert_eq!(states(&rig.remote(bounce("bob@example.test"))), [failed]);
    assert_eq!(states(&rig.give(Input::Session(SessionEvent::Acked(token.unwrap())))), []);
    let output = rig.chat(ChatCommand::Retry { message: id.clone() });
    assert_eq!(states(&output), [DeliveryState::Queued]);
    assert!(
        matches!(&stanzas(&output)[..], [Outbound::Message { id: again, resent: true, .. }] if *again == id)
    );
    assert_eq!(rejected(&rig.chat(ChatCommand::Retry { message: id.clone() })).len(), 1);
    rig.remote(bounce("bob@example.test"));
    assert_eq!(states(&rig.remote(receipt(&id))), [DeliveryState::Delivered]);
    assert_eq!(states(&rig.remote(bounce("bob@example.test"))), []);
}

#[test]
fn a_marker_speaks_for_what_came_before_it() {
    let mut rig = Rig::online();
    let eve = ConversationId::Person(bare("eve@example.test"));
    let mut ids = Vec::new();
    for conversation in [with_bob(), eve, with_bob(), with_bob()] {
        let (id, token, _) = rig.say(conversation, "hello");
        rig.give(Input::Session(SessionEvent::Acked(token.unwrap())));
        ids.push(id);
    }
    let stranger =
        RemoteEvent::DisplayedReceived { from: Jid::new("eve@example.test").unwrap(), id: ids[2].0.clone() };
    assert_eq!(states(&rig.remote(stranger)), []);
    let output = rig.remote(displayed(&ids[2]));
    let read: Vec<_> = writes(&output)
        .into_iter()
        .map(|write| match write {
            Persist::Delivery { message, delivery: DeliveryState::Read } => message,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(read, [ids[0].clone(), ids[2].clone()]);
}

#[test]
fn the_outbox_survives_a_restart() {
    let mut rig = Rig::online();
    let (_, _, output) = rig.say(with_bob(), "before the crash");
    let Persist::Message { message, .. } = writes(&output).remove(0) else { panic!() };
    let mut rig = Rig::loaded(LoadedState { outbox: vec![message.clone()], ..LoadedState::default() });
    rig.sign_in();
    let sent = stanzas(&rig.remote(caught_up())).pop();
    let expected =
        Outbound::Message { conversation: with_bob(), id: message.id, body: message.body, resent: true };
    assert_eq!(sent, Some(expected));
}

/// What can happen to messages, by a small number that picks message and token.
#[derive(Debug, Clone, Copy)]
enum Step {
    Say,
    Written(usize),
    Acked(usize),
    Lost(usize),
    Receipt(usize),
    Displayed(usize),
    Carbon(usize),
    Interrupt,
    Resume,
    Online,
}

fn step() -> impl Strategy<Value = Step> {
    let pick = 0usize..12;
    prop_oneof![
        3 => Just(Step::Say),
        3 => pick.clone().prop_map(Step::Written),
        2 => pick.clone().prop_map(Step::Acked),
        2 => pick.clone().prop_map(Step::Lost),
        1 => pick.clone().prop_map(Step::Receipt),
        1 => pick.clone().prop_map(Step::Displayed),
        1 => pick.prop_map(Step::Carbon),
        2 => Just(Step::Interrupt),
        1 => Just(Step::Resume),
        1 => Just(Step::Online),
    ]
}

proptest! {
    #[test]
    fn no_order_of_events_sets_a_state_back_or_loses_a_message(steps in prop::collection::vec(step(), 1..80)) {
        let mut rig = Rig::online();
        let mut ids: Vec<MessageId> = Vec::new();
        let mut tokens: Vec<(SendToken, MessageId)> = Vec::new();
        let mut state: Map<MessageId, DeliveryState> = Map::new();
        let mut last_sent: Vec<MessageId> = Vec::new();
        let mut run = |rig: &mut Rig, input: Input, ids: &mut Vec<MessageId>, tokens: &mut Vec<(SendToken, MessageId)>| {
            let output = rig.give(input);
            for write in writes(&output) {
                match write {
                    Persist::Message { message, .. } if !ids.contains(&message.id) => {
                        ids.push(message.id.clone());
                        state.insert(message.id, DeliveryState::Queued);
                    }
                    Persist::Delivery { message, delivery } => {
                        let old = state.insert(message, delivery.clone()).expect("known");
                        assert!(old < delivery, "{old:?} to {delivery:?}");
                    }
                    _ => {}
                }
            }
            last_sent.clear();
            for (token, stanza) in sends(&output) {
                if let Outbound::Message { id, .. } = stanza {
                    last_sent.push(id.clone());
                    tokens.push((token, id));
                }
            }
            (last_sent.clone(), state.clone())
        };
        for step in steps {
            let token = |n: usize| tokens.get(n % tokens.len().max(1)).map(|(token, _)| *token);
            let id = |n: usize| ids.get(n % ids.len().max(1)).cloned();
            let jid = FullJid::new("ann@example.test/desk").unwrap();
            let input = match step {
                Step::Say => Some(Input::Command(Command::Chat(ChatCommand::Send {
                    conversation: with_bob(),
                    body: "hello".into(),
                }))),
                Step::Written(n) => token(n).map(|token| Input::Session(SessionEvent::Written(token))),
                Step::Acked(n) => token(n).map(|token| Input::Session(SessionEvent::Acked(token))),
                Step::Lost(n) => token(n).map(|token| Input::Session(SessionEvent::Lost(token))),
                Step::Receipt(n) => id(n).map(|id| Input::Remote(receipt(&id))),
                Step::Displayed(n) => id(n).map(|id| Input::Remote(displayed(&id))),
                Step::Carbon(n) => id(n).map(|id| message(IncomingMessage {
                    origin: Origin::OwnDevice { to: bob() },
                    origin_id: Some(id.0),
                    archived: true,
                    stanza_id: Some(StanzaId(format!("s{n}"))),
                    ..text("x@y", "hello")
                })),
                Step::Interrupt => Some(Input::Session(SessionEvent::Interrupted {
                    reason: String::new(),
                    retry_at: Timestamp(0),
                })),
                Step::Resume => {
                    Some(Input::Session(SessionEvent::Resumed { jid, mechanism: String::new() }))
                }
                Step::Online => Some(Input::Session(SessionEvent::Online { jid, mechanism: String::new() })),
            };
            if let Some(input) = input {
                run(&mut rig, input, &mut ids, &mut tokens);
            }
        }
        // Whatever happened: a new stream carries exactly those that the server has not confirmed, in order.
        let jid = FullJid::new("ann@example.test/desk").unwrap();
        let online = Input::Session(SessionEvent::Online { jid, mechanism: String::new() });
        let (mut sent, _) = run(&mut rig, online, &mut ids, &mut tokens);
        let (rest, state) = run(&mut rig, Input::Remote(caught_up()), &mut ids, &mut tokens);
        sent.extend(rest);
        let open: Vec<_> = ids.iter().filter(|id| state[id] < DeliveryState::Acked).cloned().collect();
        prop_assert_eq!(sent, open);
    }
}
