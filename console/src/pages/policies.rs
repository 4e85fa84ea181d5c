//! The policies: catalogue, editor, preview, publication.

use super::{Fields, Frame, SignedIn, failed, flash, grouped, not_found, redirect};
use crate::policy::change::{Change, differences, read_value};
use crate::policy::preview::{Preview, World, preview as look_ahead};
use crate::server::App;
use crate::store::{ClientRow, Group, Setting, StoreError, Version};
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use flint_policy::catalog::{self, Definition};
use jid::BareJid;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use view::render;

mod form;
mod view;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub struct View {
    /// A group's id; empty for everybody.
    #[serde(default, rename = "for")]
    scope: String,
    /// The policy in the editor.
    #[serde(default)]
    policy: String,
    /// Search.
    #[serde(default)]
    q: String,
}

/// What the editor holds.
struct Draft {
    group: Option<String>,
    required: bool,
    typed: String,
    /// The value of a field that never shows it is to be taken away.
    clear: bool,
    value: Option<serde_json::Value>,
    preview: Option<Preview>,
    problem: Option<String>,
}

/// Everything that the pages look at.
struct Data {
    version: Version,
    groups: Vec<Group>,
    people: BTreeSet<BareJid>,
    member_of: BTreeMap<BareJid, BTreeSet<String>>,
    clients: Vec<ClientRow>,
}

impl Data {
    async fn read(app: &App) -> Result<Self, StoreError> {
        let mut member_of: BTreeMap<BareJid, BTreeSet<String>> = BTreeMap::new();
        for (person, group) in app.store.memberships(None).await? {
            member_of.entry(person).or_default().insert(group);
        }
        Ok(Self {
            version: app.store.newest_version().await?,
            groups: app.store.groups().await?,
            people: app.store.people().await?,
            member_of,
            clients: app.store.clients().await?,
        })
    }

    fn preview(&self, app: &App, change: &Change) -> Preview {
        let online = self.clients.iter().filter(|row| row.online).map(|row| row.jid.to_bare()).collect();
        let world = World {
            domain: &app.config().domain,
            settings: &self.version.settings,
            groups: &self.groups,
            people: &self.people,
            member_of: &self.member_of,
            online: &online,
        };
        look_ahead(&world, change)
    }

    fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    fn setting(&self, definition: &Definition, group: Option<&str>) -> Option<&Setting> {
        let mut settings = self.version.settings.iter();
        settings.find(|it| it.policy == definition.name && it.group.as_deref() == group)
    }

    fn summary(&self) -> String {
        let version = self.version.version;
        let all = self.clients.len() as u64;
        if all == 0 {
            return format!("Version {version} is published. No client has announced itself yet.");
        }
        let current = self.clients.iter().filter(|row| row.applied == version).count() as u64;
        let away = self.clients.iter().filter(|row| row.applied != version && !row.online).count() as u64;
        let mut text = format!(
            "Version {version} is in force on {} of {} clients ({:.1} %).",
            grouped(current),
            grouped(all),
            current as f64 * 100.0 / all as f64,
        );
        if away > 0 {
            let verb = if away == 1 { "is" } else { "are" };
            text.push_str(&format!(" {} {verb} offline and will take it at sign-in.", grouped(away)));
        }
        text
    }
}

/// `GET /policies`.
pub async fn show(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Response {
    let make = async {
        let data = Data::read(&app).await?;
        let frame = Frame::new(&app, &signed_in, &headers, "/policies").await?;
        Ok::<_, StoreError>(render(&app, frame, &data, &view, None, StatusCode::OK))
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}

/// `POST /policies/preview`: the same page with what the change would do.
pub async fn preview(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let make = async {
        let data = Data::read(&app).await?;
        let frame = Frame::new(&app, &signed_in, &headers, "/policies").await?;
        let Some((view, _, draft)) = read(&app, &data, &fields) else {
            return Ok(not_found(State(app.clone())).await);
        };
        let status = if draft.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        Ok::<_, StoreError>(render(&app, frame, &data, &view, Some(draft), status))
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}

/// `POST /policies/publish`: only what was previewed is published.
pub async fn publish(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let make = async {
        let data = Data::read(&app).await?;
        let mut frame = Frame::new(&app, &signed_in, &headers, "/policies").await?;
        let Some((view, change, mut draft)) = read(&app, &data, &fields) else {
            return Ok(not_found(State(app.clone())).await);
        };
        let Some(change) = change else {
            return Ok(render(&app, frame, &data, &view, Some(draft), StatusCode::UNPROCESSABLE_ENTITY));
        };
        let base: u64 = fields.get("base").parse().unwrap_or(u64::MAX);
        if base != data.version.version || fields.get("previewed") != fingerprint(&view.policy, &draft, base)
        {
            let text = "This is not what you looked at before: something changed since. Look at the preview, then publish.";
            frame.flash = Some(flash::Flash { class: "bad", text: text.to_owned() });
            return Ok(render(&app, frame, &data, &view, Some(draft), StatusCode::CONFLICT));
        }
        // What was edited is what the next page shows, whomever the list was about.
        let view = View { scope: draft.group.clone().unwrap_or_default(), ..view };
        let after = change.apply(&data.version.settings);
        let lines = differences(&data.version.settings, &after, &data.groups);
        if lines.is_empty() {
            draft.problem = Some("Nothing changes by this.".to_owned());
            return Ok(render(&app, frame, &data, &view, Some(draft), StatusCode::UNPROCESSABLE_ENTITY));
        }
        let who = &signed_in.session.who;
        match app.store.publish(app.now(), who, &lines.join("; "), base, &after).await {
            Ok(version) => {
                app.refresh().await?;
                tracing::info!(version, who, "policies published");
                Ok(redirect(&address(&view), flash::tell(flash::Event::Published(version))))
            }
            Err(StoreError::Conflict { now }) => {
                Ok(redirect(&address(&view), flash::tell(flash::Event::Conflict(now))))
            }
            Err(error) => Err(error),
        }
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}

/// Reads the editor's form; `None` for a policy or group that does not exist.
fn read(app: &App, data: &Data, fields: &Fields) -> Option<(View, Option<Change>, Draft)> {
    let definition = catalog::find(fields.get("policy"))?;
    let view = View {
        scope: fields.get("for").to_owned(),
        policy: definition.name.to_owned(),
        q: fields.get("q").to_owned(),
    };
    let group = match fields.get("who") {
        "" => None,
        id => Some(data.group(id)?.id.clone()),
    };
    let required = !definition.recommended || fields.get("level") != "recommended";
    let typed = form::typed(definition, fields);
    // What is typed counts more.
    let clear = definition.is_sensitive() && typed.is_empty() && !fields.get("clear").is_empty();
    let mut draft =
        Draft { group: group.clone(), required, typed, clear, value: None, preview: None, problem: None };
    let value = if definition.machine_only {
        Err("Only a file of the computer can set this policy.".to_owned())
    } else if definition.is_sensitive() && draft.typed.is_empty() && !clear {
        // Nothing typed into a field that never shows what is set: it stays.
        Ok(data.setting(definition, group.as_deref()).map(|set| set.value.clone()))
    } else {
        read_value(definition, &draft.typed)
    };
    match value {
        Ok(value) => {
            draft.value.clone_from(&value);
            let change = Change { definition, group, required, value };
            draft.preview = Some(data.preview(app, &change));
            Some((view, Some(change), draft))
        }
        Err(problem) => {
            draft.problem = Some(problem);
            Some((view, None, draft))
        }
    }
}

/// Ties a publication to the preview of the same input over the same version.
fn fingerprint(policy: &str, draft: &Draft, base: u64) -> String {
    let group = draft.group.as_deref().unwrap_or_default();
    let typed = draft.typed.replace("\r\n", "\n");
    let value = serde_json::Value::from(draft.value.clone());
    let mut digest = Sha256::new();
    digest.update(form::salt());
    digest.update(format!("{policy}\n{base}\n{group}\n{}\n{typed}\n{value}", draft.required));
    let digest = digest.finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn address(view: &View) -> String {
    let View { scope, policy, q } = view;
    let query = if q.is_empty() { String::new() } else { format!("&q={}", percent(q)) };
    format!("/policies?for={}&policy={policy}{query}", percent(scope))
}

/// Percent-encoding for a query's value (RFC 3986 §2.3).
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_one_value_of_the_address() {
        let view = View { scope: "a b&policy=x\r\ny".into(), policy: "P".into(), q: String::new() };
        assert_eq!(address(&view), "/policies?for=a%20b%26policy%3Dx%0D%0Ay&policy=P");
    }
}
