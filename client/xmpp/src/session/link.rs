//! What the session's task needs of a stream. In the product that is flint-stream; in its tests, a script.

use crate::output::Bound;
use flint_stream::{
    ConnectError, ConnectFailed, ConnectParams, Credentials, Event, ResumeState, Session, StreamEnd, connect,
};
use minidom::Element;
use std::future::Future;

/// Why a stream could not be opened, and what was to be resumed.
pub(crate) type Failed<R> = (ConnectError, Option<R>);

/// Opens streams.
pub(crate) trait Connector: Send {
    /// What is opened.
    type Link: Link;

    /// Opens a stream, resuming an earlier one if possible. Dropping the future cancels. A failure gives back what was to
    /// be resumed: less than before when the server has acknowledged something meanwhile.
    fn connect(
        &mut self,
        resume: Option<<Self::Link as Link>::Resume>,
    ) -> impl Future<Output = Result<Self::Link, Failed<<Self::Link as Link>::Resume>>> + Send;

    /// Uses these from the next attempt on.
    fn set_credentials(&mut self, credentials: Credentials);
}

/// An open stream.
pub(crate) trait Link: Send {
    /// What resumes it.
    type Resume: Clone + Send;

    /// Address and mechanism.
    fn bound(&self) -> Bound;
    /// Tokens that the server did not acknowledge before it refused to resume.
    fn take_lost(&mut self) -> Vec<u64>;
    /// The next event. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Result<Event, StreamEnd>> + Send;
    /// Sends; what could not be sent is kept for the resumption.
    fn send(
        &mut self,
        stanza: &Element,
        token: Option<u64>,
    ) -> impl Future<Output = Result<(), StreamEnd>> + Send;
    /// Ends in good order; the tokens that the server acknowledged meanwhile.
    fn close(self) -> impl Future<Output = Vec<u64>> + Send;
    /// True when so much is not acknowledged that more should wait.
    fn is_full(&self) -> bool;
    /// True while a stanza comes in that has not ended.
    fn is_within_stanza(&self) -> bool;
    /// True when what was not acknowledged is kept for a resumption.
    fn is_resumable(&self) -> bool;
    /// What resumes it after its end.
    fn into_resume(self) -> Option<Self::Resume>;
    /// Tokens that wait for a resumption.
    fn unacked(resume: &Self::Resume) -> Vec<u64>;
    /// Tokens that the server acknowledged and only the next session could tell.
    fn acked(resume: &Self::Resume) -> Vec<u64>;
}

/// The real thing.
#[derive(Debug)]
pub(crate) struct Network {
    params: ConnectParams,
}

impl Network {
    pub(crate) fn new(params: ConnectParams) -> Self {
        Self { params }
    }
}

impl Connector for Network {
    type Link = Session;

    async fn connect(&mut self, resume: Option<ResumeState>) -> Result<Session, Failed<ResumeState>> {
        connect(&self.params, resume).await.map_err(|ConnectFailed { error, resume }| (error, resume))
    }

    fn set_credentials(&mut self, credentials: Credentials) {
        self.params.credentials = credentials;
    }
}

fn tokens(stanzas: Vec<(Option<u64>, Element)>) -> Vec<u64> {
    stanzas.into_iter().filter_map(|(token, _)| token).collect()
}

impl Link for Session {
    type Resume = ResumeState;

    fn bound(&self) -> Bound {
        Bound { jid: self.jid().clone(), mechanism: self.mechanism().to_owned(), resumed: self.resumed() }
    }

    fn take_lost(&mut self) -> Vec<u64> {
        tokens(Session::take_lost(self))
    }

    async fn next(&mut self) -> Result<Event, StreamEnd> {
        Session::next(self).await
    }

    async fn send(&mut self, stanza: &Element, token: Option<u64>) -> Result<(), StreamEnd> {
        Session::send(self, stanza, token).await
    }

    async fn close(self) -> Vec<u64> {
        Session::close(self).await
    }

    fn is_full(&self) -> bool {
        Session::is_full(self)
    }

    fn is_within_stanza(&self) -> bool {
        Session::is_within_stanza(self)
    }

    fn is_resumable(&self) -> bool {
        self.acknowledges()
    }

    fn into_resume(self) -> Option<ResumeState> {
        self.into_resume_state()
    }

    fn unacked(resume: &ResumeState) -> Vec<u64> {
        tokens(resume.unacked())
    }

    fn acked(resume: &ResumeState) -> Vec<u64> {
        resume.acked().to_vec()
    }
}
