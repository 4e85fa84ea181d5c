//! Policy files of this computer: `policies/{managed,recommended}/*.json` and `trust.json` below `/etc/flint`.
//!
//! A file that turns into something that is no JSON object (a half-written one, say) keeps its last good values: a
//! lock-down must not open because of a typing error.
//!
//! Only what an administrator alone can have written counts: a file, or a directory above it up to the one of all, that its group or
//! everybody may write to, that belongs to somebody else than the directory above all of them, or that a symbolic link
//! leads to from outside is refused with a sentence.

use flint_policy::{Level, MachineFile, TrustFile, read_machine_file};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const MAX_FILES: usize = 256;
/// The same limit as flint-policy's: a larger file would count as good and say nothing.
const MAX_BYTES: u64 = 1024 * 1024;
/// The two directories, with the level of what is in them.
const DIRECTORIES: [(&str, Level); 2] =
    [("policies/managed", Level::Mandatory), ("policies/recommended", Level::Recommended)];

/// What the computer's files say now.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// Policy files in the order of their names, with their level.
    pub(crate) files: Vec<(Level, MachineFile)>,
    /// The administrator's root, if there is one.
    pub(crate) trust: Option<TrustFile>,
    /// There is a trust file, and it can't be used.
    pub(crate) trust_unusable: bool,
    /// A file that its administrator may have meant to rule is refused, and nothing good of it is held: a sentence.
    pub(crate) refused: Option<String>,
    /// What could not be read.
    pub(crate) problems: Vec<String>,
}

/// Reads the files, again and again.
#[derive(Debug)]
pub(crate) struct MachineFiles {
    directory: PathBuf,
    good: BTreeMap<PathBuf, MachineFile>,
}

impl Machine {
    fn refuse(&mut self, level: Level, problem: &str) {
        if level == Level::Mandatory && self.refused.is_none() {
            self.refused = Some(problem.to_owned());
        }
    }
}

fn cant_be_read(path: &Path, error: &io::Error) -> String {
    format!("{} can't be read: {error}.", path.display())
}

impl MachineFiles {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), good: BTreeMap::new() }
    }

    /// Reads everything. What is missing is simply not there.
    pub(crate) fn read(&mut self) -> Machine {
        let mut machine = Machine::default();
        let before = std::mem::take(&mut self.good);
        let place = Place::of(&self.directory);
        for (name, level) in DIRECTORIES {
            let directory = self.directory.join(name);
            let paths = match self
                .admits(&place, &directory)
                .and_then(|()| json_files(&directory).map_err(|error| cant_be_read(&directory, &error)))
            {
                Ok(paths) => paths,
                Err(problem) => {
                    let held: Vec<_> =
                        before.keys().filter(|path| path.starts_with(&directory)).cloned().collect();
                    if held.is_empty() && directory.exists() {
                        machine.refuse(level, &problem);
                    }
                    if !machine.problems.contains(&problem) {
                        machine.problems.push(problem);
                    }
                    held
                }
            };
            for path in paths {
                let shown = path.display().to_string();
                let file = match place.read(&path) {
                    Ok(text) => {
                        let file = read_machine_file(&text, &shown);
                        match before.get(&path) {
                            Some(good) if !is_object(&text) => {
                                machine
                                    .problems
                                    .push(format!("{shown} is no longer usable; its last good values stay."));
                                MachineFile { problems: file.problems, ..good.clone() }
                            }
                            _ => file,
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => {
                        let problem = cant_be_read(&path, &error);
                        let good = before.get(&path);
                        if good.is_none() {
                            machine.refuse(level, &problem);
                        }
                        machine.problems.push(problem);
                        match good {
                            Some(good) => good.clone(),
                            None => continue,
                        }
                    }
                };
                self.good.insert(path, MachineFile { problems: Vec::new(), ..file.clone() });
                machine.files.push((level, file));
            }
        }
        let trust = self.directory.join("trust.json");
        match place.admits_directory(&self.directory).and_then(|()| place.read(&trust)) {
            Ok(text) => match TrustFile::parse(&text) {
                Ok(file) => machine.trust = Some(file),
                Err(error) => machine.problems.push(format!("{}: {error}.", trust.display())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return machine,
            Err(error) => machine.problems.push(format!("{} can't be read: {error}.", trust.display())),
        }
        machine.trust_unusable = machine.trust.is_none();
        machine
    }

    /// Whoever may write to a directory above can put another one in its place.
    fn admits(&self, place: &Place, directory: &Path) -> Result<(), String> {
        [&self.directory, &self.directory.join("policies"), directory]
            .into_iter()
            .try_for_each(|path| place.admits_directory(path).map_err(|error| cant_be_read(path, &error)))
    }

    /// The directories to be watched: those that exist, and the nearest one above the first that does not.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        let mut paths = vec![self.directory.clone(), self.directory.join("policies")];
        paths.extend(DIRECTORIES.map(|(name, _)| self.directory.join(name)));
        paths.retain(|path| path.is_dir());
        if paths.is_empty() {
            let above = self.directory.ancestors().skip(1).find(|path| path.is_dir());
            paths.extend(above.map(Path::to_owned));
        }
        paths
    }
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

fn json_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.truncate(MAX_FILES);
    Ok(paths)
}

/// The directory that everything must be in, and whose it is.
struct Place {
    /// Without links; `None` when it is not there, and then nothing in it is.
    real: Option<PathBuf>,
    owner: u32,
}

impl Place {
    fn of(directory: &Path) -> Self {
        let real = fs::canonicalize(directory).ok();
        let owner = fs::metadata(directory).map_or(0, |metadata| metadata.uid());
        Self { real, owner }
    }

    /// A directory in which somebody else can put files says nothing.
    fn admits_directory(&self, path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(metadata) => self.admits(path, &metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn admits(&self, path: &Path, metadata: &fs::Metadata) -> io::Result<()> {
        if metadata.mode() & 0o022 != 0 {
            return Err(io::Error::other(
                "its group or everybody may write to it, so it proves nothing; use chmod go-w",
            ));
        }
        if metadata.uid() != 0 && metadata.uid() != self.owner {
            return Err(io::Error::other("it belongs to neither root nor the owner of the policy directory"));
        }
        let inside = self
            .real
            .as_ref()
            .is_some_and(|real| fs::canonicalize(path).is_ok_and(|path| path.starts_with(real)));
        if inside {
            Ok(())
        } else {
            Err(io::Error::other("a symbolic link leads out of the policy directory"))
        }
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        self.admits(path, &metadata)?;
        let mut text = String::new();
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        if u64::try_from(read).is_ok_and(|read| read <= MAX_BYTES) {
            Ok(text)
        } else {
            Err(io::Error::other("it is larger than 1 MiB"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const CLOSED: &str = r#"{"ContactAddingAllowed": false}"#;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn managed(directory: &Path, name: &str, text: &str) {
        fs::create_dir_all(directory.join("policies/managed")).unwrap();
        fs::write(directory.join("policies/managed").join(name), text).unwrap();
    }

    #[test]
    fn files_are_read_in_order_and_a_broken_one_keeps_its_values() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = MachineFiles::new(directory.path());
        assert!(files.read().files.is_empty());
        managed(directory.path(), "20.json", r#"{"ContactAddingAllowed": false}"#);
        managed(directory.path(), "10.json", r#"{"OrganizationName": "Example"}"#);
        managed(directory.path(), ".30.json", "{}");
        managed(directory.path(), "readme.txt", "no");
        let machine = files.read();
        let names: Vec<_> =
            machine.files.iter().map(|(_, file)| file.values.keys().next().unwrap().as_str()).collect();
        assert_eq!(names, ["OrganizationName", "ContactAddingAllowed"]);
        assert!(machine.problems.is_empty());

        managed(directory.path(), "20.json", r#"{"ContactAddingAllowed": fal"#);
        for _ in 0..2 {
            let machine = files.read();
            assert_eq!(machine.files[1].1.values.get("ContactAddingAllowed"), Some(&false.into()));
            assert_eq!(machine.problems.len(), 1);
        }
        fs::remove_file(directory.path().join("policies/managed/20.json")).unwrap();
        assert_eq!(files.read().files.len(), 1);
    }

    #[test]
    fn a_file_that_is_too_large_keeps_its_last_good_values() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = MachineFiles::new(directory.path());
        managed(directory.path(), "a.json", r#"{"ContactAddingAllowed": false}"#);
        files.read();
        let large = format!(r#"{{"NoSuchPolicy": "{}"}}"#, "x".repeat(1 << 20));
        managed(directory.path(), "a.json", &large);
        let machine = files.read();
        assert_eq!(machine.files[0].1.values.get("ContactAddingAllowed"), Some(&false.into()));
        assert_eq!(machine.problems.len(), 1);
    }

    #[test]
    fn what_is_no_trust_file_is_a_problem() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("trust.json"), "{}").unwrap();
        let machine = MachineFiles::new(directory.path()).read();
        assert!(machine.trust.is_none() && machine.trust_unusable);
        assert_eq!(machine.problems.len(), 1);
        assert!(!MachineFiles::new(&directory.path().join("nothing")).read().trust_unusable);
    }

    #[test]
    fn the_nearest_directory_that_exists_is_watched() {
        let above = tempfile::tempdir().unwrap();
        let files = MachineFiles::new(&above.path().join("flint"));
        assert_eq!(files.watched(), [above.path().to_owned()]);
        managed(&above.path().join("flint"), "a.json", "{}");
        assert_eq!(files.watched().len(), 3);
    }

    #[test]
    fn what_others_may_write_is_refused_with_a_sentence() {
        let directory = tempfile::tempdir().unwrap();
        let of = |path: &str| directory.path().join(path);
        managed(directory.path(), "a.json", CLOSED);
        fs::write(of("trust.json"), "{}").unwrap();
        for (path, bits, refused) in [
            ("policies/managed/a.json", 0o664, true),
            ("policies/managed/a.json", 0o646, true),
            ("policies/managed/a.json", 0o644, false),
            ("policies/managed/a.json", 0o600, false),
            ("policies/managed", 0o775, true),
            ("policies/managed", 0o777, true),
            ("policies/managed", 0o755, false),
        ] {
            mode(&of(path), bits);
            let machine = MachineFiles::new(directory.path()).read();
            assert_eq!(machine.files.is_empty(), refused, "{path} {bits:o}");
            let said = machine.problems.iter().any(|problem| problem.contains("chmod go-w"));
            assert_eq!(said, refused, "{path} {bits:o}: {:?}", machine.problems);
        }
        mode(&of("trust.json"), 0o666);
        let machine = MachineFiles::new(directory.path()).read();
        assert!(machine.trust_unusable, "nobody else's root is trusted in its place");
        assert!(machine.problems.iter().any(|problem| problem.contains("trust.json can't be read")));
    }

    #[test]
    fn a_directory_above_that_others_may_write_to_is_refused_too() {
        for path in ["", "policies"] {
            let directory = tempfile::tempdir().unwrap();
            managed(directory.path(), "a.json", CLOSED);
            let mut files = MachineFiles::new(directory.path());
            assert_eq!(files.read().refused, None);
            mode(&directory.path().join(path), 0o775);
            let machine = files.read();
            assert!(machine.refused.is_none() && machine.files.len() == 1, "the last good values stay");
            assert_eq!(
                machine.problems.iter().filter(|problem| problem.contains("chmod go-w")).count(),
                1 + usize::from(path.is_empty())
            );
            let machine = MachineFiles::new(directory.path()).read();
            assert!(machine.files.is_empty() && machine.refused.is_some(), "{path:?}");
            assert_eq!(machine.trust_unusable, path.is_empty(), "what was there may be gone");
        }
    }

    #[test]
    fn a_file_that_others_may_suddenly_write_keeps_its_last_good_values() {
        let directory = tempfile::tempdir().unwrap();
        managed(directory.path(), "a.json", CLOSED);
        let mut files = MachineFiles::new(directory.path());
        files.read();
        managed(directory.path(), "a.json", "{}");
        mode(&directory.path().join("policies/managed/a.json"), 0o666);
        let machine = files.read();
        assert_eq!(machine.files[0].1.values.get("ContactAddingAllowed"), Some(&false.into()));
        assert_eq!(machine.problems.len(), 1);
    }

    #[test]
    fn a_link_counts_only_within_the_directory() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("a.json"), CLOSED).unwrap();
        let directory = tempfile::tempdir().unwrap();
        managed(directory.path(), "b.json", r#"{"OrganizationName": "Example"}"#);
        let link = directory.path().join("policies/managed/a.json");
        for (target, count) in [(outside.path().join("a.json"), 1), ("b.json".into(), 2)] {
            symlink(&target, &link).unwrap();
            let machine = MachineFiles::new(directory.path()).read();
            assert_eq!(machine.files.len(), count, "{target:?}");
            let said = machine.problems.iter().any(|problem| problem.contains("symbolic link"));
            assert_eq!(said, count == 1, "{target:?}: {:?}", machine.problems);
            fs::remove_file(&link).unwrap();
        }
        let whole = outside.path().join("whole");
        symlink(directory.path(), &whole).unwrap();
        assert_eq!(MachineFiles::new(&whole).read().files.len(), 1, "the directory itself may be a link");
        let elsewhere = directory.path().join("policies/recommended");
        symlink(outside.path(), &elsewhere).unwrap();
        assert_eq!(MachineFiles::new(directory.path()).read().files.len(), 1, "nor may a whole directory be");
    }

    #[test]
    fn files_are_sorted_by_name_so_that_the_last_one_wins() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["30.json", "9.json", "10.json", "B.json", "a.json"] {
            managed(directory.path(), name, CLOSED);
        }
        let machine = MachineFiles::new(directory.path()).read();
        let names = machine.files.iter().filter_map(|(_, file)| Path::new(&file.path).file_name());
        let names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["10.json", "30.json", "9.json", "B.json", "a.json"]);
    }
}
