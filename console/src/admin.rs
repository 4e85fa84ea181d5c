//! `flintd admin …`: changes in the database, made the same way whether a flintd runs or not.

use crate::auth::password;
use crate::config::{ComponentKind, Config, ConfigError};
use crate::control::{self, ControlError};
use crate::files::{self, FileError};
use crate::policy::keys::{KeyError, Keys};
use crate::store::{GroupImport, PersonImport, Store, StoreError};
use crate::time;
use clap::{Args, Subcommand};
use flint_fastpath_service::{ServiceConfig, WorkgroupConfig};
use serde::de::DeserializeOwned;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

pub mod root;

/// Who the audit says it was.
const WHO: &str = "flintd admin";
/// Largest file to import, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Groups and their ranks: a file replaces all of them.
    #[command(subcommand)]
    Groups(GroupsCommand),
    /// People and their names: a file adds people and changes names.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Workgroups with queues, agents and forms: a file replaces all of them.
    #[command(subcommand)]
    Workgroups(WorkgroupsCommand),
    /// Print a password that opens the console once within 24 hours.
    OneTimePassword {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Root keys and root documents: who may sign policies, and who may change that.
    #[command(subcommand)]
    Root(root::RootCommand),
    /// Print the content for /etc/flint/trust.json.
    TrustRoot {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// What to do with groups.
#[derive(Debug, Subcommand)]
pub enum GroupsCommand {
    /// Replace all groups by those of a JSON file; when that changes any, new policies are published.
    Import(Import),
}

/// What to do with people.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Add the people of a JSON file, or give them the names that stand there. Nobody is removed.
    Import(Import),
}

/// What to do with workgroups.
#[derive(Debug, Subcommand)]
pub enum WorkgroupsCommand {
    /// Replace all workgroups by those of a JSON file; running chats go on.
    Import(Import),
}

/// A file to read. It takes effect at once when flintd runs.
#[derive(Debug, Args)]
pub struct Import {
    /// The JSON file.
    #[arg(value_name = "JSON")]
    file: PathBuf,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Why it failed. One sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file of the state.
    #[error(transparent)]
    File(#[from] FileError),
    /// Database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Root documents.
    #[error(transparent)]
    Rotate(#[from] crate::policy::keys::RotateError),
    /// Running flintd.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The file can't be used.
    #[error("The file {} can't be imported: {problem}. Correct it and import again.", file.display())]
    Import {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Somebody has to look at it first.
    #[error(
        "Nothing is signed yet. Compare the lines above with what was agreed, each key with its holder, then give the command again with --yes."
    )]
    Unconfirmed,
    /// Standard output is closed.
    #[error("The answer can't be printed: {0}.")]
    Print(#[from] std::io::Error),
}

/// Does it.
///
/// # Errors
/// Why it failed; then nothing is changed, except for [`AdminError::Control`].
pub async fn run(command: AdminCommand) -> Result<(), AdminError> {
    let now = time::now();
    match command {
        AdminCommand::Groups(GroupsCommand::Import(Import { file, config })) => {
            let groups: Vec<GroupImport> = read(&file)?;
            let (config, store) = open(&config).await?;
            let version = store.import_groups(now, WHO, &groups).await;
            let version = version.map_err(|error| refused(&file, error))?;
            let text = version.map(|version| format!("{}, policies are version {version} now", groups.len()));
            finish(&config, store, "Groups", text).await
        }
        AdminCommand::Users(UsersCommand::Import(Import { file, config })) => {
            let people: Vec<PersonImport> = read(&file)?;
            let (config, store) = open(&config).await?;
            let changed = store.import_people(now, WHO, &people).await;
            let changed = changed.map_err(|error| refused(&file, error))?;
            let text = (changed > 0).then(|| format!("{}, new or renamed: {changed}", people.len()));
            finish(&config, store, "Users", text).await
        }
        AdminCommand::Workgroups(WorkgroupsCommand::Import(Import { file, config })) => {
            let workgroups: Vec<WorkgroupConfig> = read(&file)?;
            let (config, store) = open(&config).await?;
            check(&config, &file, &workgroups)?;
            let changed = store.import_workgroups(now, WHO, &workgroups).await?;
            finish(&config, store, "Workgroups", changed.then(|| workgroups.len().to_string())).await
        }
        AdminCommand::OneTimePassword { config } => {
            let (_, store) = open(&config).await?;
            let password = password::make(&store, now).await?;
            store.close().await;
            print(&password)
        }
        AdminCommand::Root(command) => root::run(command),
        AdminCommand::TrustRoot { config } => {
            let config = Config::read(&config)?;
            files::make_state_directory(&config.state)?;
            let keys = Keys::open(&config.state, &config.domain)?;
            print(&keys.trust_file(&config.domain, &config.http.public_url))
        }
    }
}

async fn open(config: &Path) -> Result<(Config, Store), AdminError> {
    let config = Config::read(config)?;
    files::make_state_directory(&config.state)?;
    let store = Store::open(&config.database()).await?;
    Ok((config, store))
}

fn check(config: &Config, file: &Path, workgroups: &[WorkgroupConfig]) -> Result<(), AdminError> {
    let service = config.service_config().unwrap_or_else(|| ServiceConfig {
        domain: format!("workgroup.{}", config.domain),
        ..config.service_config_for(String::new())
    });
    let service = ServiceConfig { workgroups: workgroups.to_vec(), ..service };
    match service.problems().first() {
        Some(problem) => Err(AdminError::Import { file: file.to_owned(), problem: problem.to_string() }),
        None => Ok(()),
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T, AdminError> {
    let refuse = |problem: String| AdminError::Import { file: file.to_owned(), problem };
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(MAX_FILE).read_to_string(&mut text))
        .map_err(|error| refuse(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))
}

fn refused(file: &Path, error: StoreError) -> AdminError {
    match error {
        StoreError::Refused(text) => {
            AdminError::Import { file: file.to_owned(), problem: text.trim_end_matches('.').to_owned() }
        }
        other => other.into(),
    }
}

/// Says what was done; `None`: nothing changed. A running flintd is told in any case: it may have missed the last time.
async fn finish(config: &Config, store: Store, what: &str, text: Option<String>) -> Result<(), AdminError> {
    store.close().await;
    let running = control::tell(&config.control_socket()).await?;
    let note = if running { "in effect" } else { "in effect when flintd starts" };
    match text {
        Some(text) => print(&format!("{what} imported: {text} ({note}).")),
        None => print(&format!("{what} imported: nothing changed.")),
    }
}

fn print(text: &str) -> Result<(), AdminError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

impl Config {
    /// Configuration of the workgroup service without its workgroups, when a component hosts it.
    pub fn service_config(&self) -> Option<ServiceConfig> {
        let component = self.components.iter().find(|it| it.kind == ComponentKind::Workgroup)?;
        Some(self.service_config_for(component.domain.clone()))
    }

    fn service_config_for(&self, domain: String) -> ServiceConfig {
        ServiceConfig {
            domain,
            conference: self.conference(),
            xmpp_domain: self.domain.clone(),
            workgroups: Vec::new(),
            offers_per_agent: 1,
            details_limit: 50,
        }
    }
}
