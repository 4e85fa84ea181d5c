//! The page itself: the catalogue's rows and the editor, filled in.

use super::{Data, Draft, View, address, fingerprint, form};
use crate::pages::{Frame, page, people};
use crate::policy::change::write_value;
use crate::policy::documents::effective_of;
use crate::policy::preview::Preview;
use crate::server::App;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use flint_policy::catalog::{self, CATALOG, Definition};
use flint_policy::{EffectivePolicy, Source, value_text};
use std::collections::BTreeSet;

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

pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) selected: bool,
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
    clear: bool,
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
pub(super) struct Pair {
    pub(super) index: usize,
    pub(super) key: String,
    pub(super) choices: Vec<Choice>,
}

pub(super) enum Input {
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

pub(super) fn render(
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
            clear: false,
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
        clear: draft.clear,
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
