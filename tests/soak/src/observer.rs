//! What somebody outside has seen, and what follows from it.

use crate::disk::Known;
use flint_fastpath_routing::{Phase, SessionId, Timestamp};
use minidom::Element;
use std::collections::{BTreeMap, BTreeSet};

const NEXT_IN_LINE: &str = "You are next in line";

/// An offer that an agent's client shows.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) agent: String,
    pub(crate) id: String,
    /// The connection broke since: its withdrawal may have been lost.
    stale: bool,
}

/// Everything that was seen on the wire.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    /// Addressee by id of the offer, for ever.
    addressees: BTreeMap<String, String>,
    /// Offers that are open, by visit.
    pub(crate) open: BTreeMap<String, Shown>,
    /// Visits that a customer was told of.
    told: BTreeSet<String>,
    /// Notices that the customer waits again, by visit, since the connection is up.
    notices: BTreeMap<String, u32>,
    /// How often somebody took a visit since the connection is up.
    pub(crate) taken: BTreeMap<String, u32>,
    /// Visits whose agent left on purpose, or may have.
    pub(crate) may_end: BTreeSet<String>,
    /// A workgroup was deleted.
    pub(crate) deleted: bool,
    /// First visit that is not over.
    settled: usize,
    pub(crate) problem: Option<String>,
}

fn child<'a>(stanza: &'a Element, name: &str) -> Option<&'a Element> {
    stanza.children().find(|child| child.name() == name)
}

/// The visit that a stanza names.
pub(crate) fn session_of(stanza: &Element) -> Option<String> {
    if stanza.name() == "session" {
        return stanza.attr("id").map(str::to_owned);
    }
    stanza.children().find_map(session_of)
}

impl Observer {
    /// A connection ended, by whatever.
    pub(crate) fn broke(&mut self) {
        self.notices.clear();
        self.taken.clear();
        for shown in self.open.values_mut() {
            shown.stale = true;
        }
    }

    /// This client shows no offers any more.
    pub(crate) fn closed(&mut self, client: &str) {
        self.open.retain(|_, shown| shown.agent != client);
    }

    /// Somebody received this.
    pub(crate) fn received(&mut self, to: &str, stanza: &Element) {
        if let Some(offer) = child(stanza, "offer") {
            self.offered(to, offer);
        }
        if let Some(revoke) = child(stanza, "offer-revoke") {
            let id = revoke.attr("id").unwrap_or_default();
            self.open.retain(|_, shown| shown.id != id);
        }
        if child(stanza, "queue-status").is_some()
            && stanza.name() == "message"
            && let Some(session) = session_of(stanza)
        {
            self.told.insert(session);
        }
        let notice = child(stanza, "body").is_some_and(|body| body.text().starts_with(NEXT_IN_LINE));
        let room = stanza.attr("from").and_then(|from| from.split('@').next());
        if let (true, Some(session), true) = (notice, room, to.starts_with('c')) {
            let count = self.notices.entry(session.to_owned()).or_default();
            *count += 1;
            if *count > 1 + self.taken.get(session).copied().unwrap_or_default() {
                self.problem = Some(format!("{to} is told {count} times to wait ({session})"));
            }
        }
    }

    fn offered(&mut self, to: &str, offer: &Element) {
        let (Some(id), Some(session)) = (offer.attr("id"), session_of(offer)) else {
            self.problem = Some("an offer without id or visit".to_owned());
            return;
        };
        if let Some(other) = self.addressees.insert(id.to_owned(), to.to_owned()) {
            self.problem = Some(format!("the offer {id} went to {other} and to {to}"));
        }
        let shown = Shown { agent: to.to_owned(), id: id.to_owned(), stale: false };
        if let Some(old) = self.open.insert(session.clone(), shown)
            && !old.stale
            && old.agent != to
        {
            self.problem = Some(format!("{session} is offered to {to} while {} has {}", old.agent, old.id));
        }
    }

    /// Compares the disk with what was seen. `now` is given while the service has nothing to do.
    pub(crate) fn check(&mut self, known: &mut Known, now: Option<Timestamp>) -> Result<(), String> {
        if let Some(problem) = self.problem.take().or_else(|| known.problem.take()) {
            return Err(problem);
        }
        let router = &known.state.router;
        let alive: BTreeSet<&SessionId> = router.sessions().collect();
        while known.joined.get(self.settled).is_some_and(|(session, _)| !alive.contains(session)) {
            self.check_end(known, &known.joined[self.settled].0)?;
            self.settled += 1;
        }
        let mut lines: BTreeMap<(&str, &str), Vec<&SessionId>> = BTreeMap::new();
        let mut found = 0;
        for (session, joined) in &known.joined[self.settled..] {
            let Some(view) = router.customer(session) else {
                self.check_end(known, session)?;
                continue;
            };
            found += 1;
            if view.joined_at.0 != *joined {
                return Err(format!("{session} joined at another time than it did"));
            }
            if known.summaries.get(session).is_none_or(|summary| summary.ended.is_some()) {
                return Err(format!("{session} is there and is filed as over, or not at all"));
            }
            if matches!(view.phase, Phase::Waiting | Phase::Offered { .. }) {
                lines.entry((&view.workgroup.0, view.queue)).or_default().push(session);
            }
            let same = router.visits(view.client).filter(|other| {
                *other != session
                    && router.customer(other).is_some_and(|other| {
                        other.workgroup == view.workgroup && matches!(other.phase, Phase::Waiting)
                    })
            });
            if matches!(view.phase, Phase::Waiting) && same.count() > 0 {
                return Err(format!("{} waits twice", view.client));
            }
        }
        if found != alive.len() {
            return Err("somebody is there who never joined".to_owned());
        }
        for ((workgroup, queue), expected) in lines {
            let name = flint_fastpath_routing::WorkgroupName(workgroup.to_owned());
            let view = router.queue(&name, queue, usize::MAX);
            let order: Vec<&SessionId> =
                view.into_iter().flat_map(|view| view.waiting).map(|(session, ..)| session).collect();
            if order != expected {
                return Err(format!("{workgroup}/{queue} has another order than that of the joins"));
            }
        }
        if let Some(session) =
            self.told.iter().find(|told| !known.summaries.contains_key(&SessionId((*told).clone())))
        {
            return Err(format!("{session} was told of a place that no disk knows"));
        }
        if let Some(now) = now {
            let late = router.timers().into_iter().find(|(_, at)| now.since(*at) > 1_000);
            if let Some((timer, at)) = late {
                return Err(format!("{timer:?} was due {} ms ago", now.since(at)));
            }
        }
        Ok(())
    }

    /// Somebody is no longer there: is it written down, and had it a reason?
    fn check_end(&self, known: &Known, session: &SessionId) -> Result<(), String> {
        let Some(summary) = known.summaries.get(session).filter(|summary| summary.ended.is_some()) else {
            return Err(format!("{session} is lost"));
        };
        let reason = summary.end.as_deref().unwrap_or_default();
        // These customers stay, whatever happens.
        let loyal = ["c0@", "c1@", "c2@", "c3@"].iter().any(|name| summary.user.starts_with(name));
        let fine = match reason {
            "agent-left" => !loyal || self.may_end.contains(&session.0),
            "timed-out" => summary.workgroup == "sales",
            "workgroup-gone" => self.deleted,
            _ => !loyal,
        };
        if fine {
            Ok(())
        } else {
            Err(format!("{session} of {} ended without a reason: {reason}", summary.user))
        }
    }
}
