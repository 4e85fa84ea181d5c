//! The precedence as it is published, written down as a table of ranks that knows nothing of the resolver; and what a
//! hostile document can do to the resolver's time.

use std::time::{Duration, Instant};

use super::*;

/// `scope, level, rank`: of two rows the smaller rank is in force.
const RANKS: [(&str, &str, u8); 10] = [
    ("machine-late", "mandatory", 10),
    ("machine-early", "mandatory", 20),
    ("group-first", "mandatory", 30),
    ("group-second", "mandatory", 40),
    ("everybody", "mandatory", 50),
    ("user", "", 60),
    ("machine-late", "recommended", 70),
    ("machine-early", "recommended", 75),
    ("group-first", "recommended", 80),
    ("everybody", "recommended", 90),
];

fn said(scope: &str, level: &str, values: &Value) -> Layer {
    let source = match scope {
        "machine-late" => Source::Machine { file: "/etc/flint/policies/any/90-z.json".into() },
        "machine-early" => Source::Machine { file: "/etc/flint/policies/any/10-a.json".into() },
        "group-first" => group("zz", "Zulu", 1),
        "group-second" => group("aa", "Alpha", 2),
        "everybody" => Source::ServerEverybody,
        _ => Source::User,
    };
    let level = if level == "mandatory" { Level::Mandatory } else { Level::Recommended };
    Layer { source, level, values: values.as_object().unwrap().clone() }
}

#[test]
fn the_published_order_holds_for_every_pair_of_sources_and_levels() {
    let mut rows = 0;
    for (scope, level, rank) in RANKS {
        for (other, at, beside) in RANKS.into_iter().filter(|row| row.2 != rank) {
            let effective = resolved(vec![
                said(scope, level, &json!({DAYS: 11, "ContactAddingAllowed": false})),
                said(other, at, &json!({DAYS: 22, "ContactAddingAllowed": true})),
            ]);
            let (days, allowed) = if rank < beside { (11, false) } else { (22, true) };
            let context = format!("{level} {scope} and {at} {other}");
            assert_eq!(effective.history_retention_days(), Some(days), "{context}");
            assert_eq!(effective.contact_adding_allowed(), allowed, "{context}");
            rows += 1;
        }
    }
    assert!(rows >= 64, "{rows} rows");
}

#[test]
fn a_choice_survives_what_is_recommended_and_comes_back_after_what_is_mandatory() {
    let choice = || said("user", "", &json!({DAYS: 7}));
    let recommended = |days: u32| said("everybody", "recommended", &json!({DAYS: days}));
    let mandatory = said("everybody", "mandatory", &json!({DAYS: 1}));
    let days = |layers| resolved(layers).history_retention_days();
    assert_eq!(days(vec![recommended(30)]), Some(30));
    assert_eq!(days(vec![recommended(30), choice()]), Some(7));
    assert_eq!(days(vec![recommended(90), choice()]), Some(7), "a refresh does not take it away");
    assert_eq!(days(vec![mandatory, recommended(90), choice()]), Some(1));
    assert_eq!(days(vec![choice()]), Some(7), "the person's value, and not the default");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// Host of one source with the password of another would send the password to a stranger.
    #[test]
    fn a_proxy_is_never_mixed_from_two_sources(
        parts in proptest::collection::vec(proptest::array::uniform3(any::<bool>()), 5),
        order in Just(vec![0_usize, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let mut layers = Vec::new();
        for &at in &order {
            let mut values = Values::new();
            let texts = [
                ("ProxyAddress", format!("http://proxy{at}.test:3128")),
                ("ProxyUser", format!("user{at}")),
                ("ProxyPassword", format!("password{at}")),
            ];
            for ((name, text), set) in texts.into_iter().zip(parts[at]) {
                if set {
                    values.insert(name.into(), text.into());
                }
            }
            layers.push(said(RANKS[at].0, "mandatory", &values.into()));
        }
        let effective = resolved(layers);
        let strongest = (0..5).find(|&at| parts[at].contains(&true));
        let expected = strongest.filter(|&at| parts[at][0]);
        let proxy = effective.proxy();
        prop_assert_eq!(proxy.is_some(), expected.is_some());
        if let (Some(proxy), Some(at)) = (proxy, expected) {
            prop_assert_eq!(proxy.address.host, format!("proxy{at}.test"));
            prop_assert_eq!(proxy.user, parts[at][1].then(|| format!("user{at}")));
            let password = proxy.password.map(|it| it.expose().to_owned());
            prop_assert_eq!(password, parts[at][2].then(|| format!("password{at}")));
        }
    }

    /// Whatever the order in which files and groups are read.
    #[test]
    fn joined_presets_do_not_depend_on_the_order(order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle()) {
        let layers = [
            said("group-first", "mandatory", &json!({"StatusPresets": {"Phone": "dnd"}})),
            said("group-second", "mandatory", &json!({"StatusPresets": {"Phone": "away", "Lunch": "away"}})),
            said("everybody", "mandatory", &json!({"StatusPresets": {"Home": "available"}})),
            said("group-first", "recommended", &json!({"StatusPresets": {"Later": "xa"}})),
        ];
        let effective = resolved(order.iter().map(|&at| layers[at].clone()).collect());
        prop_assert_eq!(effective.status_presets(), [("Phone", "dnd"), ("Lunch", "away")]);
    }
}

#[test]
fn more_entries_than_a_policy_may_have_are_left_out_and_told() {
    let presets = |prefix: &str| {
        let items: Values = (0..15).map(|n| (format!("{prefix}{n}"), json!("away"))).collect();
        json!({"StatusPresets": items})
    };
    let effective = resolved(vec![
        said("group-first", "mandatory", &presets("a")),
        said("group-second", "mandatory", &presets("b")),
    ]);
    assert_eq!(effective.status_presets().len(), 20);
    let told = &effective.entry("StatusPresets").unwrap().messages;
    assert_eq!(*told, ["Joined with server, group Alpha; 10 of its entries are too many."]);
}

#[test]
fn a_secret_is_in_no_dump_of_anything() {
    let secret = json!({"ProxyPassword": "hunter2", "ProxyPasword": "hunter2", "ProxyAddress": "http://p:1"});
    let wrong = json!({"ProxyPassword": ["hunter2"], "OrganizationName": "Example"});
    let layers = vec![said("machine-late", "mandatory", &secret), said("everybody", "mandatory", &secret)];
    let mut inputs = Inputs { layers, ..Inputs::default() };
    inputs.layers.push(said("group-first", "mandatory", &wrong));
    inputs.layers.push(said("user", "", &secret));
    let file = crate::read_machine_file(&secret.to_string(), "/m.json");
    let dumps = format!("{file:?}");
    inputs.add_machine_file(Level::Mandatory, file);
    let effective = resolve(&inputs);
    assert_eq!(effective.proxy().unwrap().password.unwrap().expose(), "hunter2");
    let json = serde_json::to_string(&effective).unwrap();
    let dumps = format!("{dumps}{inputs:?}{effective:?}{:?}{json}", effective.proxy());
    assert!(!dumps.contains("hunter2") && dumps.contains(crate::MASK), "{dumps}");
    assert!(dumps.contains("Example"), "what is no secret is shown");
}

#[test]
fn a_million_policies_deep_trees_and_long_names_are_refused_at_once() {
    let begun = Instant::now();
    let million: String = (0..1_000_000).map(|n| format!("\"P{n}\":1,")).collect();
    let deep = format!("{{\"NoticeText\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{{\"{}\":1}}", "n".repeat(1 << 20));
    for text in [format!("{{{million}\"Z\":1}}"), deep.clone(), long] {
        let file = crate::read_machine_file(&text, "/m.json");
        assert_eq!((file.values.len(), file.problems.len()), (0, 1));
        assert!(file.problems[0].got.len() < 200);
        let whole = crate::Envelope::from_json(text.as_bytes());
        assert!(whole.is_err());
    }
    // Just below the limit each key is looked at, and a page of problems is what remains.
    let many: String = (0..60_000).map(|n| format!("\"P{n}\":1,")).collect();
    let file = crate::read_machine_file(&format!("{{{many}\"{DAYS}\":30}}"), "/m.json");
    let mut inputs = Inputs::default();
    inputs.add_machine_file(Level::Mandatory, file);
    let effective = resolve(&inputs);
    assert_eq!(effective.history_retention_days(), Some(30), "the others apply");
    assert_eq!(effective.messages.len(), MAX_PROBLEMS + 1);
    // Debug builds on a busy machine; what is quadratic takes minutes.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
