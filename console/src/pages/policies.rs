//! The policies: catalogue, editor, preview, publication.

use super::{Fields, Frame, SignedIn, failed, flash, grouped, not_found, page, people, redirect};
use crate::policy::change::{Change, differences, read_value, write_value};
use crate::policy::documents::effective_of;
use crate::policy::preview::{Preview, World, preview as look_ahead};
use crate::server::App;
use crate::store::{ClientRow, Group, Setting, StoreError, Version};
use askama::Template;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use flint_policy::catalog::{self, CATALOG, Definition};
use flint_policy::{EffectivePolicy, Source, value_text};
use jid::BareJid;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod form;

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

#[derive(Template)]
#[template(path = "policies.html")]
struct Page {
    frame: Frame,
    summary: String,
    q: String,
    scope: String,
    scopes: Vec<Choice>,
    rows: Vec<Row>,
    total: usize,
    editor: Option<Editor>,
}

struct Choice {
    value: String,
    label: String,
    selected: bool,
}

struct Row {
    name: &'static str,
    caption: &'static str,
    value: String,
    draft: Option<String>,
    badge: Option<&'static str>,
    source: String,
    /// Whom a draft is for.
    whom: String,
    selected: bool,
    href: String,
}

struct Editor {
    name: &'static str,
    description: &'static str,
    scope: String,
    q: String,
    base: u64,
    next: u64,
    input: Input,
    typed: String,
    problem: Option<String>,
    required: bool,
    recommendable: bool,
    who: Vec<Choice>,
    preview: Option<Preview>,
    previewed: String,
    note: Option<String>,
    machine_only: bool,
}

/// One text of a dictionary in the form.
struct Pair {
    index: usize,
    key: String,
    choices: Vec<Choice>,
}

enum Input {
    Switch,
    Number { minimum: i64, maximum: i64, unit: &'static str },
    Line { max: usize },
    Lines { max: usize },
    Choice { choices: Vec<Choice> },
    List { max: usize },
    Secret { max: usize, held: bool },
    Endpoint { forms: String },
    Dictionary { max: usize, length: usize, pairs: Vec<Pair> },
    File { kib: u32, url: String, digest: String },
}

/// What the editor holds.
struct Draft {
    group: Option<String>,
    required: bool,
    typed: String,
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
    let mut draft =
        Draft { group: group.clone(), required, typed, value: None, preview: None, problem: None };
    let value = if definition.machine_only {
        Err("Only a file of the computer can set this policy.".to_owned())
    } else if definition.is_sensitive() && draft.typed.is_empty() && fields.get("clear").is_empty() {
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

fn render(
    app: &App,
    frame: Frame,
    data: &Data,
    view: &View,
    draft: Option<Draft>,
    status: StatusCode,
) -> Response {
    let group = data.group(&view.scope);
    let member_of: BTreeSet<String> = group.map(|group| group.id.clone()).into_iter().collect();
    let effective = effective_of(&app.config().domain, &data.version.settings, &data.groups, &member_of);
    let needle = view.q.trim().to_lowercase();
    let fits = |definition: &&Definition| {
        let Definition { name, caption, description, .. } = definition;
        [name, caption, description].iter().any(|text| text.to_lowercase().contains(&needle))
    };
    let found: Vec<&'static Definition> = CATALOG.iter().filter(fits).collect();
    let selected = catalog::find(&view.policy)
        .filter(|definition| found.iter().any(|it| it.name == definition.name))
        .or_else(|| found.first().copied());
    let scope = group.map(|group| group.id.clone()).unwrap_or_default();
    let rows = found.iter().map(|definition| {
        let is_selected = selected.is_some_and(|it| it.name == definition.name);
        let draft = draft.as_ref().filter(|draft| is_selected && draft.problem.is_none());
        row(data, definition, &effective, &scope, &view.q, is_selected, draft)
    });
    let rows = rows.collect();
    let editor = selected.map(|definition| editor(data, view, &scope, definition, draft));
    let everybody = Choice {
        value: String::new(),
        label: format!("For: everybody ({})", people(data.people.len() as u64)),
        selected: group.is_none(),
    };
    let groups = data.groups.iter().map(|it| Choice {
        value: it.id.clone(),
        label: format!("For: group {} ({})", it.name, people(it.people)),
        selected: it.id == scope,
    });
    let page_data = Page {
        frame,
        summary: data.summary(),
        q: view.q.clone(),
        scopes: std::iter::once(everybody).chain(groups).collect(),
        scope: scope.clone(),
        rows,
        total: CATALOG.len(),
        editor,
    };
    page(&page_data, status)
}

fn row(
    data: &Data,
    definition: &'static Definition,
    effective: &EffectivePolicy,
    scope: &str,
    q: &str,
    selected: bool,
    draft: Option<&Draft>,
) -> Row {
    let entry = effective.entry(definition.name).expect("the resolver gives an entry for each policy");
    let badge = entry.level.map(|_| if entry.is_mandatory() { "Required" } else { "Recommended" });
    let source = match &entry.source {
        Source::ServerGroup { name, .. } => format!("group {name}"),
        Source::ServerEverybody => "everybody".to_owned(),
        _ => "default".to_owned(),
    };
    let value = value_text(definition, entry.value.expose());
    let whom = draft.map_or_else(String::new, |draft| match &draft.group {
        Some(id) => format!("group {}", data.group(id).map_or(id, |group| &group.name)),
        None => "everybody".to_owned(),
    });
    let draft = draft.and_then(|draft| {
        let text = value_text(definition, draft.value.as_ref().unwrap_or(&serde_json::Value::Null));
        (text != value).then_some(text)
    });
    let view = View { scope: scope.to_owned(), policy: definition.name.to_owned(), q: q.to_owned() };
    Row {
        name: definition.name,
        caption: definition.caption,
        value,
        draft,
        badge,
        source,
        whom,
        selected,
        href: address(&view),
    }
}

fn editor(
    data: &Data,
    view: &View,
    scope: &str,
    definition: &'static Definition,
    draft: Option<Draft>,
) -> Editor {
    let base = data.version.version;
    let draft = draft.unwrap_or_else(|| {
        let group = (!scope.is_empty()).then(|| scope.to_owned());
        let set = data.setting(definition, group.as_deref());
        Draft {
            value: set.map(|set| set.value.clone()),
            group,
            required: set.is_none_or(|set| set.required),
            typed: set.map(|set| write_value(definition, &set.value)).unwrap_or_default(),
            preview: None,
            problem: None,
        }
    });
    let count = data.groups.len();
    let everybody =
        Choice { value: String::new(), label: "Everybody".to_owned(), selected: draft.group.is_none() };
    let groups = data.groups.iter().map(|group| Choice {
        value: group.id.clone(),
        label: format!("Group {} (rank {} of {count})", group.name, group.rank),
        selected: draft.group.as_ref() == Some(&group.id),
    });
    let held = data.setting(definition, draft.group.as_deref()).is_some();
    let input = form::input(definition, &draft.typed, held);
    Editor {
        name: definition.name,
        description: definition.description,
        scope: scope.to_owned(),
        q: view.q.clone(),
        base,
        next: base + 1,
        input,
        previewed: fingerprint(definition.name, &draft, base),
        typed: draft.typed,
        problem: draft.problem,
        required: draft.required,
        recommendable: definition.recommended,
        machine_only: definition.machine_only,
        who: std::iter::once(everybody).chain(groups).collect(),
        preview: draft.preview,
        note: definition.atomic.map(|group| {
            format!("Belongs to {group}: all of its settings are taken from one place, the strongest that sets one.")
        }),
    }
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
