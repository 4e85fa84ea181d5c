//! What a change would do: for each person the settings before and after go through the client's resolver.

use super::change::Change;
use super::documents::effective_of;
use crate::pages::{grouped, people};
use crate::store::{Group, Setting};
use flint_policy::catalog::Kind;
use flint_policy::{EffectivePolicy, Entry, Source, value_text};
use jid::BareJid;
use std::collections::{BTreeMap, BTreeSet};

/// Most lines shown.
const MAX_LINES: usize = 12;

/// What the preview is made from.
#[derive(Debug)]
pub struct World<'a> {
    /// Managed domain.
    pub domain: &'a str,
    /// Settings in force.
    pub settings: &'a [Setting],
    /// Groups.
    pub groups: &'a [Group],
    /// Everybody.
    pub people: &'a BTreeSet<BareJid>,
    /// Who is in which group.
    pub member_of: &'a BTreeMap<BareJid, BTreeSet<String>>,
    /// Accounts with a client that is online.
    pub online: &'a BTreeSet<BareJid>,
}

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// `212 people, 1 setting changes`.
    pub headline: String,
    /// Who loses, who keeps and why.
    pub lines: Vec<String>,
}

/// Computes it. People with the same groups are computed once.
pub fn preview(world: &World<'_>, change: &Change) -> Preview {
    let after = change.apply(world.settings);
    let nobody = BTreeSet::new();
    let mut known: BTreeMap<&BTreeSet<String>, (EffectivePolicy, EffectivePolicy)> = BTreeMap::new();
    let mut concerned = 0_u64;
    let mut touched: BTreeSet<&BareJid> = BTreeSet::new();
    let mut changed: BTreeSet<&'static str> = BTreeSet::new();
    let mut moves: BTreeMap<String, u64> = BTreeMap::new();
    let mut keeps: BTreeMap<String, u64> = BTreeMap::new();
    for person in world.people {
        let groups = world.member_of.get(person).unwrap_or(&nobody);
        if change.group.as_ref().is_some_and(|group| !groups.contains(group)) {
            continue;
        }
        concerned += 1;
        let (old, new) = known.entry(groups).or_insert_with(|| {
            let effective = |settings| effective_of(world.domain, settings, world.groups, groups);
            (effective(world.settings), effective(&after))
        });
        let mut same = true;
        for (old, new) in old.entries.iter().zip(&new.entries) {
            if old.value != new.value || old.is_mandatory() != new.is_mandatory() {
                same = false;
                changed.insert(old.definition.name);
                *moves.entry(movement(old, new)).or_default() += 1;
            }
        }
        if !same {
            touched.insert(person);
        } else if let Some(entry) = new.entry(change.definition.name) {
            *keeps.entry(keeping(entry)).or_default() += 1;
        }
    }
    let settings = match changed.len() {
        1 => "1 setting changes".to_owned(),
        count => format!("{count} settings change"),
    };
    let mut lines: Vec<String> =
        moves.into_iter().map(|(text, count)| format!("{}: {text}", people(count))).collect();
    lines.extend(keeps.into_iter().map(|(text, count)| format!("{}: {text}", people(count))));
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("and {more} more cases"));
    }
    let online = touched.iter().filter(|person| world.online.contains(**person)).count() as u64;
    if online > 0 {
        lines.push(format!(
            "{} online and told at once",
            if online == 1 { "1 is".to_owned() } else { format!("{} are", grouped(online)) }
        ));
    }
    if concerned == 0 {
        lines.push("Nobody is known here yet; it will count for whoever comes.".to_owned());
    }
    Preview { headline: format!("{}, {settings}", people(concerned)), lines }
}

/// What happens to one entry.
fn movement(old: &Entry, new: &Entry) -> String {
    let definition = new.definition;
    let caption = definition.caption;
    let mut text = match definition.kind {
        Kind::Boolean if old.value != new.value => {
            let restricted = definition.restricted.map(flint_policy::catalog::Literal::to_json);
            let verb = if restricted.as_ref() == Some(new.value.expose()) { "lose" } else { "get" };
            format!("{verb} “{caption}”")
        }
        Kind::Secret { .. } if old.value != new.value && short(old) == short(new) => {
            format!("“{caption}” gets a new value")
        }
        _ if old.value != new.value => {
            format!("“{caption}” {} → {}", short(old), short(new))
        }
        _ if new.is_mandatory() => format!("“{caption}” stays {} and is locked", short(new)),
        _ => format!("“{caption}” stays {} and is not locked any more", short(new)),
    };
    if old.value != new.value && !new.is_mandatory() && new.source != Source::Default {
        text.push_str(", until they choose for themselves");
    }
    text
}

/// Why nothing happens to one entry.
fn keeping(entry: &Entry) -> String {
    let value = short(entry);
    match &entry.source {
        Source::ServerGroup { name, rank, .. } => format!("stay {value}: group {name} (rank {rank}) says so"),
        Source::ServerEverybody => format!("stay {value}: set for everybody"),
        _ => format!("stay {value}: it is the default"),
    }
}

fn short(entry: &Entry) -> String {
    let text = value_text(entry.definition, entry.value.expose());
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_policy::catalog;
    use serde_json::json;

    #[test]
    fn it_says_who_loses_and_who_keeps_and_why() {
        let jid = |name: &str| BareJid::new(&format!("{name}@example.test")).unwrap();
        let group = |id: &str, rank| Group { id: id.into(), name: id.to_uppercase(), rank, people: 0 };
        let groups = [group("chiefs", 1), group("support", 2)];
        let settings = [Setting {
            policy: "ContactAddingAllowed".into(),
            group: Some("chiefs".into()),
            required: true,
            value: json!(true),
        }];
        let people: BTreeSet<BareJid> = ["ann", "bob", "eve", "zoe"].map(jid).into();
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let member_of: BTreeMap<BareJid, BTreeSet<String>> = [
            (jid("ann"), set(&["support"])),
            (jid("bob"), set(&["support"])),
            (jid("eve"), set(&["chiefs", "support"])),
        ]
        .into();
        let online: BTreeSet<BareJid> = [jid("ann"), jid("zoe")].into();
        let world = World {
            domain: "example.test",
            settings: &settings,
            groups: &groups,
            people: &people,
            member_of: &member_of,
            online: &online,
        };
        let change = Change {
            definition: catalog::find("ContactAddingAllowed").unwrap(),
            group: Some("support".into()),
            required: true,
            value: Some(json!(false)),
        };
        let result = preview(&world, &change);
        assert_eq!(result.headline, "3 people, 1 setting changes");
        assert_eq!(
            result.lines,
            [
                "2 people: lose “Adding contacts”",
                "1 person: stay on: group CHIEFS (rank 1) says so",
                "1 is online and told at once",
            ]
        );
    }
}
