//! What may be wrong with a payload, and error stanzas as Openfire writes them: with the legacy `code` attribute.

use crate::CLIENT;
use crate::element::{leaf, name};
use crate::text::clean;
use minidom::Element;

const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// Why a payload was refused. It names our own words only, never the sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Another element than the one named.
    #[error("this is not <{0}/>")]
    Other(&'static str),
    /// Something required is missing or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Longer than its cap.
    #[error("{0} is too long")]
    TooLong(&'static str),
    /// More of them than the cap.
    #[error("there are too many of {0}")]
    TooMany(&'static str),
    /// Not a number, JID or stamp where one is due.
    #[error("{0} has an impossible value")]
    BadValue(&'static str),
}

impl Malformed {
    /// The condition with which a request that is malformed is answered.
    pub fn condition(self) -> Condition {
        match self {
            Self::TooLong(_) | Self::TooMany(_) => Condition::NotAcceptable,
            _ => Condition::BadRequest,
        }
    }
}

/// Error conditions in use (RFC 6120 §8.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The payload is wrong.
    BadRequest,
    /// It exists already.
    Conflict,
    /// The peer does not do that.
    FeatureNotImplemented,
    /// The sender may not.
    Forbidden,
    /// We failed.
    InternalServerError,
    /// There is no such thing.
    ItemNotFound,
    /// The content is refused.
    NotAcceptable,
    /// Nobody may, at present.
    NotAllowed,
    /// No agent, or no such workgroup: deliberately the same.
    NotAuthorized,
    /// Too much of it.
    PolicyViolation,
    /// The other person is not there.
    RecipientUnavailable,
    /// No answer from there.
    RemoteServerTimeout,
    /// Full.
    ResourceConstraint,
    /// Closed, or not known here.
    ServiceUnavailable,
    /// Not expected at this moment.
    UnexpectedRequest,
}

const ALL: [Condition; 15] = [
    Condition::BadRequest,
    Condition::Conflict,
    Condition::FeatureNotImplemented,
    Condition::Forbidden,
    Condition::InternalServerError,
    Condition::ItemNotFound,
    Condition::NotAcceptable,
    Condition::NotAllowed,
    Condition::NotAuthorized,
    Condition::PolicyViolation,
    Condition::RecipientUnavailable,
    Condition::RemoteServerTimeout,
    Condition::ResourceConstraint,
    Condition::ServiceUnavailable,
    Condition::UnexpectedRequest,
];

impl Condition {
    /// Element name, `type` and legacy `code` (XEP-0086).
    pub fn parts(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::BadRequest => ("bad-request", "modify", 400),
            Self::Conflict => ("conflict", "cancel", 409),
            Self::FeatureNotImplemented => ("feature-not-implemented", "cancel", 501),
            Self::Forbidden => ("forbidden", "auth", 403),
            Self::InternalServerError => ("internal-server-error", "wait", 500),
            Self::ItemNotFound => ("item-not-found", "cancel", 404),
            Self::NotAcceptable => ("not-acceptable", "modify", 406),
            Self::NotAllowed => ("not-allowed", "cancel", 405),
            Self::NotAuthorized => ("not-authorized", "auth", 401),
            Self::PolicyViolation => ("policy-violation", "modify", 406),
            Self::RecipientUnavailable => ("recipient-unavailable", "wait", 404),
            Self::RemoteServerTimeout => ("remote-server-timeout", "wait", 504),
            Self::ResourceConstraint => ("resource-constraint", "wait", 500),
            Self::ServiceUnavailable => ("service-unavailable", "cancel", 503),
            Self::UnexpectedRequest => ("unexpected-request", "wait", 400),
        }
    }

    /// `<error/>` with the condition and, for people, a sentence.
    pub fn element(self, sentence: Option<&str>) -> Element {
        let (condition, kind, code) = self.parts();
        Element::builder("error", CLIENT)
            .attr(name!("code"), code.to_string())
            .attr(name!("type"), kind)
            .append(Element::builder(condition, STANZAS).build())
            .append_all(sentence.map(|sentence| leaf("text", STANZAS, sentence)))
            .build()
    }

    /// Reads an `<error/>`, or the one inside a stanza. `None`: no error, or a condition that is not in use here.
    pub fn read(element: &Element) -> Option<Self> {
        let error = if element.name() == "error" {
            element
        } else {
            element.children().find(|child| child.name() == "error")?
        };
        error
            .children()
            .filter(|child| child.has_ns(STANZAS))
            .find_map(|child| ALL.into_iter().find(|condition| condition.parts().0 == child.name()))
    }
}

/// The result of a request: same id, addresses swapped.
pub fn result(request: &Element, payload: Option<Element>) -> Element {
    answer(request, "result").append_all(payload).build()
}

/// The refusal of a request: same id, addresses swapped, the payload echoed.
pub fn refusal(request: &Element, condition: Condition, sentence: Option<&str>) -> Element {
    answer(request, "error")
        .append_all(request.children().next().cloned())
        .append(condition.element(sentence))
        .build()
}

fn answer(request: &Element, kind: &str) -> minidom::element::ElementBuilder {
    let value = |name: &str| request.attr(name).map(clean);
    Element::builder("iq", CLIENT)
        .attr(name!("type"), kind)
        .attr(name!("id"), value("id"))
        .attr(name!("from"), value("to"))
        .attr(name!("to"), value("from"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_comes_back() {
        for condition in ALL {
            assert_eq!(Condition::read(&condition.element(Some("why"))), Some(condition));
        }
    }

    #[test]
    fn recorded_refusal() {
        let stanza: Element = r#"<iq xmlns="jabber:client" type="error" id="p64" from="support@workgroup.example.test"
            to="wanda@example.test/home"><transcripts xmlns="http://jabber.org/protocol/workgroup" userID="wanda@example.test"/>
            <error code="401" type="auth"><not-authorized xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>"#
            .parse()
            .unwrap();
        assert_eq!(Condition::read(&stanza), Some(Condition::NotAuthorized));
        let error = stanza.get_child("error", CLIENT).unwrap();
        assert_eq!(error.attr("code"), Condition::NotAuthorized.element(None).attr("code"));
    }

    #[test]
    fn refusal_echoes_and_swaps() {
        let request: Element = r#"<iq xmlns="jabber:client" type="get" id="a" from="a@example.test/x" to="support@workgroup.example.test">
            <monitor xmlns="http://jivesoftware.com/protocol/workgroup"/></iq>"#
            .parse()
            .unwrap();
        let answer = refusal(&request, Condition::Forbidden, None);
        assert_eq!(answer.attr("to"), Some("a@example.test/x"));
        assert_eq!(answer.attr("from"), Some("support@workgroup.example.test"));
        assert_eq!(answer.children().next().map(Element::name), Some("monitor"));
        assert_eq!(Condition::read(&answer), Some(Condition::Forbidden));
    }
}
