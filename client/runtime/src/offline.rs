//! What can be told without signing in: the policy in force, and what the message store holds.

use crate::client::is_withheld;
use crate::keeper::PolicyKeeper;
use crate::{Options, Paths, StartError, state_dir};
use flint_core::BareJid;
use flint_core::effect::StoreQuery;
use flint_core::input::{PolicyResolved, StoreReply};
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
    let resolved = resolved(options, &account);
    let mut report = PolicyReport::new(&resolved.effective, resolved.managed_by, resolved.server);
    // Nothing is planned where nothing runs.
    report.server.next_fetch_at = None;
    Ok((account, report))
}

/// What rules for the account while no client of it runs.
pub(crate) fn resolved(options: &Options, account: &BareJid) -> PolicyResolved {
    let directory = state_dir::existing_policy_dir(&options.paths.state, account);
    let Paths { machine, state } = &options.paths;
    let now = crate::client::now();
    PolicyKeeper::open(account.clone(), machine, state, directory.as_deref(), now).resolved()
}

/// Full-text search in the account's messages, newest first, at most `limit` (1 … 200). Works beside a running client.
///
/// # Errors
/// When no account is known, it has never run here, its store can't be read, or this computer must be managed and is not.
pub fn search(options: &Options, text: &str, limit: u32) -> Result<Vec<SearchHit>, StartError> {
    let account = account(options)?;
    let resolved = resolved(options, &account);
    if is_withheld(&resolved)
        && let Some(missing) = resolved.missing
    {
        return Err(StartError::Files(missing));
    }
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
