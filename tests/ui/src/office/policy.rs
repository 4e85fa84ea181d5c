//! What Ann's organisation decided.

use super::{DAY, MINUTE, ago};
use crate::stage::NOW;
use flint_runtime::Update;
use flint_runtime::core::model::{PolicyReport, PolicyRow, ServerPolicyState};
use flint_runtime::core::{self as core};

/// The policy page.
pub fn policies() -> Update {
    let row = |name: &str, caption: &str, value: &str, json: serde_json::Value, level: &str, source: &str| {
        PolicyRow {
            name: name.into(),
            caption: caption.into(),
            value: value.into(),
            json,
            level: level.into(),
            source: source.into(),
            superseded: Vec::new(),
            messages: Vec::new(),
        }
    };
    let contacts = PolicyRow {
        superseded: vec![("on".into(), "required".into(), "everybody".into())],
        ..row(
            "ContactAddingAllowed",
            "People may add contacts.",
            "off",
            false.into(),
            "required",
            "group Support",
        )
    };
    let report = PolicyReport {
        rows: vec![
            contacts,
            row(
                "HistoryRetentionDays",
                "Messages are deleted after so many days.",
                "365 days",
                365.into(),
                "required",
                "everybody",
            ),
            row(
                "OrganizationName",
                "Name shown in the window.",
                "Example Corp",
                "Example Corp".into(),
                "required",
                "this computer",
            ),
            row(
                "DefaultRooms",
                "Rooms joined at sign-in.",
                "legal, roadmap",
                serde_json::json!(["legal", "roadmap"]),
                "recommended",
                "group Legal",
            ),
            row(
                "NoticeText",
                "Line at the top of the window.",
                "none",
                serde_json::Value::Null,
                "default",
                "as delivered",
            ),
            row(
                "NoticeStyle",
                "How the line looks.",
                "information",
                "information".into(),
                "default",
                "as delivered",
            ),
        ],
        messages: vec!["SecretColour: no such policy (version 42). The others are in force.".into()],
        managed_by: Some("example.test".into()),
        server: ServerPolicyState {
            version: 42,
            issued: Some(ago(200)),
            expires: Some(NOW.plus(30 * DAY)),
            signed_by: Some("console-2026".into()),
            fetched_at: Some(ago(0)),
            next_fetch_at: Some(NOW.plus(180 * MINUTE)),
            problem: None,
        },
    };
    Update::Core(core::Update::Policy(report))
}
