//! Finding the service, its workgroups, and whether one is open.

use crate::element::{bare_attr, child, child_text, children, expect, is, jid_attr, leaf, name};
use crate::error::Malformed;
use crate::text::clean;
use crate::{JWG, WG, limits, stamp};
use jid::{BareJid, Jid};
use minidom::Element;

/// disco#info (XEP-0030 §3).
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// disco#items (XEP-0030 §4).
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
const DATA: &str = "jabber:x:data";
const VCARD: &str = "vcard-temp";
const VERSION: &str = "jabber:iq:version";
const WORKGROUP_INFO: &str = "http://jabber.org/protocol/workgroup#workgroupinfo";

/// Whether a workgroup takes customers, as its disco#info says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opening {
    /// Takes customers.
    Open,
    /// Open by its hours, but no agent is free.
    Ready,
    /// Closed; also any word that we do not know.
    Closed,
}

impl Opening {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Ready => "READY",
            Self::Closed => "CLOSED",
        }
    }
}

/// disco#info answer of the service.
pub fn service_info(name: &str, sends_mail: bool) -> Element {
    let mail = sends_mail.then_some("jive:email:provider");
    let features = [WG, DISCO_INFO, DISCO_ITEMS, VERSION].into_iter().chain(mail).map(feature);
    Element::builder("query", DISCO_INFO).append(identity(name)).append_all(features).build()
}

/// Does this disco#info answer come from a workgroup service?
pub fn is_service_info(query: &Element) -> bool {
    query.is("query", DISCO_INFO)
        && query.children().any(|child| child.is("feature", DISCO_INFO) && child.attr("var") == Some(WG))
}

/// disco#info answer of one workgroup.
pub fn workgroup_info(name: &str, description: &str, opening: Opening) -> Element {
    let field = |var: &str, kind: Option<&str>, label: Option<&str>, value: &str| {
        Element::builder("field", DATA)
            .attr(name!("var"), var)
            .attr(name!("type"), kind)
            .attr(name!("label"), label)
            .append(leaf("value", DATA, value))
            .build()
    };
    let form = Element::builder("x", DATA)
        .attr(name!("type"), "result")
        .append(field("FORM_TYPE", Some("hidden"), None, WORKGROUP_INFO))
        .append(field("workgroup#description", None, Some("Description"), description))
        .append(field("workgroup#online", None, Some("Status"), opening.name()))
        .build();
    Element::builder("query", DISCO_INFO)
        .append(identity(name))
        .append(feature(DISCO_INFO))
        .append(form)
        .build()
}

/// Name, description and state out of a workgroup's disco#info answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkgroupInfo {
    /// Name shown, may be empty.
    pub name: String,
    /// What it is for, may be empty.
    pub description: String,
    /// Takes customers?
    pub opening: Opening,
}

impl WorkgroupInfo {
    /// Reads the answer.
    pub fn read(query: &Element) -> Result<Self, Malformed> {
        if !query.is("query", DISCO_INFO) {
            return Err(Malformed::Other("query"));
        }
        let identity = query
            .children()
            .find(|child| child.is("identity", DISCO_INFO) && child.attr("type") == Some("workgroup"));
        let identity = identity.ok_or(Malformed::Missing("identity"))?;
        let value = |var: &str| -> Result<String, Malformed> {
            let field = query
                .children()
                .filter(|child| child.is("x", DATA))
                .flat_map(Element::children)
                .find(|field| field.is("field", DATA) && field.attr("var") == Some(var));
            match field.and_then(|field| field.get_child("value", DATA)) {
                Some(value) => crate::element::text(value, "value", limits::TEXT),
                None => Ok(String::new()),
            }
        };
        let opening = match value("workgroup#online")?.as_str() {
            "OPEN" => Opening::Open,
            "READY" => Opening::Ready,
            _ => Opening::Closed,
        };
        Ok(Self {
            name: crate::element::attr(identity, "name", limits::NAME)?.unwrap_or_default(),
            description: value("workgroup#description")?,
            opening,
        })
    }
}

/// disco#items answer: addresses with names.
pub fn items<'a>(list: impl IntoIterator<Item = (&'a BareJid, &'a str)>) -> Element {
    let items = list.into_iter().map(|(jid, label)| {
        Element::builder("item", DISCO_ITEMS)
            .attr(name!("jid"), jid.to_string())
            .attr(name!("name"), clean(label))
            .build()
    });
    Element::builder("query", DISCO_ITEMS).append_all(items).build()
}

/// Reads a disco#items answer. Items whose address is impossible are passed over.
pub fn read_items(query: &Element) -> Result<Vec<Jid>, Malformed> {
    if !query.is("query", DISCO_ITEMS) {
        return Err(Malformed::Other("query"));
    }
    let items: Vec<&Element> = query.children().filter(|child| child.is("item", DISCO_ITEMS)).collect();
    if items.len() > limits::ROWS {
        return Err(Malformed::TooMany("item"));
    }
    Ok(items.into_iter().filter_map(|item| jid_attr(item, "jid").ok().flatten()).collect())
}

/// `jabber:iq:version` answer (XEP-0092).
pub fn version(name: &str, version: &str) -> Element {
    Element::builder("query", VERSION)
        .append(leaf("name", VERSION, name))
        .append(leaf("version", VERSION, version))
        .build()
}

/// `vcard-temp` answer of a workgroup (XEP-0054).
pub fn vcard(name: &str, workgroup: &BareJid) -> Element {
    Element::builder("vCard", VCARD)
        .append(leaf("FN", VCARD, name))
        .append(leaf("NICKNAME", VCARD, name))
        .append(leaf("JABBERID", VCARD, &workgroup.to_string()))
        .build()
}

/// Asks a workgroup for its `vcard-temp`, the only place that holds the name to show.
pub fn vcard_request() -> Element {
    Element::builder("vCard", VCARD).build()
}

/// The name to show out of a `vcard-temp` answer; may be empty.
///
/// # Errors
/// When it is something else or the name is too long.
pub fn read_vcard(vcard: &Element) -> Result<String, Malformed> {
    if !vcard.is("vCard", VCARD) {
        return Err(Malformed::Other("vCard"));
    }
    vcard
        .get_child("FN", VCARD)
        .map_or(Ok(String::new()), |name| crate::element::text(name, "FN", limits::NAME))
}

/// `<workgroups jid='…'/>` as a question: in which workgroups is this person an agent?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkgroupsRequest {
    /// Who.
    pub agent: Jid,
}

impl WorkgroupsRequest {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "workgroups")?;
        Ok(Self { agent: jid_attr(element, "jid")?.ok_or(Malformed::Missing("jid"))? })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("workgroups", WG).attr(name!("jid"), self.agent.to_string()).build()
    }
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workgroups {
    /// Who.
    pub agent: Option<BareJid>,
    /// Where.
    pub workgroups: Vec<BareJid>,
}

impl Workgroups {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "workgroups")?;
        let workgroups = children(element, "workgroup", limits::ROWS)?
            .into_iter()
            .map(|workgroup| bare_attr(workgroup, "jid")?.ok_or(Malformed::Missing("jid")))
            .collect::<Result<_, _>>()?;
        Ok(Self { agent: bare_attr(element, "jid")?, workgroups })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("workgroups", WG)
            .attr(name!("jid"), self.agent.as_ref().map(ToString::to_string))
            .append_all(self.workgroups.iter().map(|workgroup| {
                Element::builder("workgroup", WG).attr(name!("jid"), workgroup.to_string()).build()
            }))
            .build()
    }
}

/// `<workgroup><lastModified/></workgroup>` in a workgroup's own presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkgroupPresence {
    /// When its settings changed (milliseconds).
    pub last_modified: Option<i64>,
}

impl WorkgroupPresence {
    /// The one in a presence, if there is one.
    pub fn inside(presence: &Element) -> Result<Option<Self>, Malformed> {
        let Some(workgroup) = child(presence, "workgroup").filter(|element| is(element, "workgroup")) else {
            return Ok(None);
        };
        let stamp = child_text(workgroup, "lastModified", 64)?;
        Ok(Some(Self { last_modified: stamp.as_deref().and_then(stamp::read) }))
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("workgroup", JWG)
            .append_all(self.last_modified.map(|at| leaf("lastModified", JWG, &stamp::legacy(at))))
            .build()
    }
}

fn identity(label: &str) -> Element {
    Element::builder("identity", DISCO_INFO)
        .attr(name!("category"), "collaboration")
        .attr(name!("type"), "workgroup")
        .attr(name!("name"), clean(label))
        .build()
}

fn feature(var: &str) -> Element {
    Element::builder("feature", DISCO_INFO).attr(name!("var"), var).build()
}
