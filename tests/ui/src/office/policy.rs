//! What Ann's organisation decided.

use super::{DAY, MINUTE, ago};
use crate::stage::NOW;
use flint_runtime::Update;
use flint_runtime::core::model::{PolicyReport, PolicyRow, ServerPolicyState};
use flint_runtime::core::{self as core};
use flint_runtime::policy::{Inputs, Level, read_machine_file, resolve};

/// What nobody may read on the page or in what is copied from it.
pub const SECRET: &str = "correct horse battery";

/// Values of a dictionary, a file and a secret, as the real resolution makes rows of them.
fn from_this_computer() -> Vec<PolicyRow> {
    let policies = serde_json::json!({
        "StatusPresets": {"On the phone": "dnd", "Shop floor until noon": "away"},
        "BrandImage": {"url": "https://www.example.test/logo.png", "sha256": "ab".repeat(32)},
        "ProxyAddress": "http://proxy.example.test:3128",
        "ProxyUser": "flint",
        "ProxyPassword": SECRET,
    });
    let file = read_machine_file(&policies.to_string(), "/etc/flint/policies/managed/site.json");
    let mut inputs = Inputs::default();
    inputs.add_machine_file(Level::Mandatory, file);
    let report = PolicyReport::new(&resolve(&inputs), None, ServerPolicyState::default());
    report.rows.into_iter().filter(|row| row.level != "default").collect()
}

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
    let mut report = PolicyReport {
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
    report.rows.extend(from_this_computer());
    Update::Core(core::Update::Policy(report))
}
