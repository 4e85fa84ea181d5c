//! Pages that only show: groups, clients, workgroups, audit.

use super::{Frame, SignedIn, failed, grouped, not_found, page, people};
use crate::server::App;
use crate::store::{DatabaseJournal, Group, StoreError};
use crate::time;
use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use flint_fastpath_routing::WorkgroupName;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Most rows of one page.
const MAX_ROWS: u32 = 500;

#[derive(Template)]
#[template(path = "groups.html")]
struct GroupsPage {
    frame: Frame,
    groups: Vec<Group>,
}

/// `GET /groups`.
pub async fn groups(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    headers: HeaderMap,
) -> Response {
    let make = async {
        let groups = app.store.groups().await?;
        let frame = Frame::new(&app, &signed_in, &headers, "/groups").await?;
        Ok::<_, StoreError>(page(&GroupsPage { frame, groups }, StatusCode::OK))
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}

#[derive(Template)]
#[template(path = "group.html")]
struct GroupPage {
    frame: Frame,
    group: Group,
    members: Vec<Member>,
}

struct Member {
    jid: String,
    name: String,
}

/// `GET /groups/{id}`.
pub async fn group(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let make = async {
        let Some(group) = app.store.groups().await?.into_iter().find(|group| group.id == id) else {
            return Ok(not_found(State(app.clone())).await);
        };
        let members = app.store.members(&id).await?.into_iter();
        let members = members.map(|(jid, name)| Member {
            name: name.unwrap_or_else(|| jid.node().map(ToString::to_string).unwrap_or_default()),
            jid: jid.to_string(),
        });
        let frame = Frame::new(&app, &signed_in, &headers, "/groups").await?;
        Ok::<_, StoreError>(page(&GroupPage { frame, group, members: members.collect() }, StatusCode::OK))
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}

#[derive(Template)]
#[template(path = "clients.html")]
struct ClientsPage {
    frame: Frame,
    summary: String,
    clients: Vec<Client>,
}

struct Client {
    account: String,
    resource: String,
    device: String,
    version: String,
    applied: u64,
    current: bool,
    online: bool,
    when: String,
    machine: String,
}

/// `GET /clients`.
pub async fn clients(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    headers: HeaderMap,
) -> Response {
    let make = async {
        let newest = *app.version.borrow();
        let rows = app.store.clients().await?;
        let online = rows.iter().filter(|row| row.online).count() as u64;
        let current = rows.iter().filter(|row| row.applied == newest).count() as u64;
        let all = rows.len() as u64;
        let mut summary = format!(
            "{} online. Version {newest} is in force on {} of {} clients.",
            grouped(online),
            grouped(current),
            grouped(all),
        );
        if all > u64::from(MAX_ROWS) {
            summary.push_str(&format!(" The first {MAX_ROWS} are shown."));
        }
        let client = |row: crate::store::ClientRow| Client {
            account: row.jid.to_bare().to_string(),
            resource: row.jid.resource().to_string(),
            device: row.device,
            version: row.version,
            applied: row.applied,
            current: row.applied == newest,
            online: row.online,
            when: time::for_people(row.seen),
            machine: time::for_machines(row.seen),
        };
        let clients = rows.into_iter().take(MAX_ROWS as usize).map(client).collect();
        let frame = Frame::new(&app, &signed_in, &headers, "/clients").await?;
        Ok::<_, StoreError>(page(&ClientsPage { frame, summary, clients }, StatusCode::OK))
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}

#[derive(Template)]
#[template(path = "workgroups.html")]
struct WorkgroupsPage {
    frame: Frame,
    summary: String,
    workgroups: Vec<Workgroup>,
}

struct Workgroup {
    name: String,
    shown: String,
    jid: String,
    description: String,
    open: bool,
    /// Agents who are signed in to it and take chats.
    agents: usize,
    queues: Vec<Queue>,
}

struct Queue {
    name: String,
    waiting: u32,
    /// How long the first has waited, `3:20`.
    oldest: String,
    agents: usize,
}

/// `GET /workgroups`.
pub async fn workgroups(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    headers: HeaderMap,
) -> Response {
    let make = async {
        let service = app.workgroups.as_ref().map(|sender| sender.borrow().domain.clone());
        let figure = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed);
        let metrics = &app.queue_metrics;
        let summary = match &service {
            None => "No component of kind 'workgroup' is configured, so no customer is served.".to_owned(),
            Some(_) if figure(&metrics.connected) == 0 => {
                "The workgroup service is not connected to the XMPP server. Its log says why.".to_owned()
            }
            Some(_) => format!(
                "{} waiting, {} in conversation, {} taking part.",
                people(figure(&metrics.waiting)),
                grouped(figure(&metrics.chats)),
                match figure(&metrics.agents) {
                    1 => "1 agent".to_owned(),
                    agents => format!("{} agents", grouped(agents)),
                },
            ),
        };
        let domain = service.unwrap_or_else(|| format!("workgroup.{}", app.config().domain));
        let router = DatabaseJournal::new(app.store.clone()).router().await?;
        let now = app.now();
        let workgroups = app.store.workgroups().await?.into_iter().map(|workgroup| Workgroup {
            agents: router
                .agents_in(&WorkgroupName(workgroup.name.clone()))
                .iter()
                .filter(|it| it.available)
                .count(),
            shown: workgroup.shown().to_owned(),
            jid: format!("{}@{domain}", workgroup.name),
            description: workgroup.description,
            open: workgroup.open,
            queues: workgroup
                .queues
                .into_iter()
                .map(|queue| {
                    let line = router.queue(&WorkgroupName(workgroup.name.clone()), &queue.name, 0);
                    let oldest = line.as_ref().and_then(|line| line.oldest);
                    Queue {
                        waiting: line.map_or(0, |line| line.count),
                        oldest: oldest.map_or_else(|| "–".to_owned(), |at| minutes(now.saturating_sub(at.0))),
                        agents: queue.agents.len(),
                        name: queue.name,
                    }
                })
                .collect(),
            name: workgroup.name,
        });
        let workgroups = workgroups.collect();
        let frame = Frame::new(&app, &signed_in, &headers, "/workgroups").await?;
        Ok::<_, StoreError>(page(&WorkgroupsPage { frame, summary, workgroups }, StatusCode::OK))
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}

/// `3:20`.
fn minutes(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<Row>,
}

struct Row {
    when: String,
    machine: String,
    who: String,
    action: String,
    detail: String,
}

/// `GET /audit`.
pub async fn audit(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    headers: HeaderMap,
) -> Response {
    let make = async {
        let rows = app.store.audit_rows(MAX_ROWS).await?.into_iter().map(|row| Row {
            when: time::for_people(row.at),
            machine: time::for_machines(row.at),
            who: row.who,
            action: row.action,
            detail: row.detail,
        });
        let rows = rows.collect();
        let frame = Frame::new(&app, &signed_in, &headers, "/audit").await?;
        Ok::<_, StoreError>(page(&AuditPage { frame, rows }, StatusCode::OK))
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}
