//! `flint-generate [--check] [--root DIR]`: writes the generated files, or says which of them are stale.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use flint_admin_schema::{generate, read_catalog};

fn main() -> anyhow::Result<()> {
    let mut check = false;
    let mut root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => check = true,
            "--root" => root = PathBuf::from(arguments.next().context("--root needs a folder")?),
            other => bail!("unknown argument {other:?}; usage: flint-generate [--check] [--root DIR]"),
        }
    }
    let catalog = read_catalog(&root.join("admin-schema/policies"))?;
    let mut stale = Vec::new();
    for output in generate(&catalog) {
        let path = root.join(output.path);
        if std::fs::read_to_string(&path).is_ok_and(|held| held == output.content) {
            continue;
        }
        if check {
            stale.push(output.path);
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        std::fs::write(&path, output.content).with_context(|| path.display().to_string())?;
    }
    if !stale.is_empty() {
        bail!("stale: {}. Run `cargo xtask generate` and commit the result.", stale.join(", "));
    }
    Ok(())
}
