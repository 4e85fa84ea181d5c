//! Policy files of this computer: `policies/{managed,recommended}/*.json` and `trust.json` below `/etc/flint`.
//!
//! A file that turns into something that is no JSON object (a half-written one, say) keeps its last good values: a
//! lock-down must not open because of a typing error.

use flint_policy::{Level, MachineFile, TrustFile, read_machine_file};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
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
    /// What could not be read.
    pub(crate) problems: Vec<String>,
}

/// Reads the files, again and again.
#[derive(Debug)]
pub(crate) struct MachineFiles {
    directory: PathBuf,
    good: BTreeMap<PathBuf, MachineFile>,
}

impl MachineFiles {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), good: BTreeMap::new() }
    }

    /// Reads everything. What is missing is simply not there.
    pub(crate) fn read(&mut self) -> Machine {
        let mut machine = Machine::default();
        let before = std::mem::take(&mut self.good);
        for (name, level) in DIRECTORIES {
            let directory = self.directory.join(name);
            let paths = match json_files(&directory) {
                Ok(paths) => paths,
                Err(error) => {
                    machine.problems.push(format!("{} can't be read: {error}.", directory.display()));
                    before.keys().filter(|path| path.starts_with(&directory)).cloned().collect()
                }
            };
            for path in paths {
                let shown = path.display().to_string();
                let file = match read_capped(&path) {
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
                        machine.problems.push(format!("{shown} can't be read: {error}."));
                        match before.get(&path) {
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
        match read_capped(&trust) {
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

fn read_capped(path: &Path) -> io::Result<String> {
    let file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= MAX_BYTES) {
        Ok(text)
    } else {
        Err(io::Error::other("it is larger than 1 MiB"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
