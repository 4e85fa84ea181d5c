//! The fields of the editor, one form for each type of policy. Nothing in them needs a script.

use super::view::{Choice, Input, Pair};
use crate::pages::Fields;
use flint_policy::catalog::{Definition, Kind};
use std::sync::LazyLock;

/// Empty rows below those of a dictionary; looking at the preview gives new ones.
const SPARE: usize = 3;

/// What was typed, as the one text that [`crate::policy::change::read_value`] reads.
pub(super) fn typed(definition: &Definition, fields: &Fields) -> String {
    match definition.kind {
        Kind::Dictionary { max_items, .. } => {
            let pair = |index: usize| {
                // A text is one line whatever a browser sends.
                let key = fields.get(&format!("text-{index}")).replace(['\r', '\n'], " ");
                let word = fields.get(&format!("word-{index}")).replace(char::is_whitespace, "");
                let key = key.trim();
                let word = if word.is_empty() { "-" } else { &word };
                (!key.is_empty()).then(|| format!("{word} {key}"))
            };
            (0..max_items + SPARE).filter_map(pair).collect::<Vec<_>>().join("\n")
        }
        Kind::File { .. } => {
            let (url, digest) = (fields.get("url").trim(), fields.get("sha256").trim());
            if url.is_empty() && digest.is_empty() { String::new() } else { format!("{url}\n{digest}") }
        }
        _ => fields.get("value").to_owned(),
    }
}

/// The fields, filled in. `held` tells that there is a value, for those that don't show it.
pub(super) fn input(definition: &Definition, typed: &str, held: bool) -> Input {
    match definition.kind {
        Kind::Boolean => Input::Switch,
        Kind::Integer { minimum, maximum, unit } => {
            Input::Number { minimum, maximum, unit: unit.unwrap_or_default() }
        }
        Kind::Text { max_length, multiline: false } => Input::Line { max: max_length },
        Kind::Text { max_length, multiline: true } => Input::Lines { max: max_length },
        Kind::Secret { max_length } => Input::Secret { max: max_length, held },
        Kind::Endpoint { schemes } => Input::Endpoint {
            forms: schemes.iter().map(|it| format!("{it}://HOST:PORT")).collect::<Vec<_>>().join(" or "),
        },
        Kind::Dictionary { values, max_items, max_length } => {
            let lines: Vec<_> =
                typed.lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
            let rows = (lines.len() + SPARE).min(max_items.max(lines.len()));
            let pair = |index: usize| {
                let (word, key) = lines.get(index).copied().unwrap_or_default();
                Pair { index, key: key.to_owned(), choices: choices(values, word) }
            };
            Input::Dictionary { max: max_items, length: max_length, pairs: (0..rows).map(pair).collect() }
        }
        Kind::File { max_size } => {
            let (url, digest) = typed.split_once('\n').unwrap_or((typed, ""));
            Input::File { kib: max_size / 1024, url: url.to_owned(), digest: digest.to_owned() }
        }
        Kind::JidList { max_items } => Input::List { max: max_items },
        Kind::Choice { values } => Input::Choice { choices: choices(values, typed) },
    }
}

fn choices(values: &[&str], selected: &str) -> Vec<Choice> {
    let choice = |value: &&str| Choice {
        value: (*value).to_owned(),
        label: (*value).to_owned(),
        selected: selected == *value,
    };
    values.iter().map(choice).collect()
}

/// Keeps what was typed from being guessed out of the fingerprint that the page carries: it may be a password.
pub(super) fn salt() -> &'static [u8; 32] {
    static SALT: LazyLock<[u8; 32]> = LazyLock::new(|| {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).expect("the system gives random bytes");
        salt
    });
    &SALT
}
