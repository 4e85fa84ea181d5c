//! Policy from files to values, told in JSON: each case in `cases/` is what a computer, a server and a person say, and what
//! has to come out. The files can be read without knowing Rust, and by other implementations.

use std::path::Path;

use flint_policy::{DocumentLayer, EffectivePolicy, Inputs, Level, OnExpiry, PolicyDocument, Source, Values};
use serde::Deserialize;

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is about.
    pub about: String,
    /// Files of the computer.
    #[serde(default)]
    pub machine: Vec<MachineText>,
    /// What the signed document says; `None` when there is none.
    pub server: Option<Server>,
    /// What the person has chosen.
    #[serde(default)]
    pub user: Values,
    /// What has to come out, by name of policy. Policies that are not named have to have their default.
    pub expect: std::collections::BTreeMap<String, Expected>,
    /// The problems that have to be listed, as they are shown, in any order.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// A file of the computer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineText {
    /// `mandatory` for `managed/`.
    pub level: Level,
    /// Its name within the folder.
    pub file: String,
    /// Its content, as JSON.
    #[serde(default)]
    pub content: serde_json::Value,
    /// Its content as text, if it is no JSON.
    pub text: Option<String>,
}

/// The part of a document that concerns the values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The layers, in the document's own form.
    pub layers: Vec<DocumentLayer>,
    /// Whether its time is over.
    #[serde(default)]
    pub expired: bool,
    /// What then happens.
    #[serde(default = "keep")]
    pub on_expiry: OnExpiry,
}

fn keep() -> OnExpiry {
    OnExpiry::Keep
}

/// What has to come out for one policy.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The value.
    pub value: serde_json::Value,
    /// As it is shown, e.g. `30 days`.
    pub shown: Option<String>,
    /// `None` for the person's choice and for the default.
    pub level: Option<Level>,
    /// As it is shown, e.g. `server, group Support`.
    pub source: String,
    /// The sources that are put aside, strongest first, as they are shown.
    #[serde(default)]
    pub superseded: Vec<String>,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// What `serde_json` says.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Runs the resolver over it, the way the client does.
    pub fn resolve(&self) -> EffectivePolicy {
        let mut inputs = Inputs::default();
        for file in &self.machine {
            let folder = if file.level == Level::Mandatory { "managed" } else { "recommended" };
            let path = Path::new("/etc/flint/policies").join(folder).join(&file.file);
            let text = file.text.clone().unwrap_or_else(|| file.content.to_string());
            inputs.add_machine_file(
                file.level,
                flint_policy::read_machine_file(&text, &path.to_string_lossy()),
            );
        }
        if let Some(server) = &self.server {
            let document = PolicyDocument {
                format: PolicyDocument::FORMAT,
                domain: "example.test".into(),
                audience: jid::BareJid::new("ann@example.test").expect("a valid address"),
                epoch: 0,
                version: 1,
                issued: 0,
                expires: 0,
                on_expiry: server.on_expiry,
                layers: server.layers.clone(),
                toggles: serde_json::Value::Null,
            };
            inputs.add_document(&document, server.expired);
        }
        if !self.user.is_empty() {
            inputs.add_choices(self.user.clone());
        }
        flint_policy::resolve(&inputs)
    }

    /// Everything that is not as expected, one line each.
    pub fn differences(&self) -> Vec<String> {
        let effective = self.resolve();
        let mut lines = Vec::new();
        for entry in &effective.entries {
            let name = entry.definition.name;
            let got = Expected {
                value: entry.value.masked(),
                shown: Some(flint_policy::value_text(entry.definition, entry.value.expose())),
                level: entry.level,
                source: entry.source.to_string(),
                superseded: entry.superseded.iter().map(|s| s.source.to_string()).collect(),
            };
            let same = match self.expect.get(name) {
                None => entry.source == Source::Default,
                Some(e) => {
                    let shown = e.shown.is_none() || e.shown == got.shown;
                    shown
                        && (&e.value, e.level, &e.source, &e.superseded)
                            == (&got.value, got.level, &got.source, &got.superseded)
                }
            };
            if !same {
                lines.push(format!("{name}: expected {:?}, got {got:?}", self.expect.get(name)));
            }
        }
        for name in self.expect.keys().filter(|name| effective.entry(name).is_none()) {
            lines.push(format!("{name}: there is no such policy"));
        }
        let mut told: Vec<_> = effective.messages.iter().map(ToString::to_string).collect();
        let mut expected = self.problems.clone();
        told.sort();
        expected.sort();
        if told != expected {
            lines.push(format!("problems: expected {expected:#?}, got {told:#?}"));
        }
        lines
    }
}
