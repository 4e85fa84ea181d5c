//! The people of the realm, their groups and rooms, and what they said in the last two weeks.

use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// The twelve groups in the order in which an administrator ranks them (first is strongest).
pub const GROUPS: [&str; 12] = [
    "Management",
    "Legal",
    "Finance",
    "IT",
    "Product",
    "Research",
    "Support",
    "Sales",
    "Marketing",
    "Facility",
    "Logistics",
    "Interns",
];

/// The rooms: (local part, name).
pub const ROOMS: [(&str, &str); 3] =
    [("roadmap", "Roadmap"), ("support", "Support team"), ("facility", "Facility")];

/// The people who speak: (local part, name, group).
const SPEAKERS: [(&str, &str, &str); 11] = [
    ("ann", "Ann Meyer", "Support"),
    ("mia", "Mia Novak", "Support"),
    ("jon", "Jon Reyes", "Support"),
    ("bob", "Bob Stone", "Legal"),
    ("tom", "Tom Okafor", "Legal"),
    ("carla", "Carla Brandt", "Finance"),
    ("eva", "Eva Lind", "Product"),
    ("raj", "Raj Patel", "Sales"),
    ("konstantin", "Konstantin Weissenberger", "Research"),
    ("lea", "Lea Fischer", "Facility"),
    ("sam", "Sam Carter", "IT"),
];

/// The administrator of the console.
pub const ADMIN: &str = "admin";

/// A customer with an account here; member of no group.
pub const CUSTOMER: &str = "klein";

const FIRST: [&str; 20] = [
    "Aisha", "Ben", "Clara", "David", "Elif", "Finn", "Greta", "Hugo", "Ines", "Jakob", "Kira", "Luis",
    "Marta", "Nils", "Olga", "Pavel", "Rosa", "Stefan", "Thea", "Yusuf",
];
const LAST: [&str; 20] = [
    "Abbott", "Becker", "Costa", "Duarte", "Eriksen", "Farkas", "Grant", "Haddad", "Ivanov", "Jensen",
    "Keller", "Laurent", "Moreau", "Nakamura", "Olsen", "Petrov", "Quinn", "Rossi", "Schmidt", "Tanaka",
];

/// One person.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// Local part of the JID, first part of the Kerberos principal.
    pub user: String,
    /// Name.
    pub name: String,
    /// Group; empty for a customer.
    pub group: &'static str,
    /// Password, for those who sign in without a ticket.
    pub password: String,
}

/// Everybody: the speakers, the administrator, a customer, then generated colleagues up to `count`.
pub fn people(count: usize) -> Vec<Person> {
    let person = |user: &str, name: &str, group| Person {
        user: user.to_owned(),
        name: name.to_owned(),
        group,
        password: format!("{user}-password"),
    };
    let mut people: Vec<Person> =
        SPEAKERS.iter().map(|(user, name, group)| person(user, name, group)).collect();
    people.push(person(ADMIN, "Iris Falk", "IT"));
    people.push(person(CUSTOMER, "Ms Klein", ""));
    let mut index = 0;
    while people.len() < count {
        // Every pair once, then numbered: 20 × 20 names suffice for an ordinary realm.
        let (first, last) = (FIRST[index % 20], LAST[(index / 20 + index) % 20]);
        let round = index / 400;
        let suffix = if round == 0 { String::new() } else { format!("{}", round + 1) };
        let user = format!("{}.{}{suffix}", first.to_lowercase(), last.to_lowercase());
        people.push(person(&user, &format!("{first} {last}{suffix}"), GROUPS[index % GROUPS.len()]));
        index += 1;
    }
    people
}

/// The agents of the workgroup: Ann and her colleagues of Support first, then whoever comes next.
pub fn agents(people: &[Person], count: usize) -> Vec<String> {
    let (support, others): (Vec<&Person>, Vec<&Person>) =
        people.iter().filter(|person| !person.group.is_empty()).partition(|person| person.group == "Support");
    support.into_iter().chain(others).take(count.max(1)).map(|person| person.user.clone()).collect()
}

/// One stored message, as the Prosody module of the realm reads it.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Stored {
    /// Bare JID of the archive.
    pub archive: String,
    /// Sender; an occupant in a room.
    pub from: String,
    /// Receiver.
    pub to: String,
    /// `chat` or `groupchat`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Message id.
    pub id: String,
    /// Text.
    pub body: String,
    /// Seconds since the Unix epoch.
    pub at: i64,
}

/// What was said before `now` (seconds since the epoch): first the accounts' archives, second the rooms'.
pub fn history(domain: &str, now: i64) -> Result<(Vec<Stored>, Vec<Stored>)> {
    let names: BTreeMap<&str, &str> = SPEAKERS.iter().map(|(user, name, _)| (*user, *name)).collect();
    let mut accounts = Vec::new();
    let mut rooms = Vec::new();
    let (mut at, mut place) = (0, String::new());
    for (number, line) in include_str!("../data/history.txt").lines().enumerate() {
        let context = || format!("data/history.txt, line {}: {line}", number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            let mut words = line.split(' ');
            let mut next = || words.next().with_context(context);
            let day: i64 = next()?.parse().with_context(context)?;
            let (hour, minute) = next()?.split_once(':').with_context(context)?;
            let seconds = hour.parse::<i64>().with_context(context)? * 3600
                + minute.parse::<i64>().with_context(context)? * 60;
            at = working_day(now, day) + seconds;
            place = next()?.to_owned();
            continue;
        }
        let (who, body) = line.split_once(": ").with_context(context)?;
        let name = names.get(who).with_context(context)?;
        let id = format!("seed-{number}");
        if let Some(room) = place.strip_prefix('#') {
            let room = format!("{room}@conference.{domain}");
            rooms.push(Stored {
                from: format!("{room}/{name}"),
                to: room.clone(),
                archive: room,
                kind: "groupchat",
                id,
                body: body.to_owned(),
                at,
            });
        } else {
            let jid = |user: &str| format!("{user}@{domain}");
            let other = if who == "ann" { place.as_str() } else { "ann" };
            for archive in ["ann", place.as_str()] {
                accounts.push(Stored {
                    archive: jid(archive),
                    from: format!("{}/desk", jid(who)),
                    to: jid(other),
                    kind: "chat",
                    id: id.clone(),
                    body: body.to_owned(),
                    at,
                });
            }
        }
        at += 70 + (number as i64 * 37) % 90;
    }
    accounts.sort_by_key(|message| message.at);
    rooms.sort_by_key(|message| message.at);
    Ok((accounts, rooms))
}

/// Midnight (UTC) of the `back`-th working day before the day of `now`.
fn working_day(now: i64, back: i64) -> i64 {
    let mut day = now.div_euclid(86_400);
    let mut left = back;
    while left > 0 {
        day -= 1;
        // Day 0 was a Thursday; 0 is Monday here.
        if (day + 3).rem_euclid(7) < 5 {
            left -= 1;
        }
    }
    day * 86_400
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_as_many_as_asked_and_different() {
        let people = people(1000);
        let users: std::collections::BTreeSet<_> = people.iter().map(|person| &person.user).collect();
        assert_eq!(users.len(), 1000);
        let groups: std::collections::BTreeSet<_> = people[..200].iter().map(|person| person.group).collect();
        assert_eq!(groups.len(), 13, "twelve and the customer's");
    }

    #[test]
    fn history_is_in_order_and_before_now() {
        let now = 1_795_600_000;
        let (accounts, rooms) = history("example.test", now).expect("the file is well formed");
        assert!(accounts.len() > 60 && rooms.len() > 40, "{} {}", accounts.len(), rooms.len());
        for list in [&accounts, &rooms] {
            assert!(list.windows(2).all(|pair| pair[0].at <= pair[1].at));
            assert!(list.iter().all(|message| message.at < now && message.at > now - 24 * 86_400));
        }
    }

    #[test]
    fn working_days_skip_the_weekend() {
        // 2026-11-23 is a Monday; one working day back is Friday the 20th.
        let monday = 20_780 * 86_400;
        assert_eq!(working_day(monday + 3600, 1), monday - 3 * 86_400);
    }
}
