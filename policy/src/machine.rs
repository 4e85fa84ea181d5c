//! The text of a machine file (`/etc/flint/policies/{managed,recommended}/*.json`).

use std::fmt;

use serde_json::Value;

use crate::effective::Masked;
use crate::value::{Problem, accept, shown, shown_of};
use crate::{Values, catalog};

#[cfg(test)]
mod tests;

/// Largest file that is read, in octets.
const MAX_FILE: usize = 1024 * 1024;

/// What a machine file says.
#[derive(Clone, PartialEq, Default)]
pub struct MachineFile {
    /// Its path, as it was given.
    pub path: String,
    /// The values that are right.
    pub values: Values,
    /// The keys that are not.
    pub problems: Vec<Problem>,
}

impl fmt::Debug for MachineFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, values, problems } = self;
        let values = Masked(values);
        f.debug_struct("MachineFile")
            .field("path", path)
            .field("values", &values)
            .field("problems", problems)
            .finish()
    }
}

/// Reads a machine file: one JSON object, name → value. A key that can't be used is a problem and the others apply; a text
/// that is no JSON object is one problem and applies nothing.
pub fn read_machine_file(text: &str, path: &str) -> MachineFile {
    let mut file = MachineFile { path: path.to_owned(), ..MachineFile::default() };
    let mut whole = |expected: &str, got: String| {
        file.problems.push(Problem { path: path.to_owned(), expected: expected.into(), got });
    };
    if text.len() > MAX_FILE {
        whole("a file of at most 1 MiB", format!("{} octets", text.len()));
        return file;
    }
    let values = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(values)) => values,
        Ok(other) => {
            whole("a JSON object", shown(&other));
            return file;
        }
        Err(error) => {
            whole("a JSON object", error.to_string());
            return file;
        }
    };
    for (name, value) in values {
        let at = format!("{path}: {name}");
        match catalog::find(&name) {
            None if name == "$schema" => {}
            None => file.problems.push(unknown(&at, &value)),
            Some(definition) => {
                if let Some(value) = accept(definition, &value, &at, &mut file.problems) {
                    file.values.insert(name, value);
                }
            }
        }
    }
    file
}

/// The problem of a key that this version has no policy for.
pub(crate) fn unknown(path: &str, value: &Value) -> Problem {
    Problem {
        path: path.to_owned(),
        expected: "the name of a policy that this version knows".into(),
        got: shown_of(None, value),
    }
}
