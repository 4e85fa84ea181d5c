//! Reads the folder of definitions.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::definition::{Definition, Group};

/// Every group and policy, in order of group and name.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    /// The groups.
    pub groups: Vec<Group>,
    /// The policies.
    pub policies: Vec<Definition>,
}

/// A definition that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system says no.
    #[error("{path}: {error}")]
    Io {
        /// Which path.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file says something that is not allowed.
    #[error("{path}: {message}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

/// Reads `policies/<group>/<Name>.toml` and `policies/<group>/group.toml`.
///
/// # Errors
/// The first file that can't be read, or that breaks a rule.
pub fn read_catalog(policies: &Path) -> Result<Catalog, ReadError> {
    let mut catalog = Catalog { groups: Vec::new(), policies: Vec::new() };
    for folder in sorted(policies)? {
        let id = file_name(&folder);
        if !folder.is_dir() {
            return Err(invalid(&folder, "only folders are expected here, one for each group"));
        }
        let path = folder.join("group.toml");
        let mut group: Group = toml::from_str(&text(&path)?).map_err(|e| invalid(&path, e))?;
        group.id.clone_from(&id);
        catalog.groups.push(group);
        for path in sorted(&folder)? {
            let name = file_name(&path);
            if name == "group.toml" {
                continue;
            }
            let Some(stem) = name.strip_suffix(".toml") else {
                return Err(invalid(&path, "only .toml files are expected here"));
            };
            let definition = Definition::parse(&text(&path)?, &id, stem).map_err(|e| invalid(&path, e))?;
            if catalog.policies.iter().any(|other| other.name == definition.name) {
                return Err(invalid(&path, "another group has a policy of this name"));
            }
            catalog.policies.push(definition);
        }
    }
    check_atomic(policies, &catalog)?;
    Ok(catalog)
}

/// A set of one is a mistake in a name, and members with different levels could not come from one source.
fn check_atomic(policies: &Path, catalog: &Catalog) -> Result<(), ReadError> {
    let mut sets: BTreeMap<&str, Vec<&Definition>> = BTreeMap::new();
    for definition in &catalog.policies {
        if let Some(atomic) = &definition.atomic {
            sets.entry(atomic).or_default().push(definition);
        }
    }
    for (name, members) in sets {
        if members.len() < 2 {
            return Err(invalid(
                policies,
                format!("the atomic group {name} has only one member, {}", members[0].name),
            ));
        }
        if members.iter().any(|m| m.levels != members[0].levels || m.group != members[0].group) {
            return Err(invalid(
                policies,
                format!("members of the atomic group {name} differ in levels or group"),
            ));
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let io = |error| ReadError::Io { path: folder.to_owned(), error };
    let mut paths = fs::read_dir(folder)
        .map_err(io)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(io)?;
    paths.sort();
    Ok(paths)
}

fn text(path: &Path) -> Result<String, ReadError> {
    fs::read_to_string(path).map_err(|error| ReadError::Io { path: path.to_owned(), error })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn invalid(path: &Path, message: impl ToString) -> ReadError {
    ReadError::Invalid { path: path.to_owned(), message: message.to_string() }
}
