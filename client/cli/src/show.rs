//! Policy and search hits on standard output.

use crate::text::{clean, moment};
use flint_runtime::Update;
use flint_runtime::core::BareJid;
use flint_runtime::core::model::{ConversationId, Direction, PolicyReport, SearchHit};
use serde::Serialize;
use std::fmt::Write;

/// Indented JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)?)
}

/// An update as one line.
pub(crate) fn line(update: &Update) -> anyhow::Result<String> {
    Ok(serde_json::to_string(update)?)
}

/// The policy page as text.
pub(crate) fn policy(account: &BareJid, report: &PolicyReport) -> String {
    let mut text = format!("Policy of {account}\n");
    let mut add = |line: String| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{}", clean(&line));
    };
    add(match &report.managed_by {
        Some(manager) => format!("Managed by {manager}"),
        None => "Nobody manages this account".to_owned(),
    });
    if report.server.version > 0 {
        let signer = report.server.signed_by.as_deref().unwrap_or("?");
        add(format!("Signed policy: version {}, key {signer}", report.server.version));
        if let Some(at) = report.server.fetched_at {
            add(format!("Fetched: {}", moment(at)));
        }
        if let Some(at) = report.server.expires {
            add(format!("Valid until: {}", moment(at)));
        }
    }
    if let Some(problem) = &report.server.problem {
        add(format!("Problem: {problem}"));
    }
    for row in &report.rows {
        let place = if row.level == row.source {
            row.level.clone()
        } else {
            format!("{}, {}", row.level, row.source)
        };
        add(format!("{}: {} ({place})", row.name, row.value));
        for (value, level, source) in &row.superseded {
            add(format!("    instead of {value} ({level}, {source})"));
        }
        for message in &row.messages {
            add(format!("    {message}"));
        }
    }
    for message in &report.messages {
        add(format!("Not used: {message}"));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Search hits, one a line.
pub(crate) fn hits(hits: &[SearchHit]) -> String {
    let lines: Vec<String> = hits
        .iter()
        .map(|hit| {
            let message = &hit.message;
            let place = match &message.conversation {
                ConversationId::Person(jid) | ConversationId::Room(jid) => jid,
            };
            let snippet = hit.snippet.0.replace('\u{2}', "[").replace('\u{3}', "]");
            let sender = match message.direction {
                Direction::Incoming => &message.sender_name,
                Direction::Outgoing { .. } => "You",
            };
            clean(&format!("{}  {place}  {sender}: {snippet}", moment(message.at)))
        })
        .collect();
    lines.join("\n")
}
