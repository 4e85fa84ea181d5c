//! What can be told without signing in: the policy in force, and what the message store holds.

use crate::keeper::PolicyKeeper;
use crate::{Options, Paths, StartError, state_dir};
use flint_core::BareJid;
use flint_core::effect::StoreQuery;
use flint_core::input::StoreReply;
use flint_core::model::{PolicyReport, SearchHit};
use flint_core::secret::Private;
use flint_store::Store;

/// The account of the options or of the ticket; else the only one that has run here, since nothing is signed in to.
fn account(options: &Options) -> Result<BareJid, StartError> {
    crate::account::resolve(&options.account).or_else(|error| match (&options.account.jid, error) {
        (None, error @ StartError::NoAccount(_)) => {
            state_dir::only_account(&options.paths.state).ok_or(error)
        }
        (_, error) => Err(error),
    })
}

/// The policy in force for the account, from the computer's files and the last good signed document.
///
/// # Errors
/// When no account is known.
pub fn policy(options: &Options) -> Result<(BareJid, PolicyReport), StartError> {
    let account = account(options)?;
    let directory = state_dir::existing_policy_dir(&options.paths.state, &account);
    let now = crate::client::now();
    let Paths { machine, state } = &options.paths;
    let keeper = PolicyKeeper::open(account.clone(), machine, state, directory.as_deref(), now);
    let resolved = keeper.resolved();
    let mut report = PolicyReport::new(&resolved.effective, resolved.managed_by, resolved.server);
    // Nothing is planned where nothing runs.
    report.server.next_fetch_at = None;
    Ok((account, report))
}

/// Full-text search in the account's messages, newest first, at most `limit` (1 … 200). Works beside a running client.
///
/// # Errors
/// When no account is known, it has never run here, or its store can't be read.
pub fn search(options: &Options, text: &str, limit: u32) -> Result<Vec<SearchHit>, StartError> {
    let account = account(options)?;
    let file = state_dir::existing_history(&options.paths.state, &account).filter(|file| file.exists());
    let Some(file) = file else {
        return Err(StartError::Files(format!(
            "No messages of {account} are kept on this computer yet. Sign in first: flint-cli watch."
        )));
    };
    let failed = |error: String| StartError::Files(error);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(format!("No more threads or files can be opened: {error}.")))?;
    runtime.block_on(async {
        let store = Store::open(&file, None).await.map_err(|error| failed(error.to_string()))?;
        let query = StoreQuery::Search {
            query: flint_core::QueryId(1),
            text: Private::from(text),
            conversation: None,
            limit: limit.clamp(1, 200),
        };
        let reply = store.query(query).await.map_err(|error| failed(error.to_string()));
        store.close().await;
        match reply? {
            StoreReply::Hits { hits, .. } => Ok(hits),
            _ => Ok(Vec::new()),
        }
    })
}
