//! Tells the desktop about messages and offers that arrive while the window is not looked at.

use crate::projection::{Session, Topic};
use crate::text;
use crate::window::Window;
use adw::prelude::*;
use flint_runtime::core::model::{ConversationId, Show};
use gtk::{gio, glib};

/// Sends notifications for as long as `window` lives.
pub(crate) fn attach(application: &adw::Application, window: &Window, session: &Session) {
    let weak = application.downgrade();
    session.listen(window, move |window, topic| {
        let Some(application) = weak.upgrade() else { return };
        if window.is_active() || window.session().with(|state| state.show == Show::DoNotDisturb) {
            return;
        }
        match topic {
            Topic::Arrived { message, title } => {
                let note = gio::Notification::new(&text::one_line(title, 80));
                note.set_body(Some(&text::one_line(&message.body.0, 200)));
                let id = &message.conversation;
                note.set_default_action_and_target_value("app.open", Some(&target(id).to_variant()));
                application.send_notification(Some(&format!("chat-{}", id.jid())), &note);
            }
            Topic::Offers(Some(id)) => {
                let Some(offer) = window.session().desk().offer(id) else { return };
                let (name, question) =
                    offer.with(|row| (text::one_line(&row.customer_name, 80), row.question.0.clone()));
                let note = gio::Notification::new(&format!("{name} waits for you"));
                note.set_body(Some(&text::one_line(&question, 200)));
                note.set_priority(gio::NotificationPriority::Urgent);
                note.set_default_action("app.show-desk");
                note.add_button_with_target_value("Decline", "app.decline-offer", Some(&id.to_variant()));
                note.add_button_with_target_value("Accept", "app.accept-offer", Some(&id.to_variant()));
                application.send_notification(Some("offer"), &note);
            }
            Topic::Offers(None) if window.session().desk().offers().n_items() == 0 => {
                application.withdraw_notification("offer");
            }
            _ => {}
        }
    });
}

/// A conversation as the target of an action: (is a room, address).
fn target(id: &ConversationId) -> (bool, String) {
    (matches!(id, ConversationId::Room(_)), id.jid().to_string())
}

/// The conversation of an action's target.
pub(crate) fn conversation(target: &glib::Variant) -> Option<ConversationId> {
    let (is_room, address) = target.get::<(bool, String)>()?;
    let jid = address.parse().ok()?;
    Some(if is_room { ConversationId::Room(jid) } else { ConversationId::Person(jid) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_name_their_conversation() {
        let jid: flint_runtime::core::BareJid = "bob@example.test".parse().expect("a JID");
        for id in [ConversationId::Person(jid.clone()), ConversationId::Room(jid)] {
            assert_eq!(conversation(&target(&id).to_variant()), Some(id));
        }
        assert_eq!(conversation(&"bob@example.test".to_variant()), None);
        assert_eq!(conversation(&(true, "@").to_variant()), None);
    }
}
