//! The manual page of the policies.

use std::fmt::Write as _;

use crate::definition::{Definition, Kind, Level};
use crate::read::Catalog;

pub(super) fn manual(catalog: &Catalog) -> String {
    let mut out = String::from(
        "# Policies\n\n\
         Written by `cargo xtask generate` from `admin-schema/policies`; changes by hand are lost.\n\n\
         A policy is set in the console, or on a computer by a file in `/etc/flint/policies/managed/` (mandatory) or\n\
         `/etc/flint/policies/recommended/`, one JSON object with the names below as keys. Of two files the later name wins.\n",
    );
    for group in &catalog.groups {
        let _ = write!(out, "\n## {}\n\n{}\n", group.caption, group.description);
        for policy in catalog.policies.iter().filter(|policy| policy.group == group.id) {
            section(&mut out, policy);
        }
    }
    out
}

fn section(out: &mut String, policy: &Definition) {
    let _ = write!(out, "\n### {}\n\n**{}.** {}\n\n", policy.name, policy.caption, policy.description);
    let _ = writeln!(out, "* Type: {}", kind(&policy.kind));
    let default = policy.default.as_ref().map_or("none".into(), |value| format!("`{value}`"));
    let _ = writeln!(out, "* Default: {default}");
    let levels = policy.levels.iter().map(|level| match level {
        Level::Mandatory => "mandatory",
        Level::Recommended => "recommended",
    });
    let _ = writeln!(out, "* Levels: {}", levels.collect::<Vec<_>>().join(", "));
    if let Some(restricted) = &policy.restricted {
        let _ =
            writeln!(out, "* When the organisation's policy has expired and says `restrict`: `{restricted}`");
    }
    if let Some(atomic) = &policy.atomic {
        let _ =
            writeln!(out, "* Member of the atomic group {atomic}: all its members come from the same source");
    }
    let _ = writeln!(out, "* Since: {}", policy.since);
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Boolean => "`true` or `false`".into(),
        Kind::Integer { minimum, maximum, unit } => {
            format!(
                "whole number, {minimum} to {maximum}{}",
                unit.as_ref().map_or(String::new(), |u| format!(" {u}"))
            )
        }
        Kind::Text { max_length, multiline } => {
            format!(
                "text of up to {max_length} characters{}",
                if *multiline { ", may have several lines" } else { "" }
            )
        }
        Kind::Choice { values } => {
            format!("one of {}", values.iter().map(|v| format!("`\"{v}\"`")).collect::<Vec<_>>().join(", "))
        }
        Kind::JidList { max_items } => {
            format!("list of up to {max_items} addresses like `room@conference.example.org`")
        }
    }
}
