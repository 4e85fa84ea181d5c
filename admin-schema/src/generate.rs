//! What is written from the definitions.

mod markdown;
mod rust;
mod schema;

use crate::read::Catalog;

/// One generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Path below the root of the repository, with `/`.
    pub path: &'static str,
    /// The whole content.
    pub content: String,
}

/// Everything that is generated. The same catalog always gives the same bytes.
pub fn generate(catalog: &Catalog) -> Vec<Output> {
    vec![
        Output { path: "policy/src/generated/catalog.rs", content: rust::catalog(catalog) },
        Output {
            path: "admin-schema/generated/policies.schema.json",
            content: schema::machine_file(catalog),
        },
        Output { path: "admin-schema/generated/POLICIES.md", content: markdown::manual(catalog) },
    ]
}
