//! Every rule that ARCHITECTURE.md and CONTRIBUTING.md state about the tree.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail where they stand")]

use flint_test_tidy::{Source, root, sources};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Which of our crates each of our crates may depend on. A new edge is the rarest kind of change.
const EDGES: &[(&str, &[&str])] = &[
    ("flint-admin-schema", &[]),
    ("flint-policy", &[]),
    ("flint-xep", &[]),
    ("flint-kerberos", &[]),
    ("flint-stream", &["flint-kerberos"]),
    ("flint-core", &["flint-policy"]),
    ("flint-xmpp", &["flint-core", "flint-stream", "flint-xep"]),
    ("flint-store", &["flint-core"]),
    (
        "flint-runtime",
        &[
            "flint-core",
            "flint-xmpp",
            "flint-store",
            "flint-kerberos",
            "flint-policy",
            "flint-fastpath-agent",
            "flint-stream",
            "flint-xep",
        ],
    ),
    ("flint-cli", &["flint-runtime"]),
    ("flint", &["flint-runtime"]),
    ("flint-fastpath-protocol", &["flint-xep"]),
    ("flint-fastpath-agent", &["flint-core", "flint-fastpath-protocol"]),
    ("flint-fastpath-routing", &[]),
    (
        "flint-fastpath-service",
        &["flint-fastpath-routing", "flint-fastpath-protocol", "flint-stream", "flint-xep"],
    ),
    (
        "flintd",
        &[
            "flint-fastpath-service",
            "flint-fastpath-routing",
            "flint-policy",
            "flint-stream",
            "flint-kerberos",
            "flint-xep",
        ],
    ),
];

/// Crates from outside that only these of ours may depend on (ours under `tests/` may as well).
const CONFINED: &[(&str, &[&str])] = &[
    ("gtk4", &["flint"]),
    ("libadwaita", &["flint"]),
    ("glib", &["flint"]),
    ("libgssapi", &["flint-kerberos"]),
    ("libgssapi-sys", &["flint-kerberos"]),
    ("reqwest", &["flint-runtime"]),
    ("sqlx", &["flint-store", "flintd"]),
    (
        "tokio",
        &[
            "flint-stream",
            "flint-xmpp",
            "flint-store",
            "flint-runtime",
            "flint-cli",
            "flint-fastpath-service",
            "flintd",
        ],
    ),
    (
        "minidom",
        &[
            "flint-xep",
            "flint-stream",
            "flint-xmpp",
            "flint-fastpath-protocol",
            "flint-fastpath-agent",
            "flint-fastpath-service",
            "flintd",
        ],
    ),
];

/// Crates without input, output, clock or task.
const PURE: &[&str] =
    &["client/core", "policy", "xmpp/xep", "fastpath/routing", "fastpath/agent", "fastpath/protocol"];

/// Where a policy may be called by its name (invariant 6).
const NAMES_POLICIES: &[&str] = &[
    "admin-schema/",
    "policy/",
    "client/core/src/capability.rs",
    "client/core/src/capability/",
    "console/src/compat",
    "tests/",
];

const LONGEST_FILE: usize = 700;

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// (package, is under tests/, names of its ordinary dependencies).
fn packages() -> Vec<(String, bool, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    metadata()["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let ordinary = dependencies.filter(|d| d["kind"].is_null()).map(|d| text(&d["name"])).collect();
            (text(&package["name"]), text(&package["manifest_path"]).contains("/tests/"), ordinary)
        })
        .collect()
}

fn product() -> Vec<Source> {
    let mut all = sources("", "rs");
    all.retain(|source| !source.path.starts_with("tests/") && !is_test(source));
    all
}

fn is_test(source: &Source) -> bool {
    source.path.ends_with("/tests.rs") || source.path.contains("/tests/")
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn dependencies_point_one_way() {
    let edges: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let ours: Vec<String> = packages().iter().map(|(name, _, _)| name.clone()).collect();
    let mut problems = Vec::new();
    for (name, test, dependencies) in packages() {
        if test {
            continue;
        }
        let Some(allowed) = edges.get(name.as_str()) else {
            problems.push(format!("{name} has no line in the dependency table"));
            continue;
        };
        for dependency in dependencies.iter().filter(|dependency| ours.contains(dependency)) {
            if !allowed.contains(&dependency.as_str()) {
                problems.push(format!("{name} may not depend on {dependency}"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn big_crates_stay_where_they_belong() {
    let mut problems = Vec::new();
    for (name, test, dependencies) in packages() {
        for (outside, allowed) in CONFINED {
            let named = dependencies.iter().any(|dependency| dependency == outside);
            if named && !test && !allowed.contains(&name.as_str()) {
                problems.push(format!("{name} may not depend on {outside}"));
            }
        }
    }
    let xtask = packages().into_iter().find(|(name, _, _)| name == "flint-xtask").unwrap();
    if !xtask.2.is_empty() {
        problems.push(format!("xtask installs what others need, so it depends on nothing: {:?}", xtask.2));
    }
    assert_none(&problems);
}

#[test]
fn versions_and_features_are_named_once() {
    let mut problems = Vec::new();
    for manifest in sources("", "toml") {
        if manifest.path == "Cargo.toml" || !manifest.path.ends_with("Cargo.toml") {
            continue;
        }
        let dependencies = manifest.text.split("dependencies]").skip(1).collect::<String>();
        for line in dependencies.lines().filter(|line| line.contains('=') && !line.starts_with('[')) {
            // A crate may switch on its own feature for its tests.
            if !line.contains("workspace = true") && !line.contains("path = \".\"") {
                problems.push(format!("{}: {line}", manifest.path));
            }
        }
        if manifest.text.contains("\"component\"") {
            problems
                .push(format!("{}: the feature `component` changes the client's namespace", manifest.path));
        }
    }
    assert_none(&problems);
}

#[test]
fn pure_crates_touch_nothing() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::thread",
        "std::env",
        "std::process",
        "SystemTime",
        "Instant::now",
        "tokio::",
        "thread_rng",
        "getrandom",
        "Utc::now",
        "Local::now",
    ];
    let mut problems = Vec::new();
    for krate in PURE {
        for source in sources(&format!("{krate}/src"), "rs").iter().filter(|source| !is_test(source)) {
            for word in forbidden.iter().filter(|word| source.product().contains(**word)) {
                problems.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn the_engine_does_not_know_the_support_desk() {
    let mut problems = Vec::new();
    for source in sources("client/core/src", "rs") {
        if source.product().to_lowercase().contains("fastpath") {
            problems.push(source.path);
        }
    }
    assert_none(&problems);
}

#[test]
fn policies_are_named_in_few_places() {
    let names: Vec<String> = sources("admin-schema/policies", "toml")
        .iter()
        .filter_map(|source| Some(source.path.rsplit('/').next()?.trim_end_matches(".toml").to_owned()))
        .filter(|name: &String| name.starts_with(char::is_uppercase))
        .collect();
    assert!(names.len() >= 5, "{names:?}");
    let mut problems = Vec::new();
    for source in product() {
        if NAMES_POLICIES.iter().any(|allowed| source.path.starts_with(allowed)) {
            continue;
        }
        for name in &names {
            let quoted = format!("\"{name}\"");
            if source.product().contains(&quoted) {
                problems.push(format!("{}: {name}", source.path));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn every_module_says_why_it_exists() {
    let problems: Vec<String> = sources("", "rs")
        .into_iter()
        // The tests of a module stand beside it and need no reason.
        .filter(|source| !source.path.ends_with("/tests.rs") && !source.text.starts_with("//!"))
        .map(|source| source.path)
        .collect();
    assert_none(&problems);
}

#[test]
fn files_stay_readable() {
    let problems: Vec<String> = product()
        .into_iter()
        .filter(|source| !source.path.contains("/generated/"))
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(&problems);
}

#[test]
fn a_widget_is_a_pair_of_files() {
    let mut problems = Vec::new();
    for template in sources("client/app/src", "ui") {
        let code = template.path.replace(".ui", ".rs");
        let file = template.path.rsplit('/').next().unwrap();
        match std::fs::read_to_string(root().join(&code)) {
            Ok(text) if text.contains(&format!("file = \"{file}\"")) => {}
            // A page that GTK builds by itself is no template.
            Ok(text) if text.contains(&format!("include_str!(\"{file}\")")) => {}
            Ok(_) => problems.push(format!("{code} does not load {file}")),
            Err(_) => problems.push(format!("{} has no {code}", template.path)),
        }
    }
    assert_none(&problems);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "allow(dead_code", "allow(unused"];
    let mut problems = Vec::new();
    for source in sources("", "rs").iter().filter(|source| !source.path.starts_with("tests/tidy/")) {
        for (number, line) in source.lines() {
            if marks.iter().any(|mark| line.contains(mark)) {
                problems.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn tls_is_always_verified() {
    let words = ["danger_accept_invalid", "dangerous()", "NoVerif", "danger_accept_invalid_hostnames"];
    let mut problems = Vec::new();
    for source in sources("", "rs").iter().filter(|source| !source.path.starts_with("tests/tidy/")) {
        for word in words.iter().filter(|word| source.text.contains(**word)) {
            problems.push(format!("{}: {word}", source.path));
        }
    }
    assert_none(&problems);
}

#[test]
fn tests_do_not_sleep_and_are_not_ignored() {
    let mut problems = Vec::new();
    for source in sources("", "rs") {
        let is_tidy = source.path.starts_with("tests/tidy/");
        let tests =
            if is_test(&source) { source.text.as_str() } else { &source.text[source.product().len()..] };
        if !is_tidy && (tests.contains("thread::sleep(") || tests.contains("#[ignore")) {
            problems.push(source.path);
        }
    }
    assert_none(&problems);
}

#[test]
fn generated_files_are_fresh() {
    let output = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--package",
            "flint-admin-schema",
            "--bin",
            "flint-generate",
            "--",
            "--check",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_readme_and_ci_name_the_two_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("cargo xtask demo") && readme.contains("cargo xtask test"));
    let ci = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(ci.contains("cargo xtask test"));
    let architecture = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(architecture.lines().count() <= 120);
}
