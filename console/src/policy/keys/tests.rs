//! What the keys outlive: loss, theft, a backup, a cut in the middle.

use super::*;

const FILES: [&str; 3] = [ROOT_KEY, SIGNING_KEY, "roots/1.json"];

fn contents(state: &Path) -> Vec<Option<Vec<u8>>> {
    FILES.iter().map(|file| std::fs::read(state.join(file)).ok()).collect()
}

#[test]
fn a_lost_file_never_makes_another_trust() {
    for lost in 0..FILES.len() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path();
        Keys::open(state, "example.test").unwrap();
        let before = contents(state);
        std::fs::remove_file(state.join(FILES[lost])).unwrap();
        let again = Keys::open(state, "example.test");
        let after = contents(state);
        for (index, file) in FILES.iter().enumerate().filter(|(index, _)| *index != lost) {
            assert_eq!(after[index], before[index], "{} was lost, {file} replaced", FILES[lost]);
        }
        match FILES[lost] {
            // It may be kept elsewhere: only a rotation needs it.
            ROOT_KEY => assert!(again.is_ok() && after[lost].is_none()),
            SIGNING_KEY => assert!(again.unwrap_err().to_string().contains(SIGNING_KEY)),
            // Made of the two keys, it is the same document again.
            _ => assert_eq!(after[lost], before[lost]),
        }
    }
}

fn document(keys: &Keys, version: u64) -> Vec<u8> {
    let document = flint_policy::PolicyDocument {
        format: 1,
        domain: "example.test".into(),
        audience: "ann@example.test".parse().unwrap(),
        epoch: keys.epoch(),
        version,
        issued: 0,
        expires: 1000,
        on_expiry: flint_policy::OnExpiry::Keep,
        layers: Vec::new(),
        toggles: serde_json::Value::Null,
    };
    document.sign(keys.signing()).to_json().into_bytes()
}

fn expect(held: Option<flint_policy::Held>) -> flint_policy::Expectation {
    let audience = "ann@example.test".parse().unwrap();
    flint_policy::Expectation { domain: "example.test".into(), audience, held, now: 1 }
}

fn client(keys: &Keys) -> Trust {
    Trust::pin(keys.root(Some(1)).unwrap(), "example.test").unwrap()
}

#[test]
fn a_stolen_signing_key_is_replaced_by_the_root_key_that_is_kept_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (state, kept) = (directory.path(), elsewhere.path().join("root.key"));
    let mut keys = Keys::open(state, "example.test").unwrap();
    std::fs::rename(state.join(ROOT_KEY), &kept).unwrap();
    let (stolen, mut trust) = (keys.signing().clone(), client(&keys));
    // The thief uses up all versions.
    let last = trust.verify_policy(&document(&keys, u64::MAX), &expect(None)).unwrap().held;
    let wish = NextRoot { new_signing_key: true, ..NextRoot::default() };
    let mut draft = keys.next_root(state, wish).unwrap();
    let unsigned = keys.install(state, draft.to_json().as_bytes());
    assert!(matches!(unsigned, Err(RotateError::Rejected(_))));
    // The stolen key signs documents, not roots.
    draft.sign(&stolen);
    assert!(keys.install(state, draft.to_json().as_bytes()).is_err());
    assert!(!state.join("roots/2.json").exists() && Keys::open(state, "example.test").is_ok());
    let mut draft = RootDraft::from_json(draft.to_json().as_bytes()).unwrap();
    draft.sign(&read_key(&kept).unwrap());
    assert_eq!(keys.install(state, draft.to_json().as_bytes()).unwrap(), 2);
    trust.rotate(keys.root(None).unwrap()).unwrap();
    let mut keys = Keys::open(state, "example.test").unwrap();
    assert_eq!(trust.verify_policy(&document(&keys, 41), &expect(Some(last))).unwrap().held.version, 41);
    keys.signing = stolen;
    let refused = trust.verify_policy(&document(&keys, 42), &expect(Some(last))).unwrap_err();
    assert_eq!(refused.code(), "unknown-key");
}

#[test]
fn a_restored_console_is_heard_again_after_the_epoch_is_raised() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    let mut keys = Keys::open(state, "example.test").unwrap();
    let mut trust = client(&keys);
    let held = trust.verify_policy(&document(&keys, 90), &expect(None)).unwrap().held;
    let refused = trust.verify_policy(&document(&keys, 40), &expect(Some(held))).unwrap_err();
    assert_eq!(refused.to_string(), "the policy has version 40, which is older than version 90");
    let wish = NextRoot { raise_epoch: true, ..NextRoot::default() };
    let mut draft = keys.next_root(state, wish).unwrap();
    draft.sign(&read_key(&state.join(ROOT_KEY)).unwrap());
    keys.install(state, draft.to_json().as_bytes()).unwrap();
    trust.rotate(keys.root(Some(2)).unwrap()).unwrap();
    assert_eq!(trust.verify_policy(&document(&keys, 40), &expect(Some(held))).unwrap().held.version, 40);
}

#[test]
fn an_installation_that_was_cut_off_is_brought_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    let mut keys = Keys::open(state, "example.test").unwrap();
    let wish = NextRoot { new_signing_key: true, ..NextRoot::default() };
    let mut draft = keys.next_root(state, wish).unwrap();
    draft.sign(&read_key(&state.join(ROOT_KEY)).unwrap());
    let (old, next) = (state.join(SIGNING_KEY), std::fs::read(state.join(NEXT_KEY)).unwrap());
    let before = std::fs::read(&old).unwrap();
    keys.install(state, draft.to_json().as_bytes()).unwrap();
    // As if the root had been written and the key not.
    files::write_secret(&state.join(NEXT_KEY), &next).unwrap();
    std::fs::remove_file(&old).unwrap();
    files::write_secret(&old, &before).unwrap();
    let again = Keys::open(state, "example.test").unwrap();
    assert_eq!(again.signing().public(), keys.signing().public());
    assert_eq!(std::fs::read(&old).unwrap(), next);
    assert!(!state.join(NEXT_KEY).exists());
}

#[test]
fn a_first_start_that_was_cut_off_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    let root = make_key(&state.join(ROOT_KEY)).unwrap();
    let keys = Keys::open(state, "example.test").unwrap();
    assert_eq!(keys.trust.root().root_keys, [root]);
    assert!(Keys::open(state, "other.test").is_err(), "keys belong to one domain");
}

#[test]
fn other_root_keys_leave_the_threshold_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    let mut keys = Keys::open(state, "example.test").unwrap();
    let own = read_key(&state.join(ROOT_KEY)).unwrap();
    let made = |name: &str| make_key(&state.join(name)).unwrap();
    let (bob, cleo, dora) = (made("bob"), made("cleo"), made("dora"));
    let three = vec![own.public(), bob, cleo];
    let wish = NextRoot { root_keys: three, threshold: Some(2), ..NextRoot::default() };
    let mut draft = keys.next_root(state, wish).unwrap();
    draft.sign(&own);
    draft.sign(&read_key(&state.join("bob")).unwrap());
    keys.install(state, draft.to_json().as_bytes()).unwrap();
    let wish = NextRoot { root_keys: vec![own.public(), bob, dora], ..NextRoot::default() };
    assert_eq!(keys.next_root(state, wish).unwrap().document().threshold, 2);
    let wish = NextRoot { root_keys: vec![dora], ..NextRoot::default() };
    let refused = keys.next_root(state, wish).unwrap_err().to_string();
    assert!(refused.starts_with("2 root keys have to sign") && refused.contains("--threshold"), "{refused}");
}

#[test]
fn what_root_installs_belongs_to_whom_the_state_directory_belongs() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    // Only root can give it away; for anybody else everything belongs to the one who runs this.
    let _ = std::os::unix::fs::chown(state, Some(65_534), Some(65_534));
    let owner = |name: &str| {
        let found = std::fs::metadata(state.join(name)).unwrap();
        (std::os::unix::fs::MetadataExt::uid(&found), std::os::unix::fs::MetadataExt::gid(&found))
    };
    let mut keys = Keys::open(state, "example.test").unwrap();
    let wish = NextRoot { new_signing_key: true, ..NextRoot::default() };
    let mut draft = keys.next_root(state, wish).unwrap();
    draft.sign(&read_key(&state.join(ROOT_KEY)).unwrap());
    keys.install(state, draft.to_json().as_bytes()).unwrap();
    for name in [ROOT_KEY, SIGNING_KEY, ROOTS, "roots/1.json", "roots/2.json"] {
        assert_eq!(owner(name), owner("."), "{name}");
    }
}

#[test]
fn a_key_is_never_written_where_somebody_else_has_put_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let (file, bait) = (directory.path().join("ann.key"), directory.path().join("bait"));
    std::fs::write(&bait, "bait").unwrap();
    std::os::unix::fs::symlink(&bait, directory.path().join("ann.part")).unwrap();
    make_key(&file).unwrap();
    assert_eq!(std::fs::read(&bait).unwrap(), b"bait");
    assert!(std::fs::symlink_metadata(&file).unwrap().is_file());
    let before = std::fs::read(&file).unwrap();
    assert!(make_key(&file).unwrap_err().to_string().contains("There is a file"));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    // A link to nothing is a name that is taken, too.
    let link = directory.path().join("bob.key");
    std::os::unix::fs::symlink(directory.path().join("nothing"), &link).unwrap();
    assert!(make_key(&link).is_err());
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let mut left: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["ann.key", "ann.part", "bait", "bob.key"]);
}
