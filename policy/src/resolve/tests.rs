use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::MachineFile;

mod table;

const DAYS: &str = "HistoryRetentionDays";

/// Every rung, strongest first, written down once more by hand: the precedence of the design, not of the code.
fn ladder() -> Vec<(Source, Level)> {
    let mut rungs = Vec::new();
    for level in [Level::Mandatory, Level::Recommended] {
        rungs.push((Source::Machine { file: "/etc/flint/policies/x/20-late.json".into() }, level));
        rungs.push((Source::Machine { file: "/etc/flint/policies/x/10-early.json".into() }, level));
        if level == Level::Mandatory {
            rungs.push((Source::Expired, level));
        }
        // Not in the order of ids or names: rank decides, and of equal ranks the id.
        rungs.push((group("zulu", "Leaders", 1), level));
        rungs.push((group("alpha", "Support", 2), level));
        rungs.push((group("bravo", "Everyone in sales", 2), level));
        rungs.push((Source::ServerEverybody, level));
        if level == Level::Mandatory {
            rungs.push((Source::User, Level::Recommended));
        }
    }
    rungs
}

fn group(id: &str, name: &str, rank: u32) -> Source {
    Source::ServerGroup { id: id.into(), name: name.into(), rank }
}

fn layer(rung: &(Source, Level), values: &Value) -> Layer {
    Layer { source: rung.0.clone(), level: rung.1, values: values.as_object().unwrap().clone() }
}

fn resolved(layers: Vec<Layer>) -> EffectivePolicy {
    resolve(&Inputs { layers, ..Inputs::default() })
}

#[test]
fn every_pair_of_sources_and_levels() {
    let rungs = ladder();
    for strong in 0..rungs.len() {
        for weak in strong + 1..rungs.len() {
            let (a, b) = (layer(&rungs[strong], &json!({DAYS: 1})), layer(&rungs[weak], &json!({DAYS: 2})));
            for layers in [vec![a.clone(), b.clone()], vec![b, a]] {
                let effective = resolved(layers);
                let entry = effective.entry(DAYS).unwrap();
                let context = format!("{:?} over {:?}", rungs[strong], rungs[weak]);
                assert_eq!((entry.value.expose(), &entry.source), (&json!(1), &rungs[strong].0), "{context}");
                let level = (rungs[strong].0 != Source::User).then_some(rungs[strong].1);
                assert_eq!(entry.level, level, "{context}");
                assert_eq!(entry.superseded.len(), 1, "{context}");
                assert_eq!(entry.superseded[0].source, rungs[weak].0, "{context}");
                assert!(effective.messages.is_empty(), "{context}");
            }
        }
    }
}

/// What one layer says in a generated case.
#[derive(Debug, Clone)]
enum Says {
    Nothing,
    Days(u32),
    Wrong,
    Text(String),
    Style(bool),
    Both(String, bool),
}

fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        2 => Just(Says::Nothing),
        4 => (1u32..3650).prop_map(Says::Days),
        1 => Just(Says::Wrong),
        2 => "[a-z]{1,8}".prop_map(Says::Text),
        2 => any::<bool>().prop_map(Says::Style),
        2 => ("[a-z]{1,8}", any::<bool>()).prop_map(|(text, warning)| Says::Both(text, warning)),
    ]
}

fn style(warning: bool) -> &'static str {
    if warning { "warning" } else { "information" }
}

fn values(says: &Says) -> Value {
    match says {
        Says::Nothing => json!({}),
        Says::Days(days) => json!({DAYS: days}),
        Says::Wrong => json!({DAYS: "many", "NoSuchPolicy": 1}),
        Says::Text(text) => json!({"NoticeText": text}),
        Says::Style(warning) => json!({"NoticeStyle": style(*warning)}),
        Says::Both(text, warning) => json!({"NoticeText": text, "NoticeStyle": style(*warning)}),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// Any subset of sources in any order, against an oracle that walks down the ladder.
    #[test]
    fn the_resolver_agrees_with_a_naive_walk(
        said in proptest::collection::vec(says(), ladder().len()),
        order in Just((0..ladder().len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let rungs = ladder();
        let layers = order.iter().map(|&at| layer(&rungs[at], &values(&said[at]))).collect();
        let effective = resolved(layers);

        let days: Vec<_> = (0..rungs.len())
            .filter_map(|at| match said[at] { Says::Days(days) => Some((at, days)), _ => None })
            .collect();
        let entry = effective.entry(DAYS).unwrap();
        prop_assert_eq!(effective.history_retention_days(), days.first().map(|(_, days)| *days));
        prop_assert_eq!(&entry.source, &days.first().map_or(Source::Default, |(at, _)| rungs[*at].0.clone()));
        let weaker: Vec<_> = entry.superseded.iter().map(|s| (s.source.clone(), s.value.expose().clone())).collect();
        let expected: Vec<_> = days.iter().skip(1).map(|(at, days)| (rungs[*at].0.clone(), json!(days))).collect();
        prop_assert_eq!(weaker, expected);

        // Both policies of the notice may be mandatory only.
        let notice = (0..rungs.len()).filter(|at| rungs[*at].1 == Level::Mandatory).find_map(|at| match &said[at] {
            Says::Text(text) => Some((at, Some(text.clone()), false)),
            Says::Style(warning) => Some((at, None, *warning)),
            Says::Both(text, warning) => Some((at, Some(text.clone()), *warning)),
            _ => None,
        });
        let source = notice.as_ref().map_or(Source::Default, |(at, ..)| rungs[*at].0.clone());
        for member in ["NoticeText", "NoticeStyle"] {
            prop_assert_eq!(&effective.entry(member).unwrap().source, &source);
        }
        let expected = notice.and_then(|(_, text, warning)| text.map(|text| (text, warning)));
        prop_assert_eq!(effective.notice().map(|(text, warning)| (text.to_owned(), warning)), expected);

        let wrong = said.iter().filter(|says| matches!(says, Says::Wrong)).count();
        let elsewhere = (0..rungs.len()).filter(|&at| rungs[at].1 == Level::Recommended).map(|at| match said[at] {
            Says::Text(_) | Says::Style(_) => 1,
            Says::Both(..) => 2,
            _ => 0,
        });
        prop_assert_eq!(effective.messages.len(), 2 * wrong + elsewhere.sum::<usize>());
    }

    /// Nothing that a layer can say makes the resolver panic, and every entry stays valid.
    #[test]
    fn any_json_is_survived(text in "[\\x00-\\x7f\u{202e}é]{0,40}", number in any::<f64>(), deep in 0usize..50) {
        let nested = (0..deep).fold(json!(text), |inner, _| json!([inner]));
        let rungs = ladder();
        let layers = CATALOG
            .iter()
            .enumerate()
            .flat_map(|(i, d)| [json!({d.name: text}), json!({d.name: number}), json!({d.name: nested})]
                .map(|v| layer(&rungs[i % rungs.len()], &v)))
            .collect();
        for entry in resolved(layers).entries {
            let unset = entry.value.expose().is_null() && entry.definition.default.is_none();
            prop_assert!(unset || crate::validate(entry.definition, entry.value.expose(), "").is_ok());
        }
    }
}

#[test]
fn one_bad_key_never_spoils_the_others() {
    let file = Source::Machine { file: "/etc/flint/policies/managed/10-site.json".into() };
    let values =
        json!({DAYS: 0, "Nonsense": true, "ContactAddingAllowed": false, "DefaultRooms": ["a@b.test", "c"]});
    let effective = resolved(vec![layer(&(file, Level::Mandatory), &values)]);
    assert!(!effective.contact_adding_allowed());
    assert_eq!(effective.history_retention_days(), None);
    let told: Vec<_> = effective.messages.iter().map(ToString::to_string).collect();
    let prefix = "this computer, /etc/flint/policies/managed/10-site.json";
    assert_eq!(
        told,
        [
            format!("{prefix}: HistoryRetentionDays: expected a whole number from 1 to 3650, got 0"),
            format!(
                "{prefix}: Nonsense: expected the name of a policy that this version knows, got true or false"
            ),
            format!(
                "{prefix}: DefaultRooms[1]: expected an address like room@conference.example.org, got \"c\""
            ),
        ]
    );
}

#[test]
fn a_wrong_level_is_a_problem_and_not_a_value() {
    let everybody = (Source::ServerEverybody, Level::Recommended);
    let choice = (Source::User, Level::Recommended);
    let name = json!({"OrganizationName": "Example"});
    let effective = resolved(vec![layer(&everybody, &name), layer(&choice, &name)]);
    assert_eq!(effective.organization_name(), None);
    assert_eq!(effective.messages.len(), 2);
    assert!(effective.messages.iter().any(|p| p.expected == "this policy only at level mandatory"));
}

#[test]
fn a_choice_put_aside_is_told_and_who_manages_it() {
    let mandatory = (group("support", "Support", 1), Level::Mandatory);
    let choice = (Source::User, Level::Recommended);
    let mut inputs = Inputs { domain: Some("example.test".into()), ..Inputs::default() };
    inputs.layers.push(layer(&choice, &json!({DAYS: 30})));
    inputs.layers.push(layer(&mandatory, &json!({DAYS: 90})));
    let effective = resolve(&inputs);
    let entry = effective.entry(DAYS).unwrap();
    assert_eq!(entry.messages, ["Your own choice is put aside by server, group Support."]);
    assert_eq!(effective.managed_by(DAYS).as_deref(), Some("example.test"));
    assert_eq!(effective.managed_by("DefaultRooms"), None);
    // The same value is no reason for a message.
    inputs.layers[0] = layer(&choice, &json!({DAYS: 90}));
    assert!(resolve(&inputs).entry(DAYS).unwrap().messages.is_empty());
    // A file of the computer is stronger and named as such.
    inputs.add_machine_file(
        Level::Mandatory,
        MachineFile {
            path: "/m.json".into(),
            values: json!({DAYS: 7}).as_object().unwrap().clone(),
            problems: vec![],
        },
    );
    assert_eq!(resolve(&inputs).managed_by(DAYS).as_deref(), Some("this computer"));
}

#[test]
fn an_atomic_group_comes_whole_from_one_source() {
    let leaders = (group("l", "Leaders", 1), Level::Mandatory);
    let everybody = (Source::ServerEverybody, Level::Mandatory);
    let effective = resolved(vec![
        layer(&everybody, &json!({"NoticeText": "Fire drill at ten", "NoticeStyle": "warning"})),
        layer(&leaders, &json!({"NoticeText": "Budget is due"})),
    ]);
    assert_eq!(effective.notice(), Some(("Budget is due", false)));
    let style = effective.entry("NoticeStyle").unwrap();
    assert_eq!((&style.source, style.level), (&leaders.0, Some(Level::Mandatory)));
    assert_eq!(style.superseded[0].value.expose(), &json!("warning"));
    assert_eq!(style.messages.len(), 1);
    // An empty text says nothing; a style alone hides the weaker text.
    let effective = resolved(vec![
        layer(&everybody, &json!({"NoticeText": "Fire drill at ten"})),
        layer(&leaders, &json!({"NoticeText": ""})),
    ]);
    assert_eq!(effective.notice(), Some(("Fire drill at ten", false)));
    let effective = resolved(vec![
        layer(&everybody, &json!({"NoticeText": "Fire drill at ten"})),
        layer(&leaders, &json!({"NoticeStyle": "information"})),
    ]);
    assert_eq!(effective.notice(), None);
}

#[test]
fn nobody_says_anything() {
    let effective = EffectivePolicy::default();
    assert_eq!(effective.entries.len(), CATALOG.len());
    assert!(effective.entries.iter().all(|entry| entry.source == Source::Default && entry.level.is_none()));
    assert!(effective.contact_adding_allowed());
    assert_eq!(effective.history_retention_days(), None);
    assert_eq!(effective.organization_name(), None);
    assert!(effective.default_rooms().is_empty());
    assert_eq!((effective.notice(), effective.notice_style()), (None, "information"));
}

#[test]
fn a_flood_of_problems_is_cut() {
    let values: Value = (0..5000).map(|n| (format!("Unknown{n}"), json!(n))).collect::<Values>().into();
    let effective = resolved(vec![layer(&(Source::ServerEverybody, Level::Mandatory), &values)]);
    assert_eq!(effective.messages.len(), MAX_PROBLEMS + 1);
    assert_eq!(effective.messages[MAX_PROBLEMS].got, "5000");
}
