//! What is fetched over HTTPS beside the chat: the signed policy, and the picture that it names.

use super::{Client, now, random};
use crate::keeper::cache::Pinned;
use flint_policy::FileReference;
use tokio::task::JoinHandle;

/// A running fetch of anything.
type Running<T> = JoinHandle<Result<T, String>>;

/// The fetches that run, at most one of each kind.
#[derive(Default)]
pub(super) struct Fetches {
    policy: Option<Running<Pinned>>,
    image: Option<(FileReference, Running<Vec<u8>>)>,
}

/// A fetch that has ended.
pub(super) enum Fetched {
    Policy(Result<Box<Pinned>, String>),
    Image(FileReference, Result<Vec<u8>, String>),
}

impl Fetches {
    /// The next one that ends; waits for ever when none runs. Cancel-safe.
    pub(super) async fn next(&mut self) -> Fetched {
        let policy = self.policy.as_mut();
        let image = self.image.as_mut();
        tokio::select! {
            outcome = ended(policy) => {
                self.policy = None;
                Fetched::Policy(outcome.map(Box::new))
            }
            (asked, outcome) = async {
                match image {
                    Some((asked, running)) => (asked.clone(), ended(Some(running)).await),
                    None => std::future::pending().await,
                }
            } => {
                self.image = None;
                Fetched::Image(asked, outcome)
            }
        }
    }
}

impl Client {
    /// Begins what is due.
    pub(super) fn begin_fetches(&mut self, fetches: &mut Fetches) {
        if fetches.policy.is_none() {
            fetches.policy = self.begin_policy();
        }
        if fetches.image.is_none() {
            fetches.image = self.policy.begin_image().map(|wanted| {
                let (http, asked) = (self.http.clone(), wanted.clone());
                (wanted, tokio::spawn(async move { http?.file(&asked).await }))
            });
        }
    }

    fn begin_policy(&mut self) -> Option<Running<Pinned>> {
        let at = now();
        if !self.policy.is_due(at) {
            return None;
        }
        let Some(plan) = self.policy.begin(at) else {
            // It must not be asked, and the person is told why.
            self.policy_changed();
            return None;
        };
        let http = self.http.clone();
        Some(tokio::spawn(async move { http?.refresh(plan).await }))
    }

    /// Puts into force what was fetched.
    pub(super) fn fetched(&mut self, fetched: Fetched) {
        match fetched {
            Fetched::Policy(outcome) => self.policy.fetched(outcome.map(|pinned| *pinned), now(), random()),
            Fetched::Image(asked, outcome) => self.policy.image_fetched(&asked, outcome),
        }
        self.policy_changed();
    }
}

/// The outcome of a fetch; waits for ever when none runs.
async fn ended<T>(fetch: Option<&mut Running<T>>) -> Result<T, String> {
    match fetch {
        Some(fetch) => {
            fetch.await.unwrap_or_else(|_| Err("The fetch stopped because of an internal error.".to_owned()))
        }
        None => std::future::pending().await,
    }
}
