//! Where values come from, before they are weighed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::document::{OnExpiry, PolicyDocument, Scope};
use crate::effective::Masked;
use crate::machine::MachineFile;
use crate::value::Problem;
use crate::{Values, catalog};

/// Whether a person may choose something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nobody can change it.
    Mandatory,
    /// The person's choice wins.
    Recommended,
}

/// Who says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Source {
    /// A file of this computer.
    Machine {
        /// Its path.
        file: String,
    },
    /// The signed document has expired and says that then the restricted values rule.
    Expired,
    /// The signed document, for a group.
    ServerGroup {
        /// Id of the group.
        id: String,
        /// Its name for people.
        name: String,
        /// 1 is the strongest; equal ranks are ordered by id.
        rank: u32,
    },
    /// The signed document, for everybody.
    ServerEverybody,
    /// The person's own choice.
    User,
    /// Nobody: the catalog's default.
    Default,
}

/// Values of one source at one level.
#[derive(Clone, PartialEq)]
pub struct Layer {
    /// Who says so.
    pub source: Source,
    /// At which level. Of no meaning for [`Source::User`].
    pub level: Level,
    /// What is said.
    pub values: Values,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, level, values } = self;
        let values = Masked(values);
        f.debug_struct("Layer")
            .field("source", source)
            .field("level", level)
            .field("values", &values)
            .finish()
    }
}

/// All that [`crate::resolve`] weighs. The order in which layers are added is of no importance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    /// Every layer.
    pub layers: Vec<Layer>,
    /// Who manages the account, e.g. `example.test`; from the signed document.
    pub domain: Option<String>,
    /// What was found while reading, passed on to [`crate::EffectivePolicy::messages`].
    pub problems: Vec<Problem>,
}

impl Inputs {
    /// Adds a machine file, from `managed/` (mandatory) or `recommended/`.
    pub fn add_machine_file(&mut self, level: Level, file: MachineFile) {
        self.problems.extend(file.problems);
        self.layers.push(Layer { source: Source::Machine { file: file.path }, level, values: file.values });
    }

    /// Adds every layer of a document that [`crate::Trust`] has verified (the console's preview adds an unsigned draft).
    /// `expired` is what [`crate::VerifiedPolicy::expired`] says.
    pub fn add_document(&mut self, document: &PolicyDocument, expired: bool) {
        self.domain = Some(document.domain.clone());
        if expired && document.on_expiry == OnExpiry::Restrict {
            let values = catalog::CATALOG
                .iter()
                .filter_map(|d| d.restricted.map(|value| (d.name.to_owned(), value.to_json())))
                .collect();
            self.layers.push(Layer { source: Source::Expired, level: Level::Mandatory, values });
        }
        for layer in &document.layers {
            let source = match &layer.scope {
                Scope::Everybody => Source::ServerEverybody,
                Scope::Group { id, name, rank } => {
                    Source::ServerGroup { id: id.clone(), name: name.clone(), rank: *rank }
                }
            };
            self.layers.push(Layer { source, level: layer.level, values: layer.policies.clone() });
        }
    }

    /// Adds what the person has chosen.
    pub fn add_choices(&mut self, values: Values) {
        self.layers.push(Layer { source: Source::User, level: Level::Recommended, values });
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mandatory => "mandatory",
            Self::Recommended => "recommended",
        })
    }
}
