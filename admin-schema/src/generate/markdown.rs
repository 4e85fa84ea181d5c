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
    if policy.machine_only {
        out.push_str(
            "* Only in a file of the computer: what the server says about it is ignored, with a message\n",
        );
    }
    if policy.merge {
        out.push_str(
            "* Entries of several files, or of several groups, are joined; of one text the stronger entry counts\n",
        );
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
        Kind::Secret { max_length } => {
            format!("text of up to {max_length} characters that is masked on every page and in every report")
        }
        Kind::Endpoint { schemes } => {
            let forms: Vec<_> = schemes.iter().map(|scheme| format!("`{scheme}://HOST:PORT`")).collect();
            format!("address like {}", forms.join(" or "))
        }
        Kind::Choice { values } => format!("one of {}", quoted(values)),
        Kind::Dictionary { values, max_items, max_length } => format!(
            "object with up to {max_items} texts of up to {max_length} characters, each with one of {}",
            quoted(values)
        ),
        Kind::File { max_size } => format!(
            "object with `url` (begins with `https://`) and `sha256` (64 hexadecimal digits) of a file of up to {} KiB",
            max_size / 1024
        ),
        Kind::JidList { max_items } => {
            format!("list of up to {max_items} addresses like `room@conference.example.org`")
        }
    }
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
}
