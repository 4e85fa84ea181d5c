//! Discovery: what is here, is it open, what is asked.

use super::Service;
use crate::config::{FieldKind, FormField};
use crate::xml::{
    Condition, DISCO_INFO, DISCO_ITEMS, El, FORMS, JWG, PING, Request, VCARD, VERSION, WG, el, leaf,
};
use flint_fastpath_routing::{Event, Timestamp, WorkgroupName, WorkgroupState};
use flint_xep::sender::FromCustomer;
use minidom::Element;

/// Most texts in one answer of `chat-settings`.
const MAX_TEXTS: usize = 200;

impl Service {
    pub(super) fn disco_info(&mut self, request: &Request) {
        let identity = |name: &str| {
            el("identity", DISCO_INFO)
                .attr("category", "collaboration")
                .attr("type", "workgroup")
                .attr("name", name)
        };
        let feature = |var: &str| el("feature", DISCO_INFO).attr("var", var);
        if request.set || request.payload.attr("node").is_some() {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        let query = el("query", DISCO_INFO);
        let payload = if request.to.node().is_none() {
            query
                .child(identity("Fastpath"))
                .children([WG, DISCO_INFO, DISCO_ITEMS, VERSION, PING].map(feature))
        } else if let Some((workgroup, _)) = self.addressed(&request.to) {
            let state = match self.router.workgroup_state(&WorkgroupName(workgroup.name.clone())) {
                Some(WorkgroupState::Open) => "OPEN",
                Some(WorkgroupState::Ready) => "READY",
                Some(WorkgroupState::Closed) | None => "CLOSED",
            };
            let field = |var: &str, label: &str, value: &str| {
                el("field", FORMS).attr("var", var).attr("label", label).child(leaf("value", FORMS, value))
            };
            let form = el("x", FORMS)
                .attr("type", "result")
                .child(el("field", FORMS).attr("var", "FORM_TYPE").attr("type", "hidden").child(leaf(
                    "value",
                    FORMS,
                    format!("{WG}#workgroupinfo"),
                )))
                .child(field("workgroup#description", "Description", &workgroup.description))
                .child(field("workgroup#online", "Status", state));
            query.child(identity(&workgroup.name)).children([DISCO_INFO, WG].map(feature)).child(form)
        } else {
            return self.refuse(request, Condition::ItemNotFound, None);
        };
        self.send(request.result(Some(payload.build())));
    }

    pub(super) fn disco_items(&mut self, request: &Request) {
        if request.set || request.to.node().is_some() {
            return self.refuse(request, Condition::NotAcceptable, None);
        }
        if request.payload.attr("node").is_some() {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        let items = self.config.workgroups.iter().map(|workgroup| {
            el("item", DISCO_ITEMS)
                .attr("jid", format!("{}@{}", workgroup.name, self.config.domain))
                .attr("name", workgroup.name.as_str())
        });
        let payload = el("query", DISCO_ITEMS).children(items).build();
        self.send(request.result(Some(payload)));
    }

    pub(super) fn version(&mut self, request: &Request) {
        if request.set {
            return self.refuse(request, Condition::BadRequest, None);
        }
        let payload = el("query", VERSION).child(leaf("name", VERSION, "Flint Fastpath")).child(leaf(
            "version",
            VERSION,
            env!("CARGO_PKG_VERSION"),
        ));
        self.send(request.result(Some(payload.build())));
    }

    pub(super) fn vcard(&mut self, request: &Request, workgroup: &str) {
        let Some(config) = self.config.workgroup(workgroup).filter(|_| !request.set) else {
            return self.refuse(request, Condition::BadRequest, None);
        };
        let shown = config.shown();
        let payload = el("vCard", VCARD)
            .child(leaf("FN", VCARD, shown))
            .child(leaf("NICKNAME", VCARD, shown))
            .child(leaf("JABBERID", VCARD, request.to.to_bare().as_str()));
        self.send(request.result(Some(payload.build())));
    }

    /// The form. Spark asks for it at each offer and shows nothing without an answer, so an agent who asks has the
    /// offer before the eyes.
    pub(super) fn form(&mut self, request: &Request, workgroup: &str, now: Timestamp) {
        let Some(config) = self.config.workgroup(workgroup).filter(|_| !request.set) else {
            return self.refuse(request, Condition::BadRequest, None);
        };
        let form = el("x", FORMS)
            .attr("type", "form")
            .child(leaf("title", FORMS, config.shown()))
            .child(leaf("instructions", FORMS, config.description.as_str()))
            .children(config.form().iter().map(field));
        let payload = el("workgroup-form", JWG).child(form).build();
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
        let key = request.payload.attr("key");
        // All our settings are texts, which is kind 1.
        let kind_fits = key.is_some() || request.payload.attr("type").is_none_or(|kind| kind == "1");
        let settings: Vec<El> = config
            .texts
            .iter()
            .filter(|(name, _)| kind_fits && key.is_none_or(|key| key == *name))
            .take(MAX_TEXTS)
            .map(|(name, value)| {
                el("chat-setting", JWG)
                    .child(leaf("key", JWG, name.as_str()))
                    .child(leaf("value", JWG, value.as_str()))
                    .child(leaf("type", JWG, "1"))
            })
            .collect();
        if settings.is_empty() {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        let payload = el("chat-settings", JWG).children(settings).build();
        self.send(request.result(Some(payload)));
    }

    pub(super) fn offline_settings(&mut self, request: &Request, workgroup: &str) {
        let offline = self.config.workgroup(workgroup).and_then(|config| config.offline.as_ref());
        let element = || el("offline-settings", JWG);
        let payload = offline.filter(|_| !request.set).and_then(|offline| {
            if let Some(page) = &offline.redirect_page {
                return Some(element().child(leaf("redirectPage", JWG, page.as_str())));
            }
            if let Some(room) = &offline.redirect_room {
                return Some(element().child(leaf("redirectMUC", JWG, room.as_str())));
            }
            let email = offline.email.as_deref()?;
            let parts =
                [("emailAddress", email), ("offlineText", &offline.text), ("subject", &offline.subject)];
            Some(element().children(parts.map(|(name, value)| leaf(name, JWG, value))))
        });
        match payload {
            Some(payload) => self.send(request.result(Some(payload.build()))),
            None => self.refuse(request, Condition::ItemNotFound, None),
        }
    }
}

fn field(field: &FormField) -> Element {
    let kind = match field.kind {
        FieldKind::TextSingle => "text-single",
        FieldKind::TextMulti => "text-multi",
        FieldKind::TextPrivate => "text-private",
        FieldKind::ListSingle => "list-single",
        FieldKind::ListMulti => "list-multi",
        FieldKind::Boolean => "boolean",
        FieldKind::Hidden => "hidden",
    };
    let options = field.options.iter().map(|option| {
        let label = if option.label.is_empty() { &option.value } else { &option.label };
        el("option", FORMS).attr("label", label.as_str()).child(leaf("value", FORMS, option.value.as_str()))
    });
    let element = el("field", FORMS)
        .attr("var", field.var.as_str())
        .attr("type", kind)
        .attr("label", field.label.as_str())
        .children(options);
    if field.required { element.child(el("required", FORMS)).build() } else { element.build() }
}
