//! Notices a dead peer: after some silence it asks for a sign of life, and gives up when none comes.

use crate::params::Timing;
use tokio::time::Instant;

/// What to do when [`Alive::deadline`] has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask now.
    Ask,
    /// The peer is gone.
    Dead,
    /// Something came in meanwhile.
    Wait,
}

/// What has come in so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// When bytes last came in.
    pub(crate) at: Instant,
    /// How often bytes came in: two reads may fall into one instant.
    pub(crate) reads: u64,
}

/// One stream's silence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alive {
    timing: Timing,
    /// When we asked, and what had come in by then.
    asked: Option<(Instant, u64)>,
}

impl Alive {
    /// Nothing asked yet.
    pub(crate) fn new(timing: Timing) -> Self {
        Self { timing, asked: None }
    }

    /// A question has been sent that the peer must answer, such as a request for an acknowledgement.
    pub(crate) fn asked(&mut self, heard: Heard, now: Instant) {
        if self.asked.is_none_or(|(_, reads)| reads != heard.reads) {
            self.asked = Some((now, heard.reads));
        }
    }

    /// When to look again, given what has come in. Any byte counts as a sign of life.
    pub(crate) fn deadline(&self, heard: Heard) -> Instant {
        match self.asked {
            Some((asked, reads)) if reads == heard.reads => asked + self.timing.answer,
            _ => heard.at + self.timing.idle,
        }
    }

    /// The deadline has passed at `now`.
    pub(crate) fn passed(&mut self, heard: Heard, now: Instant) -> Next {
        if now < self.deadline(heard) {
            return Next::Wait;
        }
        match self.asked {
            Some((_, reads)) if reads == heard.reads => Next::Dead,
            _ => {
                self.asked(heard, now);
                Next::Ask
            }
        }
    }
}
