//! Documents: for one person, every layer that touches them, signed.

use crate::server::App;
use crate::store::{Group, Millis, Setting, StoreError, Version};
use flint_policy::{
    DocumentLayer, EffectivePolicy, Inputs, Level, OnExpiry, PolicyDocument, Scope, Values, resolve,
};
use jid::BareJid;
use std::collections::{BTreeMap, BTreeSet};

/// How long a document is good.
const LIFETIME_MS: Millis = 14 * 24 * 60 * 60 * 1000;
/// At this age it is renewed.
const RENEW_MS: Millis = LIFETIME_MS / 2;

/// A signed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Epoch in which the version counts: a restored console begins a new one.
    pub epoch: u64,
    /// Its version.
    pub version: u64,
    /// The envelope as JSON.
    pub envelope: Vec<u8>,
}

/// Publishes the same settings anew when the newest version gets old, and the first version when there is none.
///
/// # Errors
/// The database failed.
pub async fn renew(app: &App) -> Result<(), StoreError> {
    let now = app.now();
    if let Some(version) = app.store.renew(now, now.saturating_sub(RENEW_MS)).await? {
        tracing::info!(version, "policies renewed");
        app.refresh().await?;
    }
    Ok(())
}

/// The document for one person. The same version gives the same bytes: everything in it changes with the version only.
///
/// # Errors
/// The database failed.
pub async fn for_person(app: &App, person: &BareJid) -> Result<Signed, StoreError> {
    let newest = app.store.newest_version().await?;
    if newest.version == 0 || newest.at < app.now().saturating_sub(RENEW_MS) {
        renew(app).await?;
    }
    let (version, groups, member_of) = look(app, person).await?;
    let document = PolicyDocument {
        format: PolicyDocument::FORMAT,
        domain: app.config().domain.clone(),
        audience: person.clone(),
        epoch: app.keys.epoch(),
        version: version.version,
        issued: version.at,
        expires: version.at + LIFETIME_MS,
        on_expiry: OnExpiry::Keep,
        layers: layers(&version.settings, &groups, &member_of),
        toggles: serde_json::Value::Object(serde_json::Map::new()),
    };
    let envelope = document.sign(app.keys.signing()).to_json().into_bytes();
    Ok(Signed { epoch: document.epoch, version: version.version, envelope })
}

/// What is in force for one person as far as the server knows.
///
/// # Errors
/// The database failed.
pub async fn effective(app: &App, person: &BareJid) -> Result<EffectivePolicy, StoreError> {
    let (version, groups, member_of) = look(app, person).await?;
    Ok(effective_of(&app.config().domain, &version.settings, &groups, &member_of))
}

/// Version, groups and memberships that belong together: whatever changes groups raises the version in the same
/// transaction, so when it is the same before and after, nothing changed in between.
async fn look(app: &App, person: &BareJid) -> Result<(Version, Vec<Group>, BTreeSet<String>), StoreError> {
    let mut version = app.store.newest_version().await?;
    loop {
        let groups = app.store.groups().await?;
        let member_of =
            app.store.memberships(Some(person)).await?.into_iter().map(|(_, group)| group).collect();
        let again = app.store.newest_version().await?;
        if again.version == version.version {
            return Ok((version, groups, member_of));
        }
        version = again;
    }
}

/// What these settings do to somebody in these groups, by the client's own resolver.
pub fn effective_of(
    domain: &str,
    settings: &[Setting],
    groups: &[Group],
    member_of: &BTreeSet<String>,
) -> EffectivePolicy {
    let document = PolicyDocument {
        format: PolicyDocument::FORMAT,
        domain: domain.to_owned(),
        audience: BareJid::new("nobody@invalid").expect("a constant address"),
        epoch: 0,
        version: 0,
        issued: 0,
        expires: 0,
        on_expiry: OnExpiry::Keep,
        layers: layers(settings, groups, member_of),
        toggles: serde_json::Value::Null,
    };
    let mut inputs = Inputs::default();
    inputs.add_document(&document, false);
    resolve(&inputs)
}

/// Everybody, or the rank and id of a group.
type Place<'a> = Option<(u32, &'a str)>;

/// The layers that touch somebody in these groups, in a fixed order.
fn layers(settings: &[Setting], groups: &[Group], member_of: &BTreeSet<String>) -> Vec<DocumentLayer> {
    let mut values: BTreeMap<(Place<'_>, Level), Values> = BTreeMap::new();
    for setting in settings {
        let scope = match &setting.group {
            None => None,
            Some(id) if member_of.contains(id) => match groups.iter().find(|group| group.id == *id) {
                Some(group) => Some((group.rank, group.id.as_str())),
                None => continue,
            },
            Some(_) => continue,
        };
        let level = if setting.required { Level::Mandatory } else { Level::Recommended };
        values.entry((scope, level)).or_default().insert(setting.policy.clone(), setting.value.clone());
    }
    let layer =
        |((scope, level), policies)| DocumentLayer { scope: name_scope(scope, groups), level, policies };
    values.into_iter().map(layer).collect()
}

fn name_scope(scope: Place<'_>, groups: &[Group]) -> Scope {
    match scope {
        None => Scope::Everybody,
        Some((rank, id)) => {
            let name = groups.iter().find(|group| group.id == id).map_or(id, |group| &group.name);
            Scope::Group { id: id.to_owned(), name: name.to_owned(), rank }
        }
    }
}
