//! Every version of the policies, and the way back to one.

use super::{Fields, Frame, SignedIn, failed, flash, not_found, page, redirect};
use crate::policy::change::differences;
use crate::server::App;
use crate::store::StoreError;
use crate::time;
use askama::Template;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// Versions on the page.
const MAX_VERSIONS: u32 = 200;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    base: u64,
    versions: Vec<VersionRow>,
}

struct VersionRow {
    number: u64,
    when: String,
    machine: String,
    who: String,
    reason: String,
    changes: Vec<String>,
    current: bool,
    differs: bool,
}

/// `GET /policies/history`.
pub async fn show(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    headers: HeaderMap,
) -> Response {
    let make = async {
        let versions = app.store.versions(MAX_VERSIONS).await?;
        let groups = app.store.groups().await?;
        let frame = Frame::new(&app, &signed_in, &headers, "/policies").await?;
        let base = versions.first().map_or(0, |version| version.version);
        let in_force = versions.first().map(|version| version.settings.clone()).unwrap_or_default();
        let rows = versions.iter().enumerate().map(|(index, version)| {
            let changes = match versions.get(index + 1) {
                Some(older) => differences(&older.settings, &version.settings, &groups),
                None => Vec::new(),
            };
            VersionRow {
                number: version.version,
                when: time::for_people(version.at),
                machine: time::for_machines(version.at),
                who: version.who.clone(),
                reason: version.reason.clone(),
                // A publication's reason is the list of its changes already.
                changes: if changes.join("; ") == version.reason { Vec::new() } else { changes },
                current: version.version == base,
                differs: version.settings != in_force,
            }
        });
        let versions = rows.collect();
        Ok::<_, StoreError>(page(&HistoryPage { frame, base, versions }, StatusCode::OK))
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}

/// `POST /policies/revert`: an old version's settings become the next version.
pub async fn revert(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    fields: Fields,
) -> Response {
    let make = async {
        let version = fields.get("version").parse().unwrap_or(0);
        let Some(old) = app.store.version(version).await? else {
            return Ok(not_found(State(app.clone())).await);
        };
        let base = fields.get("base").parse().unwrap_or(u64::MAX);
        let reason = format!("Settings of version {version} brought back");
        let who = &signed_in.session.who;
        match app.store.publish(app.now(), who, &reason, base, &old.settings).await {
            Ok(version) => {
                app.refresh().await?;
                tracing::info!(version, who, "old settings published");
                Ok(redirect("/policies/history", flash::tell(flash::Event::Reverted(version))))
            }
            Err(StoreError::Conflict { now }) => {
                Ok(redirect("/policies/history", flash::tell(flash::Event::Conflict(now))))
            }
            Err(error) => Err(error),
        }
    };
    make.await.unwrap_or_else(|error| failed(&app, &error))
}
