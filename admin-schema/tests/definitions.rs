//! The rules of a definition file, and that what is generated is fresh and follows the definitions.

use std::fs;
use std::path::Path;
use std::process::Command;

use flint_admin_schema::{Definition, generate, read_catalog};

const GOOD: &str = r#"
name = "SpellCheck"
caption = "Spell check"
description = "Words are checked."
type = "boolean"
default = true
levels = ["mandatory", "recommended"]
since = "0.1.0"
toggle = false
"#;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

#[test]
fn a_good_definition() {
    let definition = Definition::parse(GOOD, "text", "SpellCheck").unwrap();
    assert_eq!((definition.method().as_str(), definition.group.as_str()), ("spell_check", "text"));
    assert!(definition.is_choosable());
}

#[test]
fn bad_definitions_are_refused_with_the_field() {
    let number = "type = \"integer\"\nminimum = 1\nmaximum = 9\n";
    let boolean = "type = \"boolean\"\ndefault = true\n";
    let table = [
        ("SpellCheck", "SpellChek", "the file is called"),
        ("\"SpellCheck\"", "\"spell-check\"", "the file is called"),
        ("caption = \"Spell check\"", "caption = \" \"", "`caption` is empty"),
        ("caption = \"Spell check\"", "", "missing field `caption`"),
        ("toggle = false", "toggle = false\ncolour = 1", "unknown field `colour`"),
        ("toggle = false", "toggle = \"no\"", "invalid type"),
        ("\"0.1.0\"", "\"soon\"", "`since`"),
        ("[\"mandatory\", \"recommended\"]", "[]", "`levels`"),
        ("[\"mandatory\", \"recommended\"]", "[\"mandatory\", \"mandatory\"]", "`levels`"),
        ("[\"mandatory\", \"recommended\"]", "[\"obligatory\"]", "unknown variant"),
        ("default = true", "", "needs a `default`"),
        ("default = true", "default = 1", "`default` 1"),
        ("default = true", "default = true\nrestricted = \"off\"", "`restricted`"),
        ("default = true", "default = true\nminimum = 1", "`minimum` does not belong"),
        ("default = true", "default = true\natomic = \"my set\"", "`atomic`"),
        ("\"boolean\"", "\"bool\"", "`type` \"bool\" is none of"),
        (boolean, "type = \"integer\"\nminimum = 1\n", "`maximum` is missing"),
        (boolean, "type = \"integer\"\nminimum = 9\nmaximum = 1\n", "in order"),
        (boolean, "type = \"string\"\nmax_length = 0\n", "`max_length`"),
        (boolean, "type = \"choice\"\nvalues = [\"a\"]\ndefault = \"a\"\n", "`values`"),
        (boolean, "type = \"choice\"\nvalues = [\"a\", \"b\"]\ndefault = \"c\"\n", "`default` \"c\""),
        (boolean, "type = \"jid-list\"\nmax_items = 5\ndefault = [\"a@b\"]\n", "`default`"),
    ];
    for (from, to, expected) in table {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        // The first row changes the name, so the file's name no longer fits.
        let error = Definition::parse(&text, "text", "SpellCheck").unwrap_err();
        assert!(error.contains(expected), "{to:?}: {error}");
    }
    let number = GOOD.replace(boolean, &format!("{number}default = 10\n"));
    assert!(Definition::parse(&number, "text", "SpellCheck").unwrap_err().contains("`default` 10"));
}

#[test]
fn folders_are_read_strictly() {
    let folder = tempfile::tempdir().unwrap();
    let group = folder.path().join("text");
    fs::create_dir(&group).unwrap();
    let read =
        || read_catalog(folder.path()).map(|catalog| catalog.policies.len()).map_err(|e| e.to_string());
    assert!(read().unwrap_err().contains("group.toml"));
    fs::write(group.join("group.toml"), "caption = \"Text\"\ndescription = \"Text.\"\n").unwrap();
    fs::write(group.join("SpellCheck.toml"), GOOD).unwrap();
    assert_eq!(read(), Ok(1));
    // A set needs two members.
    fs::write(group.join("SpellCheck.toml"), GOOD.to_owned() + "atomic = \"Spelling\"\n").unwrap();
    assert!(read().unwrap_err().contains("only one member"));
    // And its members the same levels.
    let other = GOOD.replace("SpellCheck", "SpellLanguage").replace("\"mandatory\", ", "")
        + "atomic = \"Spelling\"\n";
    fs::write(group.join("SpellLanguage.toml"), other).unwrap();
    assert!(read().unwrap_err().contains("differ"));
    fs::remove_file(group.join("SpellLanguage.toml")).unwrap();
    fs::write(group.join("SpellCheck.toml"), GOOD).unwrap();
    fs::write(group.join("notes.txt"), "x").unwrap();
    assert!(read().unwrap_err().contains("only .toml files"));
    fs::remove_file(group.join("notes.txt")).unwrap();
    // One name, one policy.
    let again = folder.path().join("words");
    fs::create_dir(&again).unwrap();
    fs::copy(group.join("group.toml"), again.join("group.toml")).unwrap();
    fs::copy(group.join("SpellCheck.toml"), again.join("SpellCheck.toml")).unwrap();
    assert!(read().unwrap_err().contains("another group"));
}

#[test]
fn generated_files_are_fresh() {
    let catalog = read_catalog(&root().join("admin-schema/policies")).unwrap();
    for output in generate(&catalog) {
        let held = fs::read_to_string(root().join(output.path)).unwrap_or_default();
        assert_eq!(held, output.content, "{} is stale: run `cargo xtask generate`", output.path);
    }
}

#[test]
fn the_schema_names_every_policy_with_its_bounds() {
    let catalog = read_catalog(&root().join("admin-schema/policies")).unwrap();
    let outputs = generate(&catalog);
    let text = |suffix: &str| &outputs.iter().find(|output| output.path.ends_with(suffix)).unwrap().content;
    let schema: serde_json::Value = serde_json::from_str(text(".json")).unwrap();
    assert_eq!(schema["properties"]["HistoryRetentionDays"]["maximum"], 3650);
    assert_eq!(schema["properties"]["NoticeStyle"]["enum"][1], "warning");
    assert_eq!(schema["additionalProperties"], false);
    for policy in &catalog.policies {
        assert!(schema["properties"][&policy.name]["title"].is_string(), "{}", policy.name);
        assert!(text(".md").contains(&format!("### {}\n", policy.name)), "{}", policy.name);
        assert!(text(".rs").contains(&format!("pub fn {}(&self)", policy.method())), "{}", policy.name);
    }
}

#[test]
fn the_program_writes_and_finds_what_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let group = folder.path().join("admin-schema/policies/text");
    fs::create_dir_all(&group).unwrap();
    fs::write(group.join("group.toml"), "caption = \"Text\"\ndescription = \"Text.\"\n").unwrap();
    fs::write(group.join("SpellCheck.toml"), GOOD).unwrap();
    let run = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_flint-generate");
        let output = Command::new(program).arg("--root").arg(folder.path()).args(arguments).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (fresh, message) = run(&["--check"]);
    assert!(!fresh && message.contains("policy/src/generated/catalog.rs"), "{message}");
    assert!(!folder.path().join("policy").exists(), "--check writes nothing");
    assert!(run(&[]).0);
    assert!(run(&["--check"]).0);
    fs::write(group.join("SpellCheck.toml"), GOOD.replace("Words are", "Each word is")).unwrap();
    assert!(!run(&["--check"]).0);
    assert!(!run(&["--chek"]).0);
}
