//! Discovery: what is here, is it open, what is asked.

use super::Service;
use crate::config::{FieldKind, FormField};
use crate::xml::{Condition, Request};
use flint_fastpath_protocol::discovery::{self, Opening};
use flint_fastpath_protocol::form::{self, Form};
use flint_fastpath_protocol::settings::{
    self, ChatSetting, ChatSettingsRequest, OfflineSettings, SettingKind,
};
use flint_fastpath_routing::{Event, Timestamp, WorkgroupName, WorkgroupState};
use flint_xep::sender::FromCustomer;

/// Most texts in one answer of `chat-settings`.
const MAX_TEXTS: usize = 200;

impl Service {
    pub(super) fn disco_info(&mut self, request: &Request) {
        if request.set || request.payload.attr("node").is_some() {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        let payload = if request.to.node().is_none() {
            discovery::service_info("Fastpath", false)
        } else if let Some((workgroup, _)) = self.addressed(&request.to) {
            let opening = match self.router.workgroup_state(&WorkgroupName(workgroup.name.clone())) {
                Some(WorkgroupState::Open) => Opening::Open,
                Some(WorkgroupState::Ready) => Opening::Ready,
                Some(WorkgroupState::Closed) | None => Opening::Closed,
            };
            discovery::workgroup_info(&workgroup.name, &workgroup.description, opening)
        } else {
            return self.refuse(request, Condition::ItemNotFound, None);
        };
        self.send(request.result(Some(payload)));
    }

    pub(super) fn disco_items(&mut self, request: &Request) {
        if request.set || request.to.node().is_some() {
            return self.refuse(request, Condition::NotAcceptable, None);
        }
        if request.payload.attr("node").is_some() {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        let addresses: Vec<_> = self
            .config
            .workgroups
            .iter()
            .filter_map(|workgroup| Some((self.address(&workgroup.name)?, workgroup.name.as_str())))
            .collect();
        let payload = discovery::items(addresses.iter().map(|(address, name)| (address, *name)));
        self.send(request.result(Some(payload)));
    }

    pub(super) fn version(&mut self, request: &Request) {
        if request.set {
            return self.refuse(request, Condition::BadRequest, None);
        }
        let payload = discovery::version("Flint Fastpath", env!("CARGO_PKG_VERSION"));
        self.send(request.result(Some(payload)));
    }

    pub(super) fn vcard(&mut self, request: &Request, workgroup: &str) {
        let Some(config) = self.config.workgroup(workgroup).filter(|_| !request.set) else {
            return self.refuse(request, Condition::BadRequest, None);
        };
        let payload = discovery::vcard(config.shown(), &request.to.to_bare());
        self.send(request.result(Some(payload)));
    }

    /// The form. Spark asks for it at each offer and shows nothing without an answer, so an agent who asks has the
    /// offer before the eyes.
    pub(super) fn form(&mut self, request: &Request, workgroup: &str, now: Timestamp) {
        let Some(config) = self.config.workgroup(workgroup).filter(|_| !request.set) else {
            return self.refuse(request, Condition::BadRequest, None);
        };
        let form = Form {
            title: config.shown().to_owned(),
            instructions: config.description.clone(),
            fields: config.form().into_iter().map(field).collect(),
        };
        let payload = form.answer();
        self.send(request.result(Some(payload)));
        if let Some(client) = FromCustomer::check(Some(&request.from), |_| true) {
            let seen: Vec<_> = self.router.offers_of(client.jid()).cloned().collect();
            for session in seen {
                self.tell(Event::OfferSeen { session, agent: client.jid().clone() }, now);
            }
        }
    }

    pub(super) fn chat_settings(&mut self, request: &Request, workgroup: &str) {
        let Some(config) = self.config.workgroup(workgroup).filter(|_| !request.set) else {
            return self.refuse(request, Condition::BadRequest, None);
        };
        let wanted = match ChatSettingsRequest::read(&request.payload) {
            Ok(wanted) => wanted,
            Err(problem) => return self.refuse_malformed(request, problem),
        };
        // All our settings are texts.
        let fits = |key: &str| match &wanted {
            ChatSettingsRequest::Key(one) => one == key,
            ChatSettingsRequest::Kind(kind) => *kind == SettingKind::Text,
            ChatSettingsRequest::All => true,
        };
        let list: Vec<ChatSetting> = config
            .texts
            .iter()
            .filter(|(key, _)| fits(key))
            .take(MAX_TEXTS)
            .map(|(key, value)| ChatSetting {
                key: key.clone(),
                value: value.clone(),
                kind: SettingKind::Text,
            })
            .collect();
        if list.is_empty() {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        self.send(request.result(Some(settings::chat_settings(&list))));
    }

    pub(super) fn offline_settings(&mut self, request: &Request, workgroup: &str) {
        let offline = self.config.workgroup(workgroup).and_then(|config| config.offline.as_ref());
        let payload = offline.filter(|_| !request.set).and_then(|offline| {
            if let Some(page) = &offline.redirect_page {
                return Some(OfflineSettings::Page(page.clone()));
            }
            if let Some(room) = &offline.redirect_room {
                return Some(OfflineSettings::Room(room.clone()));
            }
            let (text, subject) = (offline.text.clone(), offline.subject.clone());
            offline.email.clone().map(|address| OfflineSettings::Mail { address, text, subject })
        });
        match payload {
            Some(payload) => self.send(request.result(Some(payload.element()))),
            None => self.refuse(request, Condition::ItemNotFound, None),
        }
    }
}

fn field(field: FormField) -> form::Field {
    let options = field.options.into_iter().map(|option| {
        let label = if option.label.is_empty() { option.value.clone() } else { option.label };
        form::FormOption { label, value: option.value }
    });
    form::Field {
        var: field.var,
        label: field.label,
        kind: match field.kind {
            FieldKind::TextSingle => form::FieldKind::TextSingle,
            FieldKind::TextMulti => form::FieldKind::TextMulti,
            FieldKind::TextPrivate => form::FieldKind::TextPrivate,
            FieldKind::ListSingle => form::FieldKind::ListSingle,
            FieldKind::ListMulti => form::FieldKind::ListMulti,
            FieldKind::Boolean => form::FieldKind::Boolean,
            FieldKind::Hidden => form::FieldKind::Hidden,
        },
        required: field.required,
        options: options.collect(),
        values: Vec::new(),
    }
}
